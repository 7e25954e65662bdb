// Products with one matrix of weights: bf16, and fp8 with scales for 1x128 and 128x128 blocks.
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"

namespace dsrt {

namespace {
// (n, k) of the projections of DeepSeek-V3, and of V3's head.
constexpr std::pair<int64_t, int64_t> weights[] = {{2112, 7168},  {576, 7168},   {24576, 1536}, {7168, 2048},
                                                   {4096, 7168},  {7168, 16384}, {32768, 512},  {36864, 7168},
                                                   {7168, 18432}, {129280, 7168}};

std::vector<std::string> cases(const char *family) {
  std::vector<std::string> all;
  for (auto [n, k] : weights)
    for (int64_t m : {1, 2, 4, 8, 16, 32, 64, 128, 512, 4096, 8192})
      if (n < 100000 || m <= 512) // 2 GB of results beyond
        all.push_back(caseText(family, {{"m", m}, {"n", n}, {"k", k}}));
  return all;
}

template <bool isFp8> OpFunction function(const OpCase &c, const OpSchedule *schedule) {
  const int64_t m = c["m"], n = c["n"], k = c["k"];
  const DType type = isFp8 ? DType::F8E4M3 : DType::BF16;
  OpFunction f;
  f.arguments = {{type, {m, k}, OpFill::normal(isFp8 ? fp8Deviation : 1)},
                 {type, {n, k}, OpFill::normal(isFp8 ? fp8Deviation : 1)}};
  f.results = {{DType::BF16, {m, n}}};
  f.bytes = f.wholeBytes();
  f.flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  f.rate = isFp8 ? OpRate::Fp8 : OpRate::Bf16;
  std::string scales, scaleTypes;
  if (isFp8) {
    f.arguments.push_back({DType::F32, {m, blocksOf(k)}, OpFill::uniform(0.005, 0.015)});
    f.arguments.push_back({DType::F32, {blocksOf(n), blocksOf(k)}, OpFill::uniform(0.005, 0.015)});
    scales = " scales(%a2, %a3)";
    scaleTypes = " scales(" + f.arguments[2].type() + ", " + f.arguments[3].type() + ")";
  }
  f.body = "  %r0 = kernel." + (schedule ? schedule->op : "gemm") + " %a0, %a1" + scales + attributeOf(schedule) +
           " : " + f.arguments[0].type() + ", " + f.arguments[1].type() + scaleTypes + " -> " + f.results[0].type() +
           "\n";
  return f;
}

template <bool isFp8> Status check(const OpCase &c, const OpFunction &, OpData &data, OpCheck &found) {
  const ProductShape shape{c["n"], c["k"], isFp8, /*a=*/0, /*b=*/1, /*aScales=*/2, /*bScales=*/3};
  for (int64_t row : sampleOf(c["m"], 16))
    DSRT_RETURN_IF_ERROR(checkProductRow(shape, row, /*matrix=*/0, data, found));
  return Status();
}
template <bool isFp8> std::vector<OpSchedule> schedules(const OpCase &c) {
  return productSchedules({c["m"], c["n"], c["k"], isFp8 ? 1 : 2});
}
} // namespace

OpFamily linearFamily(bool fp8) {
  const std::vector<OpField> fields = {{"m", nullptr}, {"n", nullptr}, {"k", nullptr}};
  if (fp8)
    return {"linear-fp8", fields, [] { return cases("linear-fp8"); }, function<true>, check<true>, schedules<true>};
  return {"linear-bf16", fields, [] { return cases("linear-bf16"); }, function<false>, check<false>, schedules<false>};
}

} // namespace dsrt
