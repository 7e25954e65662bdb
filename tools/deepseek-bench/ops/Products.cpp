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

std::vector<std::string> searchedTiles(const char *op, bool isFp8, int64_t rows) {
  // A CTA's shared memory less what barriers take, a stage of 128 bytes of each row of a tile, and the results.
  constexpr int64_t sharedBytes = 226 * 1024, stageBytes = 128, resultBytes = 256;
  std::vector<std::string> all;
  for (int64_t m : {64, 128})
    for (int64_t n : {64, 128, 192, 256}) {
      const int64_t most = std::min<int64_t>(8, (sharedBytes - m * resultBytes) / ((m + n) * stageBytes));
      for (int64_t stages : {most, most / 2})
        if (stages >= 2 && m <= std::max<int64_t>(64, rows))
          all.push_back(std::string(op) + " schedule <tile = [" + std::to_string(m) + ", " + std::to_string(n) + ", " +
                        (isFp8 ? "128" : "64") + "], stages = " + std::to_string(stages) +
                        ", warps = " + std::to_string(4 + m / 16) + ">");
    }
  return all;
}

std::vector<std::string> searchedGemms(const OpCase &c) {
  const bool isFp8 = std::string(c.family->name) == "linear-fp8";
  std::vector<std::string> all;
  if (c["m"] > 16)
    all = searchedTiles("gemm", isFp8, c["m"]);
  if (c["m"] > 64)
    return all;
  for (int64_t m : {8, 16, 32})
    for (int64_t n : {16, 32})
      for (int64_t warps : {2, 4, 8})
        if (m >= std::min<int64_t>(c["m"], 32))
          all.push_back("skinny_gemm schedule <tile = [" + std::to_string(m) + ", " + std::to_string(n) + ", " +
                        std::to_string(c["k"]) + "], warps = " + std::to_string(warps) + ">");
  return all;
}

} // namespace dsrt
