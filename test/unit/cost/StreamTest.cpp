// Schedules of products with few rows that stream their weights, as a table, and their estimates beside measurements.
#include "passes/cost/Schedules.h"
#include "gtest/gtest.h"

using namespace mlir::deepseek::cost;

namespace {

StreamSchedule choose(int64_t m, int64_t n, int64_t k, int64_t heads, int64_t elementBytes) {
  return chooseStream({m, n, k, heads, elementBytes}, h200);
}

// K is split until the tiles of 64 columns fill the multiprocessors, in parts of four stages at least.
TEST(StreamSchedule, SplitsFillTheGpu) {
  EXPECT_EQ(choose(1, 576, 7168, 1, 2).split, 8);   // 9 tiles
  EXPECT_EQ(choose(1, 2112, 7168, 1, 2).split, 4);  // 33
  EXPECT_EQ(choose(16, 4096, 7168, 1, 2).split, 2); // 64
  EXPECT_EQ(choose(1, 7168, 16384, 1, 2).split, 1); // 112
  EXPECT_EQ(choose(1, 576, 256, 1, 2).split, 1);    // K of four stages
  EXPECT_EQ(choose(4, 512, 128, 16, 2).split, 1);   // 128 tiles of 16 heads
}

// Block-scaled: rings are short for few tokens and of two boxes a stage for more, if three such stages fit.
TEST(StreamSchedule, ScaledRings) {
  EXPECT_EQ(choose(8, 2112, 7168, 1, 1).stages, 7);
  EXPECT_EQ(choose(8, 2112, 7168, 1, 1).kElements, 128);
  EXPECT_EQ(choose(16, 4096, 7168, 1, 1).kElements, 256);
  EXPECT_EQ(choose(16, 4096, 7168, 1, 1).stages, 5);
  EXPECT_EQ(choose(64, 4096, 7168, 1, 1).kElements, 256);
  EXPECT_EQ(choose(64, 4096, 7168, 1, 1).stages, 3);
  EXPECT_EQ(choose(128, 2112, 7168, 1, 1).kElements, 128);
  EXPECT_EQ(choose(16, 36864, 7168, 1, 1).kElements, 128); // 56 rows of B, five CTAs
  EXPECT_EQ(choose(16, 4096, 7168, 1, 2).kElements, 64);
}

// More tiles than fit at once are lower where all of them then do, evenly; and not where rings would be too short.
TEST(StreamSchedule, LowerTilesAreAllResident) {
  for (int64_t elementBytes : {1, 2}) {
    EXPECT_EQ(choose(16, 36864, 7168, 1, elementBytes).features, 56); // 659 tiles: five on each multiprocessor
    EXPECT_EQ(choose(16, 36864, 7168, 1, elementBytes).stages, 4);
    EXPECT_EQ(choose(64, 36864, 7168, 1, elementBytes).features, 64);
    EXPECT_EQ(choose(16, 24576, 1536, 1, elementBytes).features, 64); // 384: three on each already
    EXPECT_EQ(choose(16, 129280, 7168, 1, elementBytes).features, 64);
  }
}

// Rings of all CTAs that should be resident fit a multiprocessor, with a tile of results in a ring's place.
TEST(StreamSchedule, RingsFit) {
  for (int64_t elementBytes : {1, 2})
    for (int64_t m : {1, 8, 17, 64, 100, 128, 300})
      for (int64_t n : {64, 576, 7168, 24576, 129280})
        for (int64_t k : {64, 512, 7168, 18432}) {
          const StreamSchedule s = choose(m, n, k, 1, elementBytes);
          const int64_t ring = s.stages * s.kElements * elementBytes * (s.tokens + s.features);
          EXPECT_GE(s.stages, 2);
          EXPECT_EQ(s.tokens % 8, 0);
          EXPECT_LE(ring, 216 * 1024);
          EXPECT_GE(ring, s.tokens * (ceilDiv(s.features, 64) * 64 + 4) * 4);
          EXPECT_NE(s.warps % 4, 0); // how builders tell the family
          if (n == 24576 && m <= 64) // 384 tiles, three to a multiprocessor
            EXPECT_LE(3 * ring, 216 * 1024);
        }
}

// One tile of rows for most groups that choose freely.
TEST(StreamSchedule, GroupsHaveRoomForTheirSpread) {
  EXPECT_EQ(chooseGroupedStream({6, 64, 2816, 2048, 2}, h200).tokens, 8);
  EXPECT_EQ(chooseGroupedStream({96, 64, 2816, 2048, 2}, h200).tokens, 8);
  EXPECT_EQ(chooseGroupedStream({384, 64, 2816, 2048, 2}, h200).tokens, 16);
  EXPECT_EQ(chooseGroupedStream({32 * 8, 32, 4096, 7168, 1}, h200).tokens, 16);
}

// Medians of 15 cold runs on an H200, us, as an event pair around a lone call reads them (2026-11-22).
TEST(StreamEstimate, NearMeasured) {
  struct {
    int64_t m, n, k, elementBytes;
    double measured;
  } rows[] = {{1, 2112, 7168, 2, 10.2},   {1, 24576, 1536, 2, 22.0}, {1, 7168, 16384, 2, 59.6},
              {32, 7168, 16384, 2, 60.5}, {16, 4096, 7168, 2, 19.5}, {1, 7168, 16384, 1, 33.7},
              {1, 24576, 1536, 1, 11.0},  {32, 36864, 7168, 1, 69.1}};
  for (const auto &row : rows) {
    const GemmShape shape{row.m, row.n, row.k, 1, row.elementBytes};
    const double seconds = streamProductEstimate(shape, chooseStream(shape, h200), h200).seconds + h200.loneLaunch;
    EXPECT_NEAR(seconds * 1e6 / row.measured, 1, 0.15) << row.m << " x " << row.n << " x " << row.k;
  }
}

} // namespace
