// Greedy placement by size.
#include "passes/cost/Arena.h"
#include <algorithm>
#include <numeric>

using namespace mlir::deepseek::cost;

ArenaPlan mlir::deepseek::cost::planArena(const std::vector<Lifetime> &lifetimes, int64_t alignment) {
  auto aligned = [&](int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });

  ArenaPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<size_t> placed; // in order of offset
  for (size_t index : order) {
    const Lifetime &buffer = lifetimes[index];
    int64_t offset = 0;
    for (size_t other : placed) {
      const Lifetime &o = lifetimes[other];
      if (o.last < buffer.first || buffer.last < o.first)
        continue; // never alive together
      if (offset + aligned(buffer.bytes) <= plan.offsets[other])
        break; // the gap before `other` is large enough; the rest lies higher
      offset = std::max(offset, plan.offsets[other] + aligned(o.bytes));
    }
    plan.offsets[index] = offset;
    auto position = std::upper_bound(placed.begin(), placed.end(), offset,
                                     [&](int64_t value, size_t other) { return value < plan.offsets[other]; });
    placed.insert(position, index);
    plan.bytes = std::max(plan.bytes, offset + aligned(buffer.bytes));
    plan.bytesWithoutReuse += aligned(buffer.bytes);
  }
  return plan;
}
