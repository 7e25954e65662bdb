// The cases of deepseek-bench --op and the float64 references that judge them.
#include "tools/deepseek-bench/OpReport.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace dsrt;

namespace {
// Inputs that are functions of their place, and results that a test has computed.
class FakeData : public OpData {
public:
  explicit FakeData(const OpFunction &function) : function(function) {}
  void input(size_t argument, int64_t first, std::span<float> values) const override {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = at(argument, first + static_cast<int64_t>(i));
  }
  Status output(size_t result, int64_t first, std::span<float> values) override {
    std::copy_n(results[result].begin() + first, values.size(), values.begin());
    return Status();
  }
  Status written(size_t argument, int64_t first, std::span<float> values) override {
    input(argument, first, values);
    return Status();
  }
  float at(size_t argument, int64_t element) const {
    const OpFill &fill = function.arguments[argument].fill;
    if (fill.kind == OpFill::Kind::Listed)
      return static_cast<float>(fill.listed[static_cast<size_t>(element)]);
    return static_cast<float>(std::sin(1.7 * static_cast<double>(element) + static_cast<double>(argument)));
  }
  const OpFunction &function;
  std::vector<std::vector<float>> results;
};

struct CaseRun {
  OpCase of;
  OpFunction function;
  FakeData data;
  explicit CaseRun(const std::string &text)
      : of(*parseCase(text)), function(of.family->function(of, nullptr)), data(function) {
    for (const OpValue &result : function.results)
      data.results.emplace_back(static_cast<size_t>(result.elements()));
  }
  OpCheck check() {
    OpCheck found;
    Status status = of.family->check(of, function, data, found);
    EXPECT_TRUE(status.ok());
    return found;
  }
};

std::string messageOf(const std::string &text) {
  auto parsed = parseCase(text);
  return parsed.ok() ? "" : parsed.status().message();
}

TEST(OpCases, AllOfTheTableAreDistinctFunctions) {
  std::set<std::string> entries;
  for (const OpFamily &family : opFamilies())
    for (const std::string &text : family.cases()) {
      auto parsed = parseCase(text);
      ASSERT_TRUE(parsed.ok()) << parsed.status().message();
      EXPECT_TRUE(entries.insert(parsed->entry()).second) << text;
      const OpFunction function = family.function(*parsed, nullptr);
      EXPECT_GT(function.bytes, 0) << text;
      EXPECT_LE(function.bytes, function.wholeBytes()) << text;
      EXPECT_LT(function.wholeBytes(), 9e9) << text;
      EXPECT_EQ(function.flops > 0, function.rate != OpRate::None) << text;
    }
  EXPECT_GT(entries.size(), 300u);
}

TEST(OpCases, MistakesAreNamed) {
  EXPECT_NE(messageOf("gemm m=1").find("names no kernel family; expected one of linear-bf16, linear-fp8"),
            std::string::npos);
  EXPECT_EQ(messageOf("linear-bf16 m=1 n=2"), "case 'linear-bf16 m=1 n=2' gives no k");
  EXPECT_EQ(messageOf("sample rows=1 rank=2"), "case 'sample rows=1 rank=2': 'rank=2' is no field of sample");
  EXPECT_EQ(messageOf("router model=v4 tokens=1"),
            "case 'router model=v4 tokens=1': model must be one of v3, v2, v2-lite, got 'v4'");
  EXPECT_NE(messageOf("linear-bf16 m=x n=2 k=2").find("m must be an integer"), std::string::npos);
  auto filter = CaseFilter::create("(");
  ASSERT_FALSE(filter.ok());
  EXPECT_NE(filter.status().message().find("is no extended regular expression"), std::string::npos);
}

TEST(OpCases, GroupsGetWhatTheCaseSays) {
  CaseRun even("grouped-bf16 groups=3 rows=5 n=8 k=8"),
      routed("grouped-bf16 groups=8 tokens=10 top=6 n=8 k=8 routing=skewed");
  EXPECT_EQ(even.function.offsets, (std::vector<int64_t>{0, 5, 10, 15}));
  const std::vector<int64_t> &offsets = routed.function.offsets;
  EXPECT_EQ(offsets.back(), 60);
  for (size_t g = 1; g < offsets.size(); ++g)
    EXPECT_LE(offsets[g] - offsets[g - 1], 10); // a token chooses an expert once
  EXPECT_GT(offsets[1], offsets[8] - offsets[7]);
}

TEST(OpReferences, FindOneWrongElementOfAProduct) {
  CaseRun run("linear-fp8 m=3 n=12 k=300");
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 12; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < 300; ++l)
        sum += static_cast<double>(run.data.at(0, i * 300 + l)) * run.data.at(1, j * 300 + l) *
               run.data.at(2, i * 3 + l / 128) * run.data.at(3, l / 128);
      run.data.results[0][static_cast<size_t>(i * 12 + j)] = static_cast<float>(sum);
    }
  EXPECT_TRUE(run.check().passed()) << run.check().firstMiss;
  run.data.results[0][35] *= 1.05f;
  EXPECT_FALSE(run.check().passed());
  run.data.results[0][35] = std::nanf("");
  EXPECT_EQ(run.check().misses, 1);
}

