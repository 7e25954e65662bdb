// What FakeModel.c computes, written a second time without caches, pages, chunks or batches.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace dsrt::test {

inline std::vector<float> fakeLogits(const std::vector<int32_t> &tokens, const std::vector<float> &bias) {
  long h = 0;
  for (size_t p = 0; p < tokens.size(); ++p)
    h += long(tokens[p] + 1) * long(p + 1);
  std::vector<float> logits;
  for (int v = 0; v < 32; ++v)
    logits.push_back(2 * bias[v] - std::fabs(float(v - h % 32)));
  return logits;
}

inline int32_t argmax(const std::vector<float> &logits) {
  int32_t best = 0;
  for (int32_t v = 1; v < int32_t(logits.size()); ++v)
    best = logits[v] > logits[best] ? v : best;
  return best;
}

// The next `count` tokens. A temperature above 0 adds seed * 7 + position.
inline std::vector<int32_t> fakeGenerate(std::vector<int32_t> tokens, size_t count, const std::vector<float> &bias,
                                         bool isGreedy = true, int64_t seed = 0) {
  std::vector<int32_t> generated;
  while (generated.size() < count) {
    int32_t next = argmax(fakeLogits(tokens, bias));
    if (!isGreedy)
      next = int32_t((next + seed * 7 + int64_t(tokens.size()) - 1) % 32);
    generated.push_back(next);
    tokens.push_back(next);
  }
  return generated;
}

} // namespace dsrt::test
