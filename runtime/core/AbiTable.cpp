#include "runtime/core/AbiTable.h"

#include "runtime/abi/DsrtAbi.h"

#include <dlfcn.h>

namespace dsrt {

Status checkAbiExports() {
  struct Entry {
    const char *name;
    void *address;
  };
  static const Entry table[] = {
#define DSRT_FUNCTION(name, result, ...) {#name, reinterpret_cast<void *>(&name)},
#include "runtime/abi/DsrtAbi.def"
#undef DSRT_FUNCTION
  };
  for (const Entry &entry : table)
    if (dlsym(RTLD_DEFAULT, entry.name) != entry.address)
      return Status::error(std::string("this program does not export ") + entry.name +
                           ", which artefacts import: link it with exported symbols");
  return Status();
}

} // namespace dsrt
