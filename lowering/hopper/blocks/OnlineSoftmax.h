// Softmax over keys that arrive tile by tile, for the rows of one m16 accumulator tile (mma16816's D: a lane holds row
// lane/4 and row lane/4 + 8).
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// Running values of a lane's two rows, in base 2. `max` is the same in the four lanes of a row; `sum` is the lane's
/// own part until finish.
struct SoftmaxRows {
  std::array<Value, 2> max, sum;

  SoftmaxRows() = default;
  explicit SoftmaxRows(ValueRange values) : max{values[0], values[1]}, sum{values[2], values[3]} {}
  Values values() const { return {max[0], max[1], sum[0], sum[1]}; }
  static constexpr int64_t kValues = 4;
  static SoftmaxRows start(KernelBuilder &k); // max -inf, sum 0

  /// Takes the scores of a tile of keys: `scores` holds the four D values of each group of eight keys, -inf where
  /// masked. Multiplies them by `scale` (positive, includes log2 e), updates the rows, and returns the probabilities
  /// relative to the new maximum as bf16 A fragments, four i32 for each sixteen keys. `rescale`: what accumulators of
  /// the two rows must be multiplied by. A row with nothing but -inf so far gives zeros.
  Values add(KernelBuilder &k, ValueRange scores, Value scale, std::array<Value, 2> &rescale);

  /// Sums of the whole rows: all four lanes of a row get it. Call once, after the last tile.
  void finish(KernelBuilder &k);
  /// 1 / sum, 0 for a row without keys. After finish.
  Value inverse(KernelBuilder &k, int64_t row) const;
  /// log2 of the sum of 2^score, -inf for a row without keys. After finish.
  Value logSum(KernelBuilder &k, int64_t row) const;
};

} // namespace mlir::deepseek::hopper
