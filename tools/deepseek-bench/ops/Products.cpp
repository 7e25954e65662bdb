#include "tools/deepseek-bench/ops/Products.h"

#include "tools/deepseek-bench/TestData.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

std::vector<int64_t> sampleOf(int64_t size, int64_t count) {
  std::vector<int64_t> all;
  if (size <= count) {
    for (int64_t i = 0; i < size; ++i)
      all.push_back(i);
    return all;
  }
  all = {0, size - 1};
  Random random(static_cast<uint64_t>(size));
  while (static_cast<int64_t>(all.size()) < count) {
    int64_t next = static_cast<int64_t>(random.next() % static_cast<uint64_t>(size));
    if (std::find(all.begin(), all.end(), next) == all.end())
      all.push_back(next);
  }
  std::sort(all.begin(), all.end());
  return all;
}

Status checkProductRow(const ProductShape &s, int64_t row, int64_t matrix, OpData &data, OpCheck &found) {
  const int64_t n = s.n, k = s.k, blocks = blocksOf(k);
  std::vector<float> a(static_cast<size_t>(k)), b(a.size()), got(static_cast<size_t>(n));
  std::vector<float> aScales(static_cast<size_t>(blocks), 1), bScales(aScales);
  data.input(s.a, row * k, a);
  if (s.isFp8)
    data.input(s.aScales, row * blocks, aScales);
  DSRT_RETURN_IF_ERROR(data.output(0, row * n, got));
  for (int64_t column : sampleOf(n, 16)) {
    data.input(s.b, (matrix * n + column) * k, b);
    if (s.isFp8)
      data.input(s.bScales, (matrix * blocksOf(n) + column / scaleBlock) * blocks, bScales);
    double want = 0, squares = 0;
    for (int64_t block = 0; block < blocks; ++block) {
      const double scale = static_cast<double>(aScales[block]) * static_cast<double>(bScales[block]);
      for (int64_t i = block * scaleBlock, end = std::min(k, i + scaleBlock); i < end; ++i) {
        const double product = scale * a[i] * b[i];
        want += product;
        squares += product * product;
      }
    }
    const double deviation = std::sqrt(squares);
    const double sums = s.isFp8 ? 8 * 0x1p-13 : 4 * std::sqrt(static_cast<double>(k)) * 0x1p-23;
    found.add(got[column], want, bf16Rounding(want) + sums * deviation);
  }
  return Status();
}

} // namespace dsrt
