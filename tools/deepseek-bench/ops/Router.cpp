// From router input to permutation: the gate's product, the choice of experts, and the sort of (token, choice) pairs.
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace dsrt {

namespace {
struct Model {
  const char *name;
  int64_t hidden, experts, groups, keptGroups, top;
  bool isSigmoid;         // with a bias for the choice, groups by the sum of their two best, weights normalised
  const char *groupScore; // as the dialect spells it
  double scale;
};
constexpr Model models[] = {{"v3", 7168, 256, 8, 4, 8, true, "top2_sum", 2.5},
                            {"v2", 5120, 160, 8, 3, 6, false, "max", 16},
                            {"v2-lite", 2048, 64, 1, 1, 6, false, "none", 1}};

const Model &modelOf(const OpCase &c) {
  for (const Model &model : models)
    if (c.word("model") == model.name)
      return model;
  return models[0];
}

std::vector<std::string> cases() {
  std::vector<std::string> all;
  for (const Model &model : models)
    for (int64_t tokens : {1, 8, 64, 512, 8192})
      all.push_back(std::string("router model=") + model.name + " tokens=" + std::to_string(tokens));
  return all;
}

OpFunction function(const OpCase &c, const OpSchedule *) {
  const Model &m = modelOf(c);
  const int64_t tokens = c["tokens"];
  OpFunction f;
  f.arguments = {{DType::BF16, {tokens, m.hidden}},
                 {DType::BF16, {m.experts, m.hidden}, OpFill::normal(1 / std::sqrt(static_cast<double>(m.hidden)))}};
  if (m.isSigmoid)
    f.arguments.push_back({DType::F32, {m.experts}, OpFill::normal(0.1)});
  f.results = {{DType::F32, {tokens, m.top}},
               {DType::I32, {tokens, m.top}},
               {DType::I32, {m.experts + 1}},
               {DType::I32, {tokens, m.top}}};
  f.bytes = f.wholeBytes();
  f.flops = 2.0 * static_cast<double>(tokens * m.experts * m.hidden);
  f.rate = OpRate::Bf16;
  const OpValue logits{DType::F32, {tokens, m.experts}}, rows{DType::BF16, {tokens * m.top, m.hidden}};
  f.body = "  %l = deepseek.linear %a0, %a1 : " + f.arguments[0].type() + ", " + f.arguments[1].type() + " -> " +
           logits.type() + "\n  %r0, %r1 = deepseek.moe_gate %l" + (m.isSigmoid ? " bias %a2" : "") +
           " {topK = " + std::to_string(m.top) + " : i64, nGroup = " + std::to_string(m.groups) +
           " : i64, topkGroup = " + std::to_string(m.keptGroups) + " : i64, scoring = #deepseek<scoring " +
           (m.isSigmoid ? "sigmoid" : "softmax") + ">, groupScore = #deepseek<group_score " + m.groupScore +
           ">, normalize = " + (m.isSigmoid ? "true" : "false") + ", scale = " + std::to_string(m.scale) +
           " : f64} : " + logits.type() + (m.isSigmoid ? ", " + f.arguments[2].type() : "") + " -> " +
           f.results[0].type() + ", " + f.results[1].type() +
           "\n  %x, %r2, %r3 = deepseek.moe_dispatch %a0, %r1 experts " + std::to_string(m.experts) + " : " +
           f.arguments[0].type() + ", " + f.results[1].type() + " -> " + rows.type() + ", " + f.results[2].type() +
           ", " + f.results[3].type() + "\n";
  return f;
}

// Indices of the `count` largest, best first, lower index first on a tie; `gap` becomes the distance to the next.
std::vector<int64_t> largest(const std::vector<double> &values, int64_t count, double &gap) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
  for (int64_t i = 0; i < count && i + 1 < static_cast<int64_t>(order.size()); ++i)
    if (std::isfinite(values[order[i + 1]]))
      gap = std::min(gap, values[order[i]] - values[order[i + 1]]);
  order.resize(static_cast<size_t>(count));
  return order;
}

// Experts that stay eligible have their selection score, the others -infinity.
void limitGroups(const Model &m, std::vector<double> &selection, double &gap) {
  if (m.groups == 1)
    return;
  const int64_t size = m.experts / m.groups;
  std::vector<double> groupScores;
  for (int64_t g = 0; g < m.groups; ++g) {
    std::vector<double> group(selection.begin() + g * size, selection.begin() + (g + 1) * size);
    std::sort(group.rbegin(), group.rend());
    groupScores.push_back(m.isSigmoid ? group[0] + group[1] : group[0]);
  }
  std::vector<bool> kept(static_cast<size_t>(m.groups));
  double groupGap = std::numeric_limits<double>::infinity();
  const std::vector<int64_t> best = largest(groupScores, m.groups, groupGap);
  for (int64_t i = 0; i < m.keptGroups; ++i)
    kept[best[i]] = true;
  gap = std::min(gap, groupScores[best[m.keptGroups - 1]] - groupScores[best[m.keptGroups]]);
  for (int64_t e = 0; e < m.experts; ++e)
    if (!kept[e / size])
      selection[e] = -std::numeric_limits<double>::infinity();
}

Status checkToken(const Model &m, int64_t token, OpData &data, OpCheck &found) {
  std::vector<float> x(static_cast<size_t>(m.hidden)), w(x.size()), bias(static_cast<size_t>(m.experts));
  data.input(0, token * m.hidden, x);
  if (m.isSigmoid)
    data.input(2, 0, bias);
  std::vector<double> scores;
  for (int64_t e = 0; e < m.experts; ++e) {
    data.input(1, e * m.hidden, w);
    double sum = 0;
    for (int64_t i = 0; i < m.hidden; ++i)
      sum += static_cast<double>(x[i]) * w[i];
    scores.push_back(m.isSigmoid ? 1 / (1 + std::exp(-sum)) : std::exp(sum));
  }
  if (!m.isSigmoid) {
    const double total = std::accumulate(scores.begin(), scores.end(), 0.0);
    for (double &score : scores)
      score /= total;
  }
  std::vector<double> selection = scores;
  for (int64_t e = 0; e < m.experts; ++e)
    selection[e] += bias[e];
  double gap = std::numeric_limits<double>::infinity();
  limitGroups(m, selection, gap);
  const std::vector<int64_t> want = largest(selection, m.top, gap);
  // Logits of size 1 that sum thousands of terms in f32 are off by less than 1e-5: closer scores may change places.
  if (gap < 1e-5)
    return Status();
  double chosen = 1e-20;
  for (int64_t e : want)
    chosen += scores[e];
  std::vector<float> weights(static_cast<size_t>(m.top)), indices(weights.size());
  DSRT_RETURN_IF_ERROR(data.output(0, token * m.top, weights));
  DSRT_RETURN_IF_ERROR(data.output(1, token * m.top, indices));
  for (int64_t i = 0; i < m.top; ++i) {
    found.require(static_cast<int64_t>(indices[i]) == want[i],
                  "token " + std::to_string(token) + ", choice " + std::to_string(i) + ": expert " +
                      std::to_string(static_cast<int64_t>(indices[i])) + ", expected " + std::to_string(want[i]));
    const double weight = scores[want[i]] * m.scale / (m.isSigmoid ? chosen : 1);
    found.add(weights[i], weight, 1e-4 * weight); // an error of 1e-5 in a logit, ten times
  }
  return Status();
}

// The permutation is exact, given the indices: pairs sorted by expert, then token, then choice.
Status checkPermutation(const OpCase &c, const Model &m, OpData &data, OpCheck &found) {
  const size_t pairs = static_cast<size_t>(c["tokens"] * m.top);
  std::vector<float> indices(pairs), rowOf(pairs), offsets(static_cast<size_t>(m.experts) + 1);
  DSRT_RETURN_IF_ERROR(data.output(1, 0, indices));
  DSRT_RETURN_IF_ERROR(data.output(2, 0, offsets));
  DSRT_RETURN_IF_ERROR(data.output(3, 0, rowOf));
  std::vector<int64_t> next(offsets.size());
  for (float index : indices) {
    const bool isExpert = index >= 0 && index < static_cast<float>(m.experts);
    found.require(isExpert, "index " + std::to_string(index) + " is no expert");
    if (!isExpert)
      return Status();
    ++next[static_cast<size_t>(index) + 1];
  }
  std::partial_sum(next.begin(), next.end(), next.begin());
  for (size_t e = 0; e < offsets.size(); ++e)
    found.require(static_cast<int64_t>(offsets[e]) == next[e], "offset " + std::to_string(e) + " is wrong");
  for (size_t i = 0; i < pairs; ++i)
    found.require(static_cast<int64_t>(rowOf[i]) == next[static_cast<size_t>(indices[i])]++,
                  "pair " + std::to_string(i) + " went to a wrong row");
  return Status();
}

Status check(const OpCase &c, const OpFunction &, OpData &data, OpCheck &found) {
  const Model &m = modelOf(c);
  for (int64_t token : sampleOf(c["tokens"], 12))
    DSRT_RETURN_IF_ERROR(checkToken(m, token, data, found));
  return checkPermutation(c, m, data, found);
}
} // namespace

OpFamily routerFamily() {
  return {"router", {{"model", nullptr, true, {"v3", "v2", "v2-lite"}}, {"tokens", nullptr}}, cases, function, check};
}

} // namespace dsrt
