// Schedules and times of products with few rows whose weights stream through shared memory into wgmma.
#include "passes/cost/Schedules.h"
#include <algorithm>
#include <cmath>

using namespace mlir::deepseek::cost;

namespace {

constexpr int64_t kBoxBytes = 128;   // of a row of A or B in one stage
constexpr int64_t kFeatures = 64;    // rows of B in a tile: the smallest that wgmma has gives the most CTAs
constexpr int64_t kMostTokens = 128; // rows of A in a tile
constexpr int64_t kMostSplit = 8;    // CTAs of a portable cluster
constexpr int64_t kMostStages = 32;
// With scales a deep ring costs more than it gives: every CTA asks for the first stages' scales of A at once, from the
// same few lines. 2112 x 7168 for 8 rows takes 9.3 us with 12 stages, 8.3 with 7; 7168 x 16384 for 16 34.4 and 33.2.
constexpr int64_t kMostScaledStages = 7;
// From 16 tokens on, two boxes a stage: one's products are scaled while the other's are computed. 4096 x 7168 for 32 rows
// takes 10.5 us instead of 12.2; two stages of two boxes are too few.
constexpr int64_t kPairTokens = 16, kFewestPairStages = 3;
constexpr int64_t kStagesPerPart = 4; // a shorter part of K costs more to add than it saves
constexpr double kResultBytes = 2;    // of an element of D; f32 results are few

// Shared memory of a multiprocessor for rings; the barriers and what a CTA reserves come on top.
constexpr int64_t kUnitBytes = 216 * 1024;
constexpr int64_t kMostResident = 4, kManyResident = 3;
// Lower tiles of B, of which more can be resident: all at once, and as many on each multiprocessor.
constexpr int64_t kLowerTiles[] = {kFeatures, 56, 48};
constexpr int64_t kMostLowResident = 6, kFewestLowStages = 3, kMostLowStages = 4; // five: 128 us instead of 126
constexpr double kEvenShare = 0.95;
constexpr int64_t kWideTokens = 64; // wider tiles of A want a deeper ring than half of the memory

constexpr double kBandwidthShare = 0.95; // 1.85 GB in 431 us
constexpr double kFabricRate = 10.4e12;  // bytes/s into all multiprocessors: A again for each tile, 5.6 GB in 538 us
constexpr double kSplitSeconds = 0.6e-6; // two cluster barriers and the reads between them
constexpr double kRampSeconds = 1.5e-6;  // until a CTA's first stage is there
/// Cycles of a warpgroup for 64 rows of B and 128 bytes of K: wait, products, and with scales a sum of its own.
double boxCycles(int64_t tokens, bool scaled) {
  return scaled ? 180 + 4.0 * double(tokens) : 100 + 2.2 * double(tokens);
}

} // namespace

/// Stages of a ring of `bytes`, no more than the `kStages` there are to load.
static int64_t stagesOf(int64_t bytes, const StreamSchedule &s, int64_t kStages) {
  const int64_t fit = bytes / (kBoxBytes * (s.tokens + s.features));
  const bool scaled = s.kElements == kBoxBytes;
  return std::clamp<int64_t>(std::min(fit, kStages), 2, scaled ? kMostScaledStages : kMostStages);
}

/// Lower tiles where not all of 64 rows can be resident, but all of fewer rows are, evenly: they end together. 36864 x
/// 7168 for 16 rows in bf16 takes 125 us with five CTAs of 56 rows on each multiprocessor, 133 with waves of three of 64.
static StreamSchedule lowered(StreamSchedule s, int64_t rowTiles, const GemmShape &shape, const Machine &m) {
  const int64_t kStages = ceilDiv(shape.k, s.kElements);
  if (rowTiles * ceilDiv(shape.n, s.features) * shape.heads <= kMostResident * m.computeUnits)
    return s;
  for (int64_t features : kLowerTiles) {
    StreamSchedule low = s;
    low.features = features;
    const int64_t tiles = rowTiles * ceilDiv(shape.n, features) * shape.heads;
    const int64_t resident = ceilDiv(tiles, m.computeUnits);
    low.stages = std::min(stagesOf(kUnitBytes / resident, low, kStages), kMostLowStages);
    if (resident <= kMostLowResident && low.stages >= std::min(kStages, kFewestLowStages) &&
        double(tiles) >= kEvenShare * double(resident * m.computeUnits))
      return low;
  }
  return s;
}

static StreamSchedule scheduleOf(int64_t tokens, int64_t elementBytes) {
  // One warp issues TMA, with scales a second one fetches them.
  return {
      8 * ceilDiv(tokens, 8), kFeatures, kBoxBytes / elementBytes, 2, 1, kFeatures / 16 + (elementBytes == 1 ? 2 : 1)};
}

