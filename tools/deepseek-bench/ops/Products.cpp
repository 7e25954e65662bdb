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

std::vector<std::string> searchedGemms(const OpCase &c) {
  std::vector<std::string> all;
  const bool isFp8 = std::string(c.family->name) == "linear-fp8";
  const std::string depth = isFp8 ? "128" : "64";
  auto add = [&](const char *op, int64_t m, int64_t n, const std::string &k, int64_t stages, int64_t split, int64_t warps) {
    all.push_back(std::string(op) + " schedule <tile = [" + std::to_string(m) + ", " + std::to_string(n) + ", " + k +
                  "], stages = " + std::to_string(stages) + ", split = " + std::to_string(split) +
                  ", warps = " + std::to_string(warps) + ">");
  };
  if (c["m"] <= 64)
    for (int64_t m : {8, 16, 32})
      for (int64_t n : {16, 32})
        for (int64_t warps : {2, 4, 8})
          if (m >= std::min<int64_t>(c["m"], 32) || m == 32)
            add("skinny_gemm", m, n, std::to_string(c["k"]), 1, 1, warps);
  if (c["m"] > 8)
    for (int64_t m : {64, 128})
      for (int64_t n : {64, 128, 192, 256})
        for (int64_t stages : {3, 4, 6, 8})
          if ((m + n) * 128 * stages + m * 256 <= 226 * 1024 && m <= std::max<int64_t>(64, c["m"]))
            add("gemm", m, n, depth, stages, 1, 4 + m / 16);
  return all;
}

} // namespace dsrt
