// One head of one token in float64: scores first, then the weighted sum of values.
#pragma once

#include "tools/deepseek-bench/ops/Family.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

class AttentionReference {
public:
  explicit AttentionReference(double scale) : scale(scale) {}

  void addScore(const float *query, const float *key, int64_t depth) {
    double sum = 0;
    for (int64_t i = 0; i < depth; ++i)
      sum += static_cast<double>(query[i]) * key[i];
    scores.push_back(sum * scale);
  }

  // `valueOf(j)`: the values of position j. Allowed: the rounding of the result to bf16; weights p are rounded to bf16
  // before they meet the values, independently, which moves a result by 2^-9 sqrt(sum (p v)^2), and eight times that in
  // the worst of many; scores in f32 are off by a few 2^-23 of their size, far less.
  template <typename ValueOf> void compare(std::span<const float> got, ValueOf valueOf, OpCheck &found) {
    const double most = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double &score : scores)
      total += score = std::exp(score - most);
    std::vector<double> want(got.size()), squares(got.size());
    for (size_t j = 0; j < scores.size(); ++j) {
      const float *value = valueOf(static_cast<int64_t>(j));
      const double p = scores[j] / total;
      for (size_t i = 0; i < got.size(); ++i) {
        const double term = p * value[i];
        want[i] += term;
        squares[i] += term * term;
      }
    }
    for (size_t i = 0; i < got.size(); ++i)
      found.add(got[i], want[i], bf16Rounding(want[i]) + 8 * 0x1p-9 * std::sqrt(squares[i]));
  }

private:
  double scale;
  std::vector<double> scores;
};

} // namespace dsrt