/// Bytes of a CTA's ring. A single CTA for each multiprocessor still leaves room for one of the next kernel, which
/// fills its ring while this one drains, and for clusters. More CTAs are all resident if they can be: 24576 x 1536
/// takes 21.5 us with three on each multiprocessor and 23.4 with two; else three even out each other.
static int64_t ringBytes(const StreamSchedule &s, int64_t blocks, const Machine &m) {
  if (blocks <= m.computeUnits)
    return s.tokens > kWideTokens && s.kElements < kBoxBytes && s.split <= 2 ? kUnitBytes : kUnitBytes / 2;
  const int64_t resident = ceilDiv(blocks, m.computeUnits);
  return kUnitBytes / (resident <= kMostResident ? resident : kManyResident);
}

StreamSchedule mlir::deepseek::cost::chooseGroupedStream(const GroupedShape &s, const Machine &m) {
  // Rows that choose freely spread like sqrt around their mean: most groups get a single tile and read B once.
  const double mean = double(s.rows) / double(s.groups);
  const int64_t tokens = std::min<int64_t>(int64_t(std::ceil(mean + 2 * std::sqrt(mean))), s.rows);
  StreamSchedule schedule = scheduleOf(std::min(tokens, kMostTokens), s.elementBytes);
  // Every group that has rows can add a partial tile.
  const int64_t tiles = s.rows / schedule.tokens + std::min(s.rows, s.groups);
  const int64_t blocks = tiles * ceilDiv(s.n, schedule.features);
  schedule.stages = stagesOf(ringBytes(schedule, blocks, m), schedule, ceilDiv(s.k, schedule.kElements));
  return schedule;
}

/// Two boxes of 128 block-scaled channels a stage, where a ring of `bytes` has room; `kStages`: of one box, of a part.
static StreamSchedule paired(StreamSchedule s, int64_t bytes, int64_t kStages) {
  if (s.kElements < kBoxBytes || s.tokens < kPairTokens || s.features != kFeatures)
    return s;
  const int64_t stages = std::min(bytes / (2 * kBoxBytes * (s.tokens + s.features)), ceilDiv(kStages, 2));
  if (stages >= kFewestPairStages)
    s.kElements *= 2, s.stages = stages;
  return s;
}

StreamSchedule mlir::deepseek::cost::chooseStream(const GemmShape &s, const Machine &m) {
  const int64_t rowTiles = ceilDiv(s.m, kMostTokens);
  StreamSchedule best = scheduleOf(ceilDiv(s.m, rowTiles), s.elementBytes);
  const int64_t kStages = ceilDiv(s.k, best.kElements), tiles = rowTiles * ceilDiv(s.n, best.features) * s.heads;
  while (best.split < kMostSplit && 2 * best.split * tiles <= m.computeUnits &&
         kStages >= 2 * best.split * kStagesPerPart)
    best.split *= 2;
  const int64_t blocks = tiles * best.split;
  best.stages = stagesOf(ringBytes(best, blocks, m), best, ceilDiv(kStages, best.split));
  return paired(lowered(best, rowTiles, s, m), ringBytes(best, blocks, m), ceilDiv(kStages, best.split));
}

Estimate mlir::deepseek::cost::streamProductEstimate(const GemmShape &s, const StreamSchedule &t, const Machine &m) {
  const double rows = double(s.m), n = double(s.n), k = double(s.k);
  const double bytes = double(s.heads) * (double(s.elementBytes) * (n * k + rows * k) + kResultBytes * rows * n);
  const double flops = 2 * double(s.heads) * rows * n * k;
  const double tiles = double(ceilDiv(s.m, t.tokens) * ceilDiv(s.n, t.features) * s.heads);
  const double rounds = std::max(tiles * double(t.split) / double(m.computeUnits), 1.0);
  const double boxes = rounds * double(ceilDiv(ceilDiv(s.k * s.elementBytes, kBoxBytes), t.split));
  const double stageBytes = double(kBoxBytes * (t.tokens + t.features)); // of one box
  const double stageBoxes = double(t.kElements * s.elementBytes) / double(kBoxBytes);
  const double rate = std::min(m.fetchRate, double(t.stages) * stageBoxes * stageBytes / m.fetchLatency);
  const double arrive = tiles * double(ceilDiv(s.k * s.elementBytes, kBoxBytes)) * stageBytes / kFabricRate;
  const double loads = std::max(boxes * stageBytes / rate, arrive);
  const double products = boxes * boxCycles(t.tokens, s.elementBytes == 1) / m.clock;
  const double split = t.split > 1 ? kSplitSeconds : 0;
  return boundedBy(bytes, flops,
                   {{bytes / (kBandwidthShare * m.readBandwidth) + split, "memory"},
                    {kRampSeconds + products + split, "products"},
                    {kRampSeconds + loads + split, "loads"}},
                   m);
}
