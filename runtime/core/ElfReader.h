// Finds sections of an ELF shared object without executing or even linking any of it. Every offset is checked against
// the file before it is used: a truncated or hostile file gives an error, never a crash.
#pragma once

#include "runtime/core/Status.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

class ElfReader {
public:
  // `file` opens each error message. The bytes must outlive the reader.
  static StatusOr<ElfReader> parse(std::span<const std::byte> bytes, std::string file);

  // The contents of the section `name`. Null where there is none.
  const std::span<const std::byte> *find(std::string_view name) const;
  StatusOr<std::span<const std::byte>> section(std::string_view name) const;

private:
  struct Section {
    std::string_view name;
    std::span<const std::byte> contents;
  };
  std::string file;
  std::vector<Section> sections;
};

} // namespace dsrt
