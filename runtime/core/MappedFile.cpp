#include "runtime/core/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dsrt {

StatusOr<MappedFile> MappedFile::open(const std::string &path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return Status::error("cannot open " + path + ": " + std::strerror(errno));
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Status::error(path + " is not a regular file");
  }
  MappedFile file;
  file.name = path;
  file.size = static_cast<size_t>(info.st_size);
  if (file.size) {
    void *data = mmap(nullptr, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      std::string reason = std::strerror(errno);
      ::close(fd);
      return Status::error("cannot map " + path + " (" + std::to_string(file.size) + " bytes): " + reason);
    }
    file.data = data;
  }
  ::close(fd);
  return file;
}

MappedFile::MappedFile(MappedFile &&other) noexcept { *this = std::move(other); }

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(data, other.data);
  std::swap(size, other.size);
  std::swap(name, other.name);
  return *this;
}

MappedFile::~MappedFile() {
  if (data)
    munmap(data, size);
}

StatusOr<std::string> readTextFile(const std::string &path, size_t limit) {
  DSRT_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  if (file.bytes().size() > limit)
    return Status::error(path + " has " + std::to_string(file.bytes().size()) + " bytes, expected at most " +
                         std::to_string(limit));
  return std::string(reinterpret_cast<const char *>(file.bytes().data()), file.bytes().size());
}

} // namespace dsrt
