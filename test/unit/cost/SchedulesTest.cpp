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
  EXPECT_EQ(plain.n, 256);
  TensorCoreTile scaled = choose(8192, 8192, 8192, 1, 1);
  EXPECT_EQ(scaled.m, 128);
  EXPECT_EQ(scaled.n, 192);
}

TEST(TensorCoreTile, SmallProductsSpreadOverTheMultiprocessors) {
  // 128 x 256 tiles would keep 8 of 132 multiprocessors busy.
  TensorCoreTile tile = choose(128, 2048, 2048, 1, 2);
  EXPECT_LE(tile.n, 64);
  // The wider tile is as fast where one wave is enough anyway.
  EXPECT_LT(tile.seconds, 2.0 * 128 * 256 * 2048 / (h200.matrixRate / h200.computeUnits));
}

TEST(TensorCoreTile, StagesFitSharedMemory) {
  for (int64_t elementBytes : {1, 2})
    for (int64_t m : {65, 128, 300, 2048, 8192})
      for (int64_t n : {64, 272, 576, 2048, 18432})
        for (int64_t heads : {1, 16, 128}) {
          TensorCoreTile tile = choose(m, n, 512, heads, elementBytes);
          EXPECT_GE(tile.stages, 2);
          EXPECT_LE(tile.stages * (tile.m + tile.n) * 128 + tile.m * 256, 227 * 1024);
        }
}

TEST(TensorCoreTile, GroupsNeedRows) {
  EXPECT_FALSE(fillsTensorCoreTiles(128 * 6, 64)); // 12 rows a group
  EXPECT_TRUE(fillsTensorCoreTiles(2048 * 6, 64)); // 192
}

} // namespace
