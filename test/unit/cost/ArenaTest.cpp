// Placement in an arena: blocks that live together never overlap, whatever the program.
#include "passes/cost/Arena.h"
#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace mlir::deepseek::cost;

namespace {

constexpr int64_t alignment = 256;

int64_t alignedBytes(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// Bytes that no plan can do without: the most that live at one step.
int64_t peakBytes(const std::vector<Lifetime> &lifetimes) {
  int64_t peak = 0;
  for (const Lifetime &at : lifetimes) {
    int64_t live = 0;
    for (const Lifetime &other : lifetimes)
      if (other.first <= at.first && at.first <= other.last)
        live += alignedBytes(other.bytes);
    peak = std::max(peak, live);
  }
  return peak;
}

void expectValid(const std::vector<Lifetime> &lifetimes, const ArenaPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), lifetimes.size());
  int64_t total = 0;
  for (size_t i = 0; i < lifetimes.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % alignment, 0);
    EXPECT_GE(plan.offsets[i], 0);
    EXPECT_LE(plan.offsets[i] + lifetimes[i].bytes, plan.bytes);
    total += alignedBytes(lifetimes[i].bytes);
    for (size_t j = 0; j < i; ++j) {
      bool together = lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
      bool apart = plan.offsets[i] + lifetimes[i].bytes <= plan.offsets[j] ||
                   plan.offsets[j] + lifetimes[j].bytes <= plan.offsets[i];
      EXPECT_TRUE(!together || apart) << "blocks " << i << " and " << j << " overlap at offset " << plan.offsets[i];
    }
  }
  EXPECT_GE(plan.bytes, peakBytes(lifetimes));
  EXPECT_LE(plan.bytes, plan.bytesWithoutReuse);
  EXPECT_EQ(plan.bytesWithoutReuse, total);
}

/// A straight-line program: every step makes one or two values and reads some of those before.
std::vector<Lifetime> randomProgram(std::mt19937 &random) {
  auto upTo = [&](int64_t most) { return std::uniform_int_distribution<int64_t>(0, most)(random); };
  std::vector<Lifetime> lifetimes;
  const int64_t steps = 2 + upTo(40);
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t reads = upTo(3); reads > 0 && !lifetimes.empty(); --reads) {
      Lifetime &read = lifetimes[lifetimes.size() - 1 - upTo(std::min<int64_t>(lifetimes.size() - 1, 8))];
      read.last = step;
    }
    for (int64_t made = 1 + upTo(1); made > 0; --made)
      lifetimes.push_back({1 + upTo(1 << (4 + upTo(16))), step, step});
  }
  return lifetimes;
}

TEST(ArenaTest, RandomProgramsNeverOverlap) {
  std::mt19937 random(20261121);
  for (int program = 0; program < 500; ++program) {
    std::vector<Lifetime> lifetimes = randomProgram(random);
    expectValid(lifetimes, planArena(lifetimes, alignment));
    if (HasFailure())
      break;
  }
}

TEST(ArenaTest, ChainNeedsTwoBlocks) {
  std::vector<Lifetime> chain;
  for (int64_t step = 0; step < 10; ++step)
    chain.push_back({4096, step, step + 1});
  ArenaPlan plan = planArena(chain, alignment);
  expectValid(chain, plan);
  EXPECT_EQ(plan.bytes, 8192);
  EXPECT_EQ(plan.bytesWithoutReuse, 40960);
}

// A result and the operand it is made from live together at that step: a kernel may not write over what it reads.
TEST(ArenaTest, ResultNeverTakesOperandsPlace) {
  std::vector<Lifetime> lifetimes{{1024, 0, 1}, {1024, 1, 1}};
  ArenaPlan plan = planArena(lifetimes, alignment);
  EXPECT_NE(plan.offsets[0], plan.offsets[1]);
}

TEST(ArenaTest, EmptyProgram) { EXPECT_EQ(planArena({}, alignment).bytes, 0); }

TEST(ArenaTest, SamePlanEveryTime) {
  std::mt19937 random(7);
  std::vector<Lifetime> lifetimes = randomProgram(random);
  EXPECT_EQ(planArena(lifetimes, alignment).offsets, planArena(lifetimes, alignment).offsets);
}

} // namespace
