// Placement of buffers with known lifetimes in one block of memory.
#pragma once

#include <cstdint>
#include <vector>

namespace mlir::deepseek::cost {

/// A buffer that is written at step `first` and read for the last time at step `last` (both included).
struct Lifetime {
  int64_t bytes;
  int64_t first, last;
};

struct ArenaPlan {
  std::vector<int64_t> offsets; // one for each lifetime, aligned
  int64_t bytes = 0;            // size of the arena
  int64_t bytesWithoutReuse = 0;
};

/// Offsets such that buffers which live at a common step do not overlap. Largest first, each at the lowest offset that
/// is free for all of its steps: close to the lower bound (the largest sum of sizes alive at one step) for the
/// lifetimes of a model.
ArenaPlan planArena(const std::vector<Lifetime> &lifetimes, int64_t alignment = 256);

} // namespace mlir::deepseek::cost
