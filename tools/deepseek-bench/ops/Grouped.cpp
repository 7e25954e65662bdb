// Grouped products of a mixture of experts: each group of rows with its own matrix.
#include "tools/deepseek-bench/TestData.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

namespace {
std::vector<std::string> cases(const char *family) {
  std::vector<std::string> all;
  for (auto [n, k] : {std::pair<int64_t, int64_t>{4096, 7168}, {7168, 2048}}) {
    for (int64_t groups : {32, 64})
      for (int64_t rows : {8, 64})
        all.push_back(caseText(family, {{"groups", groups}, {"rows", rows}, {"n", n}, {"k", k}}));
    all.push_back(caseText(family, {{"groups", 32}, {"rows", 8}, {"n", n}, {"k", k}}) + " routing=skewed");
    for (int64_t rows : {256, 8192})
      all.push_back(caseText(family, {{"groups", 4}, {"rows", rows}, {"n", n}, {"k", k}}));
  }
  for (int64_t tokens : {1, 16, 64, 2048})
    for (const char *routing : {"", " routing=skewed"})
      if (tokens > 1 || !*routing)
        all.push_back(caseText(family, {{"groups", 64}, {"tokens", tokens}, {"top", 6}, {"n", 1408}, {"k", 2048}}) +
                      routing);
  return all;
}

// Where each group's rows start. `rows` gives each group as many; `tokens` choose `top` different groups each. Skewed:
// group g is wanted in proportion to 1 / (g + 1), whatever else is asked for.
std::vector<int64_t> offsetsOf(const OpCase &c) {
  const int64_t groups = c["groups"], tokens = c["tokens"];
  const bool isSkewed = c.word("routing") == "skewed";
  std::vector<int64_t> counts(static_cast<size_t>(groups), c["rows"]);
  if (tokens > 0 || isSkewed) {
    std::fill(counts.begin(), counts.end(), 0);
    std::vector<double> weights;
    for (int64_t g = 0; g < groups; ++g)
      weights.push_back(isSkewed ? 1.0 / static_cast<double>(g + 1) : 1.0);
    const int64_t choosers = tokens > 0 ? tokens : groups * c["rows"],
                  top = tokens > 0 ? std::min(c["top"], groups) : 1;
    Random random(1);
    for (int64_t i = 0; i < choosers; ++i) {
      std::vector<double> left = weights; // without what this token has chosen
      for (int64_t choice = 0; choice < top; ++choice) {
        double total = 0;
        for (double weight : left)
          total += weight;
        double place = random.uniform() * total;
        size_t g = 0;
        while (g + 1 < left.size() && (left[g] == 0 || place >= left[g]))
          place -= left[g++];
        ++counts[g];
        left[g] = 0;
      }
    }
  }
  std::vector<int64_t> offsets = {0};
  for (int64_t count : counts)
    offsets.push_back(offsets.back() + count);
  return offsets;
}

template <bool isFp8> OpFunction function(const OpCase &c, const OpSchedule *schedule) {
  const int64_t groups = c["groups"], n = c["n"], k = c["k"];
  const std::vector<int64_t> offsets = offsetsOf(c);
  const int64_t m = offsets.back();
  const DType type = isFp8 ? DType::F8E4M3 : DType::BF16;
  OpFunction f;
  f.offsets = offsets;
  f.arguments = {{type, {m, k}, OpFill::normal(isFp8 ? fp8Deviation : 1)},
                 {DType::I32, {groups + 1}, OpFill::values(offsets)},
                 {type, {groups, n, k}, OpFill::normal(isFp8 ? fp8Deviation : 1)}};
  f.results = {{DType::BF16, {m, n}}};
  std::string scales, scaleTypes;
  if (isFp8) {
    f.arguments.push_back({DType::F32, {m, blocksOf(k)}, OpFill::uniform(0.005, 0.015)});
    f.arguments.push_back({DType::F32, {groups, blocksOf(n), blocksOf(k)}, OpFill::uniform(0.005, 0.015)});
    scales = " scales(%a3, %a4)";
    scaleTypes = " scales(" + f.arguments[3].type() + ", " + f.arguments[4].type() + ")";
  }
  double used = 0; // matrices of groups with rows
  for (int64_t g = 0; g < groups; ++g)
    used += offsets[g + 1] > offsets[g];
  f.bytes = f.wholeBytes() - f.arguments[2].bytes() * (1 - used / static_cast<double>(groups));
  f.flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  f.rate = isFp8 ? OpRate::Fp8 : OpRate::Bf16;
  f.body = "  %r0 = kernel.grouped_gemm %a0, %a1, %a2" + scales + attributeOf(schedule) + " : " +
           f.arguments[0].type() + ", " + f.arguments[1].type() + ", " + f.arguments[2].type() + scaleTypes + " -> " +
           f.results[0].type() + "\n";
  return f;
}

template <bool isFp8> Status check(const OpCase &c, const OpFunction &f, OpData &data, OpCheck &found) {
  const ProductShape shape{c["n"], c["k"], isFp8, /*a=*/0, /*b=*/2, /*aScales=*/3, /*bScales=*/4};
  const std::vector<int64_t> &offsets = f.arguments[1].fill.listed;
  for (int64_t row : sampleOf(offsets.back(), 16)) {
    const int64_t group = std::upper_bound(offsets.begin(), offsets.end(), row) - offsets.begin() - 1;
    DSRT_RETURN_IF_ERROR(checkProductRow(shape, row, group, data, found));
  }
  return Status();
}

template <bool isFp8> std::vector<OpSchedule> schedules(const OpCase &c) {
  const std::vector<int64_t> offsets = offsetsOf(c);
  int64_t most = 0;
  for (size_t g = 0; g + 1 < offsets.size(); ++g)
    most = std::max(most, offsets[g + 1] - offsets[g]);
  return groupedSchedules({offsets.back(), c["groups"], most, c["n"], c["k"], isFp8 ? 1 : 2});
}
} // namespace

OpFamily groupedFamily(bool fp8) {
  const std::vector<OpField> fields = {{"groups", nullptr},
                                       {"rows", "0"},
                                       {"tokens", "0"},
                                       {"top", "1"},
                                       {"n", nullptr},
                                       {"k", nullptr},
                                       {"routing", "even", /*isWord=*/true, {"even", "skewed"}}};
  if (fp8)
    return {"grouped-fp8", fields, [] { return cases("grouped-fp8"); }, function<true>, check<true>, schedules<true>};
  return {"grouped-bf16",  fields,       [] { return cases("grouped-bf16"); },
          function<false>, check<false>, schedules<false>};
}

} // namespace dsrt
