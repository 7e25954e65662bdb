// The JSON header of a safetensors file, parsed as a stream of events: nothing is kept but the table of tensors, names
// that occur twice are noticed (a document tree would drop one silently), and nesting that no header has is refused.
#pragma once

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

struct SafetensorsEntry {
  std::string name;
  std::string dtypeName;      // as the file spells it
  std::optional<DType> dtype; // absent for types that no buffer can have (F64, BOOL, ...)
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0; // bytes within the data that follow the header
};

// The tensors of a header, each consistent in itself: a known dtype, begin <= end, and as many bytes as dtype and shape
// ask for. `file` opens each error message.
StatusOr<std::vector<SafetensorsEntry>> parseSafetensorsHeader(std::string_view json, const std::string &file);

} // namespace dsrt
