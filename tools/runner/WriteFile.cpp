#include "tools/runner/WriteFile.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace dsrt {

Status writeFile(const std::string &path, const std::string &contents) {
  std::string temporary = path + ".tmp" + std::to_string(getpid());
  FILE *file = std::fopen(temporary.c_str(), "wb");
  bool written = file && std::fwrite(contents.data(), 1, contents.size(), file) == contents.size();
  if (file)
    written &= std::fclose(file) == 0;
  if (written && std::rename(temporary.c_str(), path.c_str()) == 0)
    return Status();
  std::string reason = std::strerror(errno);
  (void)unlink(temporary.c_str());
  return Status::error("cannot write " + path + ": " + reason);
}

} // namespace dsrt
