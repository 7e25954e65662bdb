// The table of tensor-core tiles.
#include "passes/cost/Schedules.h"
#include "gtest/gtest.h"

using namespace mlir::deepseek::cost;

namespace {

TensorCoreTile choose(int64_t m, int64_t n, int64_t k, int64_t heads, int64_t elementBytes) {
  return chooseTensorCoreTile({m, n, k, heads, elementBytes}, h200);
}

TEST(TensorCoreTile, LargeProductsTakeTheLargestTiles) {
  TensorCoreTile plain = choose(8192, 8192, 8192, 1, 2);
  EXPECT_EQ(plain.m, 128);
  EXPECT_GE(plain.n, 224);
  TensorCoreTile scaled = choose(8192, 8192, 8192, 1, 1);
  EXPECT_EQ(scaled.m, 256);
  EXPECT_EQ(scaled.n, 128);
  EXPECT_EQ(scaled.warps(), 12); // two warpgroups multiply 128 rows each
}

// 256 rows want their scales by TMA, in rows of 16 bytes: four K blocks. They do not share K.
TEST(TensorCoreTile, TallTiles) {
  EXPECT_EQ(choose(4096, 7168, 16384, 1, 1).m, 256);
  EXPECT_EQ(choose(4096, 7168, 16384 + 128, 1, 1).m, 128);
  TensorCoreTile oneRound = choose(512, 7168, 16384, 1, 1); // 2 x 64 tiles of 256 x 112
  EXPECT_EQ(oneRound.m, 256);
  EXPECT_EQ(oneRound.n, 112);
  EXPECT_EQ(choose(4096, 7168, 16384, 1, 2).m, 128);
  EXPECT_EQ(chooseGroupedTile({4 * 8192, 4, 4096, 7168, 1}, h200).m, 256);
  for (int64_t m : {512, 576, 4096})
    EXPECT_EQ(choose(m, 576, 7168, 1, 1).split > 1 && choose(m, 576, 7168, 1, 1).m == 256, false);
}

TEST(TensorCoreTile, SmallProductsSpreadOverTheMultiprocessors) {
  // 128 x 256 tiles would keep 8 of 132 multiprocessors busy.
  TensorCoreTile tile = choose(128, 2048, 2048, 1, 2);
  EXPECT_LE(tile.n, 64);
  // The wider tile is as fast where one wave is enough anyway.
  EXPECT_LT(tile.seconds, 2.0 * 128 * 256 * 2048 / (h200.matrixRate / h200.computeUnits));
}

TEST(TensorCoreTile, WidthsFillTheLastWave) {
  EXPECT_EQ(choose(4096, 2112, 7168, 1, 2).n, 176); // 384 tiles: 2.9 rounds. 192 columns: 352, 2.7
  EXPECT_EQ(choose(4096, 576, 7168, 1, 2).n, 144);  // 128 tiles: one round
  EXPECT_EQ(choose(512, 7168, 16384, 1, 2).n, 224); // 128 tiles
  EXPECT_EQ(choose(512, 4096, 7168, 1, 1).n, 128);
}

TEST(TensorCoreTile, LongSumsOfFewTilesAreShared) {
  for (int64_t elementBytes : {1, 2}) {
    TensorCoreTile tile = choose(512, 576, 7168, 1, elementBytes);
    EXPECT_GT(tile.split, 1);
    EXPECT_LE(ceilDiv(512, tile.m) * ceilDiv(576, tile.n) * tile.split, h200.computeUnits);
    EXPECT_EQ(choose(512, 576, 256, 1, elementBytes).split, 1); // two CTAs would have one or two K blocks each
    EXPECT_EQ(choose(4096, 4096, 7168, 1, elementBytes).split, 1);
  }
}

TEST(TensorCoreTile, StagesFitSharedMemory) {
  for (int64_t elementBytes : {1, 2})
    for (int64_t m : {65, 128, 300, 2048, 8192})
      for (int64_t n : {64, 272, 576, 2048, 18432})
        for (int64_t heads : {1, 16, 128}) {
          TensorCoreTile tile = choose(m, n, 512, heads, elementBytes);
          EXPECT_GE(tile.stages, 2);
          // Partial sums, or boxes of D; block-scaled all of D and at least two slots of scales.
          const int64_t result = tile.split > 1      ? tile.m * tile.n * 4
                                 : elementBytes == 2 ? tile.m * 256
                                                     : tile.m * (tile.n * 2 + 2 * 16);
          EXPECT_LE(tile.stages * (tile.m + tile.n) * 128 + result, 227 * 1024);
        }
}

TEST(TensorCoreTile, ManyGroupsLeaveRoomForTheirTable) {
  for (int64_t groups : {4, 64, 2048}) {
    TensorCoreTile tile = chooseGroupedTile({groups * 64, groups, 80, 520, 2}, h200);
    EXPECT_EQ(tile.split, 1);
    EXPECT_LE(tile.stages * (tile.m + tile.n) * 128 + tile.m * 256 + 8 * (groups + 1), 227 * 1024);
  }
}

TEST(TensorCoreTile, GroupsNeedRows) {
  EXPECT_FALSE(fillsTensorCoreTiles(128 * 6, 64)); // 12 rows a group
  EXPECT_TRUE(fillsTensorCoreTiles(2048 * 6, 64)); // 192
}

TEST(RouteTokens, ClustersShareManyScores) {
  auto choose = [](int64_t tokens, int64_t experts, int64_t rowBytes) {
    return *chooseRouteTokens({tokens, experts, 8, rowBytes});
  };
  EXPECT_EQ(choose(1, 64, 4096).cluster, 1);
  EXPECT_EQ(choose(1, 64, 4096).warps, 2); // rows are spread over CTAs
  EXPECT_EQ(choose(1, 64, 0).warps, 1);
  EXPECT_EQ(choose(16, 64, 4096).cluster, 1);
  EXPECT_EQ(choose(16, 256, 14336).cluster, 4);
  EXPECT_EQ(choose(64, 256, 14336).cluster, 8);
  EXPECT_EQ(choose(64, 256, 14336).warps, 8);
}

TEST(RouteTokens, ManyTokensTakeKernelsOfTheirOwn) {
  EXPECT_FALSE(chooseRouteTokens({65, 64, 6, 4096}));
  EXPECT_FALSE(chooseRouteTokens({1, 512, 8, 4096}));
  EXPECT_FALSE(chooseRouteTokens({1, 256, 8, 65536}));
}

TEST(GateTokens, EveryMultiprocessorLoadsAPartOfTheGate) {
  const GateTokensShape v3{1, 256, 7168, 8, 8, 2}, lite{8, 64, 2048, 6, 1, 2};
  const GateTokensSchedule one = *chooseGateTokens(v3, h200), few = *chooseGateTokens(lite, h200);
  EXPECT_EQ(v3.experts / one.experts * one.parts, 128);
  EXPECT_EQ(one.warps * 64, one.channels); // two chunks of 32 for each warp
  EXPECT_EQ(one.channels * one.parts, 7168);
  EXPECT_EQ(one.routed, 1);
  EXPECT_EQ(few.routed, 2);
  EXPECT_EQ(few.channels * few.parts, 2048);
}

// Median of 21 cold launches on an H200, the events' 3.3 us included.
TEST(GateTokens, EstimatesAreNearWhatWasMeasured) {
  struct {
    GateTokensShape shape;
    double us;
  } cases[] = {{{1, 256, 7168, 8, 8, 2}, 6.27}, {{8, 256, 7168, 8, 8, 2}, 6.85}, {{64, 256, 7168, 8, 8, 2}, 9.70},
               {{1, 160, 5120, 6, 8, 2}, 5.76}, {{8, 160, 5120, 6, 8, 2}, 6.66}, {{64, 160, 5120, 6, 8, 2}, 8.45},
               {{1, 64, 2048, 6, 1, 2}, 5.31},  {{8, 64, 2048, 6, 1, 2}, 5.95},  {{64, 64, 2048, 6, 1, 2}, 7.07}};
  for (const auto &[shape, us] : cases) {
    const Estimate e = gateTokensEstimate(shape, *chooseGateTokens(shape, h200), h200);
    EXPECT_NEAR((e.seconds + h200.loneLaunch) * 1e6, us, 0.12 * us) << shape.tokens << " of " << shape.experts;
  }
}

TEST(GateTokens, ManyTokensAreRoutedByManyCtas) {
  const GateTokensSchedule t = *chooseGateTokens({64, 256, 7168, 8, 8, 2}, h200);
  EXPECT_EQ(t.experts, 32); // x is read half as often
  EXPECT_EQ(t.routed, 1);
  EXPECT_FALSE(chooseGateTokens({65, 256, 7168, 8, 8, 2}, h200));
  EXPECT_FALSE(chooseGateTokens({1, 288, 7168, 8, 1, 2}, h200));
  EXPECT_FALSE(chooseGateTokens({1, 80, 7168, 8, 1, 2}, h200));  // lanes without experts
  EXPECT_FALSE(chooseGateTokens({1, 256, 7168, 8, 1, 4}, h200)); // f32
  EXPECT_FALSE(chooseGateTokens({1, 192, 7168, 8, 3, 2}, h200)); // a group of ten lanes and a part of one
}

// Half of 128 rows would be empty; two stages leave one under way (128 x 7168 x 16384 took 80 us with four parts of
// 128 x 256 and two stages).
TEST(TensorCoreTiles, FewRowsTakeSmallTilesAndEnoughStages) {
  EXPECT_EQ(chooseTensorCoreTile({64, 129280, 7168, 1, 1}, h200).m, 64);
  EXPECT_EQ(chooseTensorCoreTile({33, 36864, 7168, 1, 1}, h200).m, 64);
  EXPECT_EQ(chooseTensorCoreTile({65, 129280, 7168, 1, 1}, h200).m, 128);
  EXPECT_GT(chooseTensorCoreTile({128, 7168, 16384, 1, 2}, h200).stages, 2);
}

} // namespace