TEST(OpReferences, DecodeSeesWhatItsPositionsReach) {
  CaseRun run("mla-decode-bf16 heads=2 sq=2 batch=2 context=65");
  const auto &positions = run.function.arguments[3].fill.listed, &table = run.function.arguments[4].fill.listed;
  EXPECT_EQ(positions, (std::vector<int64_t>{63, 64, 63, 64}));
  for (int64_t row = 0; row < 8; ++row) {
    std::vector<double> out(512);
    double total = 0;
    for (int64_t j = 0; j <= positions[static_cast<size_t>(row / 2)]; ++j) {
      const int64_t record = (table[static_cast<size_t>(row / 4 * 2 + j / 64)] * 64 + j % 64) * 576;
      double score = 0;
      for (int64_t l = 0; l < 576; ++l)
        score += static_cast<double>(l < 512 ? run.data.at(0, row * 512 + l) : run.data.at(1, row * 64 + l - 512)) *
                 run.data.at(2, record + l);
      const double weight = std::exp(score * 0.0721687836);
      total += weight;
      for (int64_t l = 0; l < 512; ++l)
        out[static_cast<size_t>(l)] += weight * run.data.at(2, record + l);
    }
    for (int64_t l = 0; l < 512; ++l)
      run.data.results[0][static_cast<size_t>(row * 512 + l)] = static_cast<float>(out[static_cast<size_t>(l)] / total);
  }
  EXPECT_TRUE(run.check().passed()) << run.check().firstMiss;
  for (float &value : run.data.results[0])
    value *= 1.05f;
  EXPECT_FALSE(run.check().passed());
}

TEST(OpReferences, AnEmbeddingIsCopied) {
  CaseRun run("row-fusion kind=embedding rows=3 columns=16");
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t i = 0; i < 16; ++i)
      run.data.results[0][static_cast<size_t>(row * 16 + i)] =
          run.data.at(1, run.function.arguments[0].fill.listed[static_cast<size_t>(row)] * 16 + i);
  EXPECT_TRUE(run.check().passed());
  run.data.results[0][47] += 1;
  EXPECT_FALSE(run.check().passed());
}

TEST(OpReferences, TheLargestLogitIsSampled) {
  CaseRun run("sample rows=2 vocab=500 mode=greedy");
  for (int64_t row = 0; row < 2; ++row) {
    int64_t best = 0;
    for (int64_t i = 0; i < 500; ++i)
      if (run.data.at(0, row * 500 + i) > run.data.at(0, row * 500 + best))
        best = i;
    run.data.results[0][static_cast<size_t>(row)] = static_cast<float>(best);
  }
  EXPECT_TRUE(run.check().passed());
  run.data.results[0][1] += 1;
  EXPECT_FALSE(run.check().passed());
}

TEST(OpReferences, UnwrittenResultsAreMisses) {
  for (const char *text : {"router model=v2-lite tokens=2", "row-fusion kind=add-norm-quantize rows=2 columns=256",
                           "row-fusion kind=swiglu-quantize rows=2 columns=256", "mla-prefill heads=1 chunk=3",
                           "sample rows=1 vocab=500"}) {
    CaseRun run(text);
    for (size_t i = 0; i < run.data.results.size(); ++i) // as bytes of 0xff read
      std::fill(run.data.results[i].begin(), run.data.results[i].end(),
                run.function.results[i].dtype == DType::I32 ? -1.0f : std::nanf(""));
    EXPECT_FALSE(run.check().passed()) << text;
  }
}

