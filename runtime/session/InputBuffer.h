// An input buffer of a program with a copy on the host: what does not change from one call to the next (most of the
// block tables, all sampling options) is not sent again.
#pragma once

#include "runtime/core/Program.h"

#include <span>
#include <vector>

namespace dsrt {

class InputBuffer {
public:
  // The program has allocated the buffer, which starts as zeros.
  InputBuffer(Program &program, const char *name);

  // Sets elements first..first+values.size()-1; T is the buffer's element type.
  template <typename T> Status set(size_t first, std::span<const T> values) {
    return setBytes(first * sizeof(T), values.data(), values.size_bytes());
  }
  template <typename T> Status set(const std::vector<T> &values) { return set(0, std::span<const T>(values)); }

private:
  Status setBytes(size_t offset, const void *bytes, size_t size);
  Memory &memory;
  char *address;
  std::vector<char> shadow;
};

} // namespace dsrt
