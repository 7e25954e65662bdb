// Forms and schedules of prefill attention as a table, that what is chosen fits, and that estimates are near what was
// measured.
#include "passes/cost/Prefill.h"
#include "dialects/kernel/MlaPrefillTiling.h"
#include "gtest/gtest.h"

using namespace mlir::deepseek::cost;
using mlir::deepseek::kernel::MlaPrefillTiling;

namespace {

PrefillShape shapeOf(int64_t heads, int64_t tokens, int64_t history) {
  return {tokens, 1, heads, 128, 64, 128, history + tokens};
}
PrefillSchedule warpgroups(int64_t rows, int64_t keys, int64_t stages) {
  return {rows, keys, stages, MlaPrefillTiling::warpsFor(rows), 7, 1};
}

// us of median runs with a cold cache on one H200 (2026-11-22), as deepseek-bench times a lone call.
struct Measured {
  int64_t heads, tokens, history;
  double two, one, warps; // 128 rows by 128 keys, 64 by 128, single warps
};
constexpr Measured kMeasured[] = {{16, 128, 8192, 111.0, 88.9, 191.6},  {16, 512, 8192, 118.1, 96.8, 202.6},
                                  {16, 1024, 0, 23.6, 22.9, 46.7},      {16, 1024, 8192, 135.8, 189.6, 350.1},
                                  {16, 2048, 0, 43.3, 61.2, 123.0},     {16, 8192, 0, 477.2, 689.8, 1298.0},
                                  {128, 128, 4096, 76.2, 106.2, 171.0}, {128, 512, 4096, 269.7, 384.9, 677.8}};

TEST(PrefillEstimate, NearMeasurements) {
  for (const Measured &row : kMeasured) {
    SCOPED_TRACE(testing::Message() << row.heads << " heads, " << row.tokens << " after " << row.history);
    const PrefillShape shape = shapeOf(row.heads, row.tokens, row.history);
    auto near = [&](const PrefillSchedule &schedule, double us, double tolerance) {
      EXPECT_NEAR((prefillEstimate(shape, schedule, h200).seconds + h200.loneLaunch) * 1e6, us, tolerance * us);
    };
    near(warpgroups(128, 128, 2), row.two, 0.15);
    near(warpgroups(64, 128, 2), row.one, 0.15);
    near(defaultPrefillSchedule(shape), row.warps, 0.45);
    const PrefillSchedule chosen = choosePrefillSchedule(shape, /*tmaAddressable=*/true, h200).schedule;
    ASSERT_TRUE(chosen.forWarpgroups());
    if (chosen.split == 1)
      EXPECT_LE(chosen.rows == 128 ? row.two : row.one, 1.05 * std::min(row.two, row.one));
  }
}

// Few tasks over a long history: parts of the keys. Sixteen clusters of eight CTAs do not run at once.
TEST(PrefillSchedule, PartsOfTheKeys) {
  struct Row {
    int64_t tokens, history, rows, split;
    double us; // measured
  };
  for (const Row &row : {Row{16, 8192, 64, 4, 30.3}, Row{512, 8192, 128, 2, 72.5}, Row{512, 130560, 128, 2, 947.8}}) {
    SCOPED_TRACE(testing::Message() << row.tokens << " after " << row.history);
    const PrefillChoice choice = choosePrefillSchedule(shapeOf(16, row.tokens, row.history), true, h200);
    EXPECT_EQ(choice.schedule.rows, row.rows);
    EXPECT_EQ(choice.schedule.split, row.split);
    EXPECT_NEAR((choice.estimate.seconds + h200.loneLaunch) * 1e6, row.us, 0.15 * row.us);
  }
  EXPECT_EQ(choosePrefillSchedule(shapeOf(16, 2048, 8192), true, h200).schedule.split, 1);
}

// A task for each multiprocessor and few tiles: 64 rows without parts take 11.4 us, 128 rows 14.0 to 14.5, in one part
// or two.
TEST(PrefillSchedule, AShortChunkTakesShortTiles) {
  const PrefillChoice choice = choosePrefillSchedule(shapeOf(16, 512, 0), true, h200);
  EXPECT_EQ(choice.schedule.rows, 64);
  EXPECT_EQ(choice.schedule.split, 1);
  EXPECT_NEAR((choice.estimate.seconds + h200.loneLaunch) * 1e6, 11.4, 0.15 * 11.4);
}

TEST(PrefillSchedule, FewTokensAndOddSizesKeepSingleWarps) {
  EXPECT_FALSE(choosePrefillSchedule(shapeOf(16, 16, 0), true, h200).schedule.forWarpgroups());
  EXPECT_FALSE(choosePrefillSchedule(shapeOf(16, 4096, 0), /*tmaAddressable=*/false, h200).schedule.forWarpgroups());
  PrefillShape odd = shapeOf(16, 4096, 0);
  odd.nope = 120;
  EXPECT_FALSE(choosePrefillSchedule(odd, true, h200).schedule.forWarpgroups());
}

// Four groups of 32 heads of a megabyte each; all sixteen at once; two groups of eight.
TEST(PrefillSchedule, GroupsOfHeads) {
  EXPECT_EQ(choosePrefillSchedule(shapeOf(128, 2048, 0), true, h200).schedule.headGroup, 32);
  EXPECT_EQ(choosePrefillSchedule(shapeOf(16, 2048, 0), true, h200).schedule.headGroup, 16);
  EXPECT_EQ(choosePrefillSchedule(shapeOf(16, 8192, 0), true, h200).schedule.headGroup, 8);
}

TEST(PrefillSchedule, EveryChoiceFits) {
  for (int64_t heads : {1, 3, 16, 128})
    for (int64_t tokens : {1, 70, 512, 8192})
      for (int64_t nope : {16, 64, 128, 256, 512})
        for (int64_t value : {16, 96, 128, 192, 256, 512}) {
          const PrefillShape shape{tokens, 1, heads, nope, 64, value, tokens + 1000};
          const PrefillChoice choice = choosePrefillSchedule(shape, true, h200);
          const PrefillSchedule &s = choice.schedule;
          if (s.forWarpgroups())
            EXPECT_TRUE((MlaPrefillTiling{nope, 64, value, s.rows, s.keys, s.stages}).fits() &&
                        (MlaPrefillTiling{nope, 64, value, s.rows, s.keys, s.stages}).splits(s.split))
                << nope << ", " << value;
          EXPECT_GE(s.headGroup, 1);
          EXPECT_GE(choice.estimate.seconds, choice.estimate.flops / h200.matrixRate);
          EXPECT_GE(choice.estimate.seconds, choice.estimate.bytes / h200.readBandwidth);
        }
}

// One token that sees two keys, by hand.
TEST(PrefillEstimate, CountsWork) {
  const Estimate e = prefillEstimate({1, 1, 1, 16, 16, 32, 2}, {16, 64, 2, 1, 1, 1}, h200);
  EXPECT_DOUBLE_EQ(e.flops, 2 * 2 * (32 + 32));
  EXPECT_DOUBLE_EQ(e.bytes, 2 * (2 * (16 + 32) + 2 * 16 + 32 + 32));
}

} // namespace
