#include "runtime/core/CudaDriver.h"

#include <cstring>
#include <dlfcn.h>

namespace dsrt {

static StatusOr<const CudaDriver *> loadOnce() {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) // dlerror's text names a file that the user need not know, but it may say why it did not load
    return Status::error(std::string("no GPU driver: ") + dlerror());
  static CudaDriver driver;
#define DSRT_CUDA_FUNCTION(name, symbol, ...)                                                                          \
  driver.name = reinterpret_cast<CuResult (*)(__VA_ARGS__)>(dlsym(library, #symbol));                                  \
  if (!driver.name)                                                                                                    \
    return Status::error("the GPU driver is too old: libcuda.so.1 has no function " #symbol);
#include "runtime/core/CudaFunctions.def"
#undef DSRT_CUDA_FUNCTION
  DSRT_CUDA_TRY(driver, cuInit(0));
  return &driver;
}

StatusOr<const CudaDriver *> CudaDriver::load() {
  static const StatusOr<const CudaDriver *> loaded = loadOnce();
  return loaded;
}

Status cudaError(const CudaDriver &driver, CuResult code, const char *expression, const char *file, int line) {
  const char *name = nullptr, *text = nullptr;
  if (driver.cuGetErrorName(code, &name) != 0 || !name)
    name = "unknown error";
  if (driver.cuGetErrorString(code, &text) != 0 || !text)
    text = "no description";
  const char *slash = std::strrchr(file, '/');
  return Status::error(std::string(expression) + " failed with " + name + " (" + std::to_string(code) + ", " + text +
                       ") at " + (slash ? slash + 1 : file) + ":" + std::to_string(line));
}

} // namespace dsrt
