// A whole file, mapped read-only. Pages are read when they are touched, so opening a file of many gigabytes is cheap.
#pragma once

#include "runtime/core/Status.h"

#include <cstddef>
#include <span>
#include <string>

namespace dsrt {

class MappedFile {
public:
  static StatusOr<MappedFile> open(const std::string &path);
  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte *>(data), size}; }
  const std::string &path() const { return name; }

private:
  MappedFile() = default;
  void *data = nullptr; // null for an empty file
  size_t size = 0;
  std::string name;
};

// The contents of a text file of at most `limit` bytes.
StatusOr<std::string> readTextFile(const std::string &path, size_t limit);

} // namespace dsrt