// How many schedules of each operation there are, a streamed skinny_gemm apart.
std::map<std::string, int> countOf(const std::vector<OpSchedule> &schedules) {
  std::map<std::string, int> counts;
  for (const OpSchedule &schedule : schedules)
    ++counts[schedule.op + (schedule.op == "skinny_gemm" && schedule.stages > 1 ? " streamed" : "")];
  return counts;
}

TEST(OpSchedules, FewRowsAreTriedInAllFamilies) {
  for (int64_t elementBytes : {1, 2}) {
    auto counts = countOf(productSchedules({32, 7168, 2048, elementBytes}));
    EXPECT_GT(counts["gemm"], 10);
    EXPECT_GT(counts["skinny_gemm"], 5);
    EXPECT_GT(counts["skinny_gemm streamed"], 10);
  }
  EXPECT_EQ(countOf(productSchedules({1, 7168, 2048, 2})).count("gemm"), 0u);
  EXPECT_EQ(countOf(productSchedules({4096, 7168, 2048, 2})).size(), 1u); // many: tensor-core tiles alone
}

TEST(OpSchedules, EachIsTriedOnceAndFitsSharedMemory) {
  for (const char *text :
       {"linear-bf16 m=16 n=7168 k=2048", "linear-fp8 m=128 n=2112 k=7168",
        "grouped-bf16 groups=32 rows=64 n=4096 k=7168", "grouped-fp8 groups=64 tokens=1 top=6 n=1408 k=2048",
        "mla-decode-bf16 heads=16 sq=1 batch=8 context=4096", "mla-decode-fp8 heads=128 sq=1 batch=1 context=1024",
        "mla-prefill heads=16 chunk=512"}) {
    const OpCase of = *parseCase(text);
    std::set<std::string> seen;
    for (const OpSchedule &schedule : of.family->schedules(of)) {
      EXPECT_TRUE(seen.insert(schedule.text()).second) << text << ": " << schedule.text();
      EXPECT_NE(mlirText("f", of.family->function(of, &schedule)).find(schedule.attribute()), std::string::npos);
      if (schedule.op.find("gemm") != std::string::npos && schedule.stages > 1)
        EXPECT_LE(schedule.stages * (schedule.tile[0] + schedule.tile[1]) * schedule.tile[2] *
                      (std::string(text).find("fp8") == std::string::npos ? 2 : 1),
                  227 * 1024)
            << schedule.text();
    }
    EXPECT_GT(seen.size(), 3u) << text;
  }
}

TEST(OpReport, SetsLimitsAndCounts) {
  OpResult result;
  result.of = *parseCase("linear-bf16 m=1 n=1000 k=1000");
  result.function = result.of.family->function(result.of, nullptr);
  result.microseconds = 4;
  result.estimate = 5;
  result.check.add(1, 1, 0.1);
  const OpMachine machine{"GPU", 1e12};
  EXPECT_NEAR(result.limit(machine), 2.004, 1e-9);
  EXPECT_STREQ(result.limitName(machine), "memory");
  EXPECT_NE(summary({result}).find("estimates of 1: median error 25.0 %"), std::string::npos);
  OpResult searched = result;
  searched.kernel = "skinny_gemm schedule <tile = [8, 16, 1000]>";
  searched.microseconds = 3.2;
  EXPECT_NE(summary({result, searched})
                .find("best of 1 schedules 3.20 us (skinny_gemm schedule <tile = [8, 16, 1000]>): 1.250 of it"),
            std::string::npos);
  EXPECT_NE(summary({result, searched}).find("largest 1.250 (linear-bf16 m=1 n=1000 k=1000), within 5 % in 0 of 1"),
            std::string::npos);
  EXPECT_NE(summary({result, searched}).find("estimates of 1 searched schedules: median error 56.2 %"),
            std::string::npos);
  EXPECT_NE(resultsJson({result, searched}, machine).find("\"chosen_over_best\": 1.25"), std::string::npos);
  result.check.require(false, "nothing was written");
  EXPECT_NE(summary({result}).find("1 timed, 1 misses"), std::string::npos);
  EXPECT_NE(resultsJson({result}, machine).find("\"miss\": \"nothing was written\""), std::string::npos);
}
} // namespace
