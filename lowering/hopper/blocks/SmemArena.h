// Layout of a kernel's dynamic shared memory, planned while the kernel is built.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// Hands out shared memory from the start upwards; bytes() is what the launch must ask for. Arrays that live at
/// different times may share bytes: reset(mark()) gives back what was allocated since.
class SmemArena {
public:
  explicit SmemArena(KernelBuilder &k) : k(k), base(k.sharedBase()) {}

  static constexpr int64_t kSwizzleAlignment = 1024; // of a tile with a 128-byte swizzle
  static constexpr int64_t kMaxBytes = 227 * 1024;   // of one CTA on sm_90

  /// Offset in bytes of a new array.
  int64_t allocate(int64_t size, int64_t alignment = 16) {
    next = (next + alignment - 1) / alignment * alignment;
    int64_t offset = next;
    next += size;
    high = std::max(high, next);
    return offset;
  }
  int64_t mark() const { return next; }
  void reset(int64_t mark) { next = mark; }
  int64_t bytes() const { return high; }

  /// Address of an offset.
  Value at(int64_t offset) const { return k.gep(base, offset); }
  Value at(int64_t offset, Value dynamicBytes) const { return k.gep(k.gep(base, dynamicBytes), offset); }

private:
  KernelBuilder &k;
  Value base;
  int64_t next = 0, high = 0;
};

} // namespace mlir::deepseek::hopper
