// What the families of matrix products share: the float64 reference of sampled results.
#pragma once

#include "tools/deepseek-bench/ops/Family.h"

namespace dsrt {

inline constexpr int64_t scaleBlock = 128;
inline int64_t blocksOf(int64_t size) { return (size + scaleBlock - 1) / scaleBlock; }
// Values of e4m3 as quantisation leaves them: the largest of a block at 448.
inline constexpr double fp8Deviation = 128;

// `count` of [0, size), the first and the last among them; all where there are fewer.
std::vector<int64_t> sampleOf(int64_t size, int64_t count);

// D [., n] = A [., k] B [., n, k]^T; arguments by number.
struct ProductShape {
  int64_t n, k;
  bool isFp8;
  size_t a, b, aScales, bScales;
};

// Sixteen elements of row `row` of result 0, which is a product with matrix `matrix` of B.
// Allowed: the rounding to bf16, and that of the sums. bf16: products are exact, sums have f32's mantissa at the least
// and grow at random: 4 sqrt(k) 2^-23 of their deviation, far below the rounding. fp8: the tensor core keeps 13 bits of
// a sum's fraction and cuts the rest in each of the four steps of a block: 4 * 2^-13 of a block's size, twice for the
// tail of the distribution.
Status checkProductRow(const ProductShape &shape, int64_t row, int64_t matrix, OpData &data, OpCheck &found);

} // namespace dsrt
