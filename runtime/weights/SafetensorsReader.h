// A safetensors file: 8 bytes with the header's length, the header, the data. The file is mapped, not read; opening it
// proves that the tensors tile the data exactly, so that a truncated, overlapping or padded file is refused.
#pragma once

#include "runtime/core/MappedFile.h"
#include "runtime/weights/SafetensorsHeader.h"

#include <cstddef>
#include <span>
#include <unordered_map>

namespace dsrt {

class SafetensorsReader {
public:
  static StatusOr<SafetensorsReader> open(const std::string &path);

  const std::string &path() const { return file.path(); }
  const std::vector<SafetensorsEntry> &tensors() const { return entries; }
  const SafetensorsEntry *find(const std::string &name) const;
  std::span<const std::byte> data(const SafetensorsEntry &entry) const;

private:
  explicit SafetensorsReader(MappedFile file) : file(std::move(file)) {}
  MappedFile file;
  size_t dataStart = 0;
  std::vector<SafetensorsEntry> entries;
  std::unordered_map<std::string, size_t> byName;
};

// The header's entries, checked against the whole file's bytes; `dataStart` receives the first byte of data.
StatusOr<std::vector<SafetensorsEntry>> readSafetensorsEntries(std::span<const std::byte> bytes,
                                                               const std::string &file, size_t &dataStart);

} // namespace dsrt
