// Schedules of decode attention as a table: which tile suits which sizes, that every model has one, and that estimates
// behave.
#include "passes/cost/Attention.h"
#include "dialects/kernel/MlaDecodeTiling.h"
#include "gtest/gtest.h"

using namespace mlir::deepseek::cost;
using mlir::deepseek::kernel::MlaDecodeTiling;

namespace {

constexpr int64_t kPage = 64, kCapacity = 4096;

DecodeShape shapeOf(int64_t tokens, int64_t sequences, int64_t heads, int64_t latent, int64_t rope) {
  return {tokens, sequences, heads, latent, rope, kPage, kCapacity, kCapacity};
}

MlaDecodeTiling tilingOf(const DecodeShape &s, const DecodeSchedule &schedule) {
  return {s.latent, s.rope, schedule.rows, schedule.keys, schedule.stages, schedule.warps};
}

struct Row {
  int64_t tokens, sequences, heads, latent, rope;
  int64_t minRows, maxRows; // of a tile
  bool split;
};

// Rows share what is read, so many heads want many; few heads leave them empty. A full batch needs no parts.
constexpr Row kTable[] = {
    {1, 1, 16, 512, 64, 16, 64, true},    {16, 16, 16, 512, 64, 16, 64, true},  {132, 132, 16, 512, 64, 16, 64, false},
    {8, 8, 128, 512, 64, 32, 64, true},   {32, 32, 128, 512, 64, 32, 64, true}, {132, 132, 128, 512, 64, 32, 64, false},
    {1, 1, 3, 80, 16, 16, 16, true},      {4, 1, 3, 80, 16, 16, 16, true},      {1, 1, 8, 128, 16, 16, 16, true},
    {8, 8, 128, 1024, 128, 32, 64, true}, {1, 1, 16, 1024, 128, 16, 16, true},  {1, 1, 128, 1536, 64, 16, 64, true},
    {1, 1, 1, 16, 2, 16, 16, true},       {1, 1, 16, 2272, 64, 16, 16, true},   {64, 1, 128, 512, 64, 32, 64, false}};

TEST(DecodeSchedule, Table) {
  for (const Row &row : kTable) {
    SCOPED_TRACE(testing::Message() << row.tokens << " tokens, " << row.sequences << " sequences, " << row.heads
                                    << " heads, " << row.latent << " + " << row.rope);
    const DecodeShape shape = shapeOf(row.tokens, row.sequences, row.heads, row.latent, row.rope);
    std::optional<DecodeChoice> choice = chooseDecodeSchedule(shape, h200);
    ASSERT_TRUE(choice);
    EXPECT_GE(choice->schedule.rows, row.minRows);
    EXPECT_LE(choice->schedule.rows, row.maxRows);
    if (!choice->schedule.columns) // products of warpgroups cut sequences on the device
      EXPECT_EQ(choice->schedule.split > 1, row.split) << choice->schedule.split;
  }
}

// Whatever a model's sizes are, what is chosen fits: registers, shared memory, page.
TEST(DecodeSchedule, EveryChoiceFits) {
  for (int64_t page : {16, 32, 64, 128})
    for (int64_t heads : {1, 3, 16, 17, 64, 128})
      for (int64_t tokens : {1, 4, 128})
        for (int64_t latent = 8; latent <= 2272; latent += 283)
          for (int64_t rope : {0, 7, 64}) {
            DecodeShape shape = shapeOf(tokens, tokens, heads, latent, rope);
            shape.page = page;
            std::optional<DecodeChoice> choice = chooseDecodeSchedule(shape, h200);
            ASSERT_TRUE(choice) << latent << " + " << rope << ", page " << page;
            EXPECT_TRUE(choice->schedule.columns || tilingOf(shape, choice->schedule).fits())
                << latent << " + " << rope;
            EXPECT_GE(choice->schedule.stages, 2);
            EXPECT_EQ(page % choice->schedule.keys, 0);
            EXPECT_LE(choice->schedule.split, kCapacity / 64);
          }
}

// Products of warpgroups where positions are many, of single warps for sizes that the former have no code for.
TEST(DecodeSchedule, KindOfProducts) {
  auto columnsOf = [](const DecodeShape &shape) { return chooseDecodeSchedule(shape, h200)->schedule.columns; };
  for (int64_t sequences : {8, 32, 128})
    EXPECT_EQ(columnsOf(shapeOf(sequences, sequences, 128, 512, 64)), 256);
  EXPECT_EQ(columnsOf(shapeOf(64, 32, 128, 512, 64)), 256); // two tokens each
  EXPECT_EQ(columnsOf(shapeOf(128, 128, 64, 256, 64)), 128);
  EXPECT_EQ(columnsOf(shapeOf(1, 1, 16, 512, 64)), 256);
  // Fixed parts of few rows take 1.5 times as long (measured: 29.5 us against 18.9, 30.9 against 20.2), and wait for
  // the longest of uneven sequences (151 us against 100).
  auto shortOf = [&](int64_t tokens, int64_t sequences, int64_t heads, int64_t context) {
    DecodeShape shape = shapeOf(tokens, sequences, heads, 512, 64);
    shape.capacity = shape.context = context;
    return shape;
  };
  EXPECT_EQ(columnsOf(shortOf(8, 8, 128, 1024)), 256);
  EXPECT_EQ(columnsOf(shortOf(2, 1, 128, 4096)), 256);
  EXPECT_EQ(columnsOf(shortOf(128, 128, 16, 4096)), 256);
  // Three tokens of eight heads would spill; two fill fragments.
  EXPECT_EQ(columnsOf(shortOf(96, 32, 8, 4096)), 0);
  EXPECT_EQ(columnsOf(shortOf(64, 32, 8, 4096)), 256);
  EXPECT_EQ(columnsOf(shortOf(1, 1, 128, 1024)), 0);
  EXPECT_EQ(columnsOf(shapeOf(128, 128, 128, 1024, 64)), 0); // 1024 columns do not fit two warpgroups
  EXPECT_EQ(columnsOf(shapeOf(128, 128, 96, 512, 64)), 0);   // a copy cannot bring 32 rows of two tokens
  EXPECT_EQ(columnsOf(shapeOf(128, 1, 4, 512, 64)), 0);      // blocks of four query rows
  DecodeShape shape = shapeOf(128, 128, 128, 512, 64);
  shape.tmaAddressable = false;
  EXPECT_EQ(columnsOf(shape), 0);
  shape.tmaAddressable = true, shape.page = 16;
  EXPECT_EQ(columnsOf(shape), 0);
}

// The shares of the groups of CTAs, and the scratch memory that their parts need.
TEST(DecodeShares, Groups) {
  using mlir::deepseek::kernel::MlaDecodeShares;
  const MlaDecodeShares wide{/*rows=*/128, /*sequences=*/32, /*latent=*/512, /*capacity=*/4096};
  EXPECT_EQ(wide.together(), 2); // two row tiles side by side
  EXPECT_EQ(wide.groups(), 66);
  EXPECT_EQ(wide.blocks(), 132);
  EXPECT_EQ(wide.scratchFloats(), 264 * (64 * 512 + 64));
  const MlaDecodeShares tokens{/*rows=*/384, 9, 512, 512}; // six row tiles: three together, a sequence counts twice
  EXPECT_EQ(tokens.together(), 3);
  EXPECT_EQ(tokens.items(), 18);
  EXPECT_EQ(tokens.groups(), 44);
  const MlaDecodeShares odd{/*rows=*/320, 4, 512, 4096}; // five row tiles: 132 CTAs are no multiple of five
  EXPECT_EQ(odd.blocks(), 132);
  const MlaDecodeShares few{/*rows=*/16, 2, 512, 100}; // two pairs of tiles each
  EXPECT_EQ(few.blocks(), 4);
  EXPECT_EQ(few.slotRows(), 16);
  const MlaDecodeShares whole{/*rows=*/16, 2, 512, 4096, /*cuts=*/false};
  EXPECT_EQ(whole.blocks(), 2);
}

// Medians of 20 runs on an H200, us, less the 3.4 us that an event pair around an empty kernel reads.
TEST(DecodeEstimate, NearMeasured) {
  struct {
    int64_t tokens, sequences, heads, context;
    double measured;
  } rows[] = {{8, 8, 128, 4096, 26.4},      {8, 8, 128, 16384, 67.3},    {32, 32, 128, 1024, 26.4},
              {32, 32, 128, 4096, 66.5},    {64, 32, 128, 4096, 118.7},  {128, 128, 128, 1024, 66.7},
              {128, 128, 128, 4096, 236.2}, {128, 128, 128, 16384, 905}, {128, 128, 16, 16384, 585}};
  for (const auto &row : rows) {
    DecodeShape shape = shapeOf(row.tokens, row.sequences, row.heads, 512, 64);
    shape.capacity = shape.context = row.context;
    const double seconds = decodeEstimate(shape, {64, 32, 5, 16, /*split=*/1, 256}, h200).seconds;
    EXPECT_NEAR(seconds * 1e6 / row.measured, 1, 0.15) << row.heads << " heads, " << row.context;
  }
}

// The same over quantised records; medians of 15. Left out: one sequence of 4096 in 32 parts of two pairs (12.5 us), 22
// % too slow by the estimate.
TEST(DecodeEstimate, NearMeasuredQuantized) {
  struct {
    int64_t sequences, heads, context, split;
    double measured;
  } rows[] = {{8, 128, 16384, 8, 91.4}, {32, 128, 1024, 2, 35.3}, {32, 128, 4096, 2, 93.5}, {32, 128, 32768, 2, 636},
              {128, 128, 1024, 1, 100}, {128, 128, 4096, 1, 334}, {32, 64, 4096, 4, 54.4},  {128, 64, 4096, 1, 175},
              {32, 16, 4096, 4, 49.2}}; // fewer and shorter sequences were measured when mla_combine joined their parts
  for (const auto &row : rows) {
    DecodeShape shape = shapeOf(row.sequences, row.sequences, row.heads, 512, 64);
    shape.capacity = shape.context = row.context;
    shape.quantized = true;
    const double seconds = decodeEstimate(shape, {64, 32, 4, 16, row.split, 256}, h200).seconds +
                           combineEstimate(shape, row.split, h200).seconds;
    EXPECT_NEAR(seconds * 1e6 / row.measured, 1, 0.15) << row.sequences << " x " << row.heads << ", " << row.context;
  }
}

TEST(DecodeSchedule, NothingFitsImpossibleSizes) {
  EXPECT_FALSE(chooseDecodeSchedule(shapeOf(1, 1, 16, 4096, 64), h200));
  DecodeShape oddPage = shapeOf(1, 1, 16, 512, 64);
  oddPage.page = 24;
  EXPECT_FALSE(chooseDecodeSchedule(oddPage, h200));
}

TEST(DecodeSchedule, PartsFollowThePositions) {
  DecodeShape shape = shapeOf(1, 1, 16, 1024, 128);
  EXPECT_GT(chooseDecodeSchedule(shape, h200)->schedule.split, 8); // one task would leave 131 multiprocessors idle
  shape.capacity = shape.context = kPage;                          // one page is one part
  EXPECT_EQ(chooseDecodeSchedule(shape, h200)->schedule.split, 1);
  EXPECT_EQ(chooseDecodeSchedule(shape, h200, /*split=*/5)->schedule.split, 5); // the results say so
}

// 128 heads in tiles of 16 rows would take each record through the cache eight times.
TEST(DecodeEstimate, RowsShareRecords) {
  const DecodeShape shape = shapeOf(128, 128, 128, 512, 64);
  const double few = decodeEstimate(shape, {16, 32, 4, 8, 1}, h200).seconds;
  const double many = decodeEstimate(shape, {64, 32, 2, 8, 1}, h200).seconds;
  EXPECT_GT(few, 1.5 * many);
}

// No estimate beats the machine, and more positions never take less time.
TEST(DecodeEstimate, RespectsTheLimits) {
  for (const Row &row : kTable) {
    DecodeShape shape = shapeOf(row.tokens, row.sequences, row.heads, row.latent, row.rope);
    const DecodeSchedule schedule = chooseDecodeSchedule(shape, h200)->schedule;
    double last = 0;
    for (int64_t context : {64, 512, 1024, 4096}) {
      shape.context = context;
      const Estimate e = decodeEstimate(shape, schedule, h200);
      EXPECT_GE(e.seconds, e.bytes / h200.readBandwidth + h200.kernelOverhead);
      EXPECT_GE(e.seconds, e.flops / (schedule.columns ? h200.matrixRate : h200.warpRate));
      EXPECT_GE(e.seconds, last);
      last = e.seconds;
    }
  }
  // One sequence of one record: its bytes and products, by hand.
  DecodeShape one = shapeOf(1, 1, 1, 16, 2);
  one.context = 1;
  const Estimate e = decodeEstimate(one, {16, 16, 2, 4, 1}, h200);
  EXPECT_DOUBLE_EQ(e.bytes, 36 + 36 + 32); // record, query, result
  EXPECT_DOUBLE_EQ(e.flops, 2 * (18 + 16));
  EXPECT_EQ(combineEstimate(one, 1, h200).seconds, 0);
  EXPECT_DOUBLE_EQ(combineEstimate(one, 3, h200).bytes, 16 * (3 * 4 + 2));
}

} // namespace
