// Sampling over a vocabulary: the largest logit, or a draw from the most probable tokens that hold nine tenths of the
// mass.
#include "tools/deepseek-bench/TestData.h"
#include "tools/deepseek-bench/ops/Family.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace dsrt {

namespace {
constexpr double topP = 0.9;
constexpr int64_t seed = 20, position = 7;

std::vector<std::string> cases() {
  std::vector<std::string> all;
  for (const char *mode : {"", " mode=greedy"})
    for (int64_t rows : {1, 16})
      all.push_back(caseText("sample", {{"rows", rows}, {"vocab", 129280}}) + mode);
  return all;
}

bool isGreedy(const OpCase &c) { return c.word("mode") == "greedy"; }

OpFunction function(const OpCase &c, const OpSchedule *) {
  const int64_t rows = c["rows"];
  OpFunction f;
  auto all = [&](int64_t value) { return OpFill::values(std::vector<int64_t>(static_cast<size_t>(rows), value)); };
  f.arguments = {{DType::F32, {rows, c["vocab"]}}, {DType::F32, {rows}, all(isGreedy(c) ? 0 : 1)},
                 {DType::I32, {rows}, all(0)},     {DType::F32, {rows}, OpFill::uniform(topP, topP)},
                 {DType::I64, {rows}, all(seed)},  {DType::I32, {rows}, all(position)}};
  f.results = {{DType::I32, {rows}}};
  f.bytes = f.wholeBytes();
  std::string types;
  for (const OpValue &argument : f.arguments)
    types += (types.empty() ? "" : ", ") + argument.type();
  f.body = "  %r0 = deepseek.sample %a0, %a1, %a2, %a3, %a4, %a5 : (" + types + ") -> " + f.results[0].type() + "\n";
  return f;
}

// The drawn token lies where the running sum, in index order over the candidates, reaches u of the whole. f32 weights
// of a large vocabulary sum to within 1e-4 of the whole: the token may be any that this much can reach.
bool isDraw(const std::vector<float> &logits, int64_t token) {
  constexpr double slack = 1e-4;
  std::vector<int64_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  std::vector<double> weights;
  for (float logit : logits)
    weights.push_back(std::exp(static_cast<double>(logit) - logits[static_cast<size_t>(order[0])]));
  const double mass = std::accumulate(weights.begin(), weights.end(), 0.0);
  double total = 0, limit = 0; // of the candidates; the weight of the least
  for (int64_t index : order) {
    total += weights[static_cast<size_t>(index)];
    limit = weights[static_cast<size_t>(index)];
    if (total >= topP * mass)
      break;
  }
  const double u = static_cast<double>(Random(seed + position * 0x9e3779b97f4a7c15u).next() >> 40) * 0x1p-24;
  double before = 0;
  for (int64_t i = 0; i < token; ++i)
    before += weights[static_cast<size_t>(i)] >= limit ? weights[static_cast<size_t>(i)] : 0;
  const double weight = weights[static_cast<size_t>(token)];
  return weight >= limit * (1 - slack) && before <= (u + slack) * total && before + weight >= (u - slack) * total;
}

Status check(const OpCase &c, const OpFunction &, OpData &data, OpCheck &found) {
  std::vector<float> logits(static_cast<size_t>(c["vocab"])), tokens(static_cast<size_t>(c["rows"]));
  DSRT_RETURN_IF_ERROR(data.output(0, 0, tokens));
  for (int64_t row = 0; row < c["rows"]; ++row) {
    data.input(0, row * c["vocab"], logits);
    const int64_t token = static_cast<int64_t>(tokens[static_cast<size_t>(row)]);
    const bool isToken = token >= 0 && token < c["vocab"];
    const bool holds =
        isToken && (isGreedy(c) ? token == std::max_element(logits.begin(), logits.end()) - logits.begin()
                                : isDraw(logits, token));
    found.require(holds, "row " + std::to_string(row) + ": token " + std::to_string(token));
  }
  return Status();
}
} // namespace

OpFamily sampleFamily() {
  return {"sample",
          {{"rows", nullptr}, {"vocab", "129280"}, {"mode", "top-p", true, {"top-p", "greedy"}}},
          cases,
          function,
          check};
}

} // namespace dsrt
