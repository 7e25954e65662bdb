// Tiles of the tensor-core family: which one suits a product, and what it costs.
#include "passes/cost/Schedules.h"
#include <algorithm>
#include <cmath>
#include <span>

using namespace mlir::deepseek::cost;

namespace {

constexpr int64_t kSharedBytes = 226 * 1024; // of a CTA, less room for barriers
constexpr int64_t kStageRowBytes = 128;      // of a row of A or B in one stage
constexpr int64_t kBoxBytes = 64 * 64 * 2;   // of D on its way out: two for each 64 rows, all of block-scaled tiles
constexpr int64_t kScaleSlotBlocks = 4;      // K blocks whose scales lie together in shared memory
constexpr int64_t kMostStages = 8;
constexpr int64_t kGroupBytes = 8;                   // of the table of groups
constexpr int64_t kMostSplit = 4, kFewestBlocks = 8; // CTAs that share K, and K blocks left for each
constexpr double kResultBytes = 2;                   // of an element of D; f32 results are few

/// Share of the matrix rate that a tile of 128 x n, or of 256 x n, reaches while operands arrive in time. Shared memory
/// bounds narrow tiles: wgmma reads (64 + n) x 32 bytes for 64 x n x 32 products. Block-scaled sums take registers
/// twice: their tiles end at 192 columns, or 128 with 256 rows. Where n is no multiple of 64 every few columns need
/// scales of their own. 64 rows: no second warpgroup hides waits.
struct TileShare {
  int64_t n;
  double share;
};
constexpr TileShare kPlainShares[] = {{256, 1.0},  {240, 0.995}, {224, 0.995}, {208, 0.99}, {192, 0.985},
                                      {176, 0.98}, {160, 0.975}, {144, 0.97},  {128, 0.97}, {112, 0.96},
                                      {96, 0.95},  {80, 0.95},   {64, 0.95},   {48, 0.8},   {32, 0.6}};
constexpr TileShare kScaledShares[] = {{192, 0.97}, {176, 0.95}, {160, 0.93}, {144, 0.92}, {128, 0.97}, {112, 0.87},
                                       {96, 0.82},  {80, 0.72},  {64, 0.68},  {48, 0.53},  {32, 0.4}};
constexpr TileShare kTallShares[] = {{128, 1.0}, {112, 0.945}, {96, 0.93}, {64, 0.68}};
constexpr int64_t kTallRows = 256;
constexpr double kHalfTileShare = 0.6, kScaledHalfTileShare = 0.55;
constexpr double kIdleHalf = 0.6; // of a tile's time, when the second 64 rows are none

constexpr double kStoreSeconds = 2.4e-9, kTallStoreSeconds = 6e-9; // of a column: D to memory, while no products run
constexpr double kFabricRate = 9e12; // bytes/s that all multiprocessors take in when they share little
/// The sum over a cluster: two barriers, and a column of the tile through distributed shared memory.
constexpr double kSplitSeconds = 1e-6, kSplitColumnSeconds = 10e-9;
constexpr double kClusterRoom = 0.85; // share of the multiprocessors that clusters find together in their GPCs

std::span<const TileShare> sharesOf(const GemmShape &s, int64_t rows) {
  if (rows == kTallRows)
    return kTallShares;
  return s.elementBytes == 1 ? std::span<const TileShare>(kScaledShares) : std::span<const TileShare>(kPlainShares);
}
double rateOf(const GemmShape &s, const Machine &m) { return s.elementBytes == 1 ? m.scaledRate : m.matrixRate; }

/// Tiles of 256 rows are for block-scaled products whose scales TMA can address: rows of 16 bytes.
bool allowsTall(const GemmShape &s, int64_t split) {
  return s.elementBytes == 1 && split == 1 && ceilDiv(s.k, kStageRowBytes) % kScaleSlotBlocks == 0;
}

int64_t tilesOf(const GemmShape &s, const TensorCoreTile &t) { return ceilDiv(s.m, t.m) * ceilDiv(s.n, t.n) * s.heads; }

/// Rounds of tiles that the busiest multiprocessor computes.
double wavesOf(const GemmShape &s, const TensorCoreTile &t, const Machine &m) {
  const int64_t tail = s.m % t.m;
  const double idle = t.m > 64 && tail > 0 && tail <= t.m / 2 ? 1 - kIdleHalf : 0;
  const double tiles = (double(ceilDiv(s.m, t.m)) - idle) * double(ceilDiv(s.n, t.n) * s.heads);
  return std::ceil(tiles * double(t.split) / m.computeUnits);
}

struct TileSeconds {
  double products, loads;
};
TileSeconds secondsOf(const GemmShape &s, const TensorCoreTile &t, const Machine &m) {
  const double waves = wavesOf(s, t, m), sides = double(t.m + t.n), k = double(s.k) / double(t.split);
  const double products = 2 * double(t.m * t.n) * k / (rateOf(s, m) / m.computeUnits * tensorCoreShare(s, t.m, t.n));
  // The stage that is multiplied is not under way, and a stage takes its own transfer on top of the latency.
  const double stage = double(kStageRowBytes) * sides, underWay = double(t.stages - 1) * stage;
  const double bytes = sides * k * double(s.elementBytes);
  double loads = waves * bytes / std::min(m.fetchRate, underWay / (m.fetchLatency + stage / m.fetchRate));
  double ends = waves * double(t.n) * (t.m == kTallRows ? kTallStoreSeconds : kStoreSeconds);
  if (t.split > 1) {
    loads = std::max(loads, double(tilesOf(s, t) * t.split) * bytes / kFabricRate);
    ends = kSplitSeconds + double(t.n) * kSplitColumnSeconds;
  }
  return {waves * products + ends, loads + ends};
}

/// Bytes beside the stages: D or its sums, and the ring of scales, which follows the stages.
int64_t besideStages(const GemmShape &s, const TensorCoreTile &t, int64_t stages) {
  if (t.split > 1)
    return t.m * t.n * 4;
  if (s.elementBytes > 1)
    return t.m / 64 * 2 * kBoxBytes;
  const int64_t slots = ceilDiv(stages + kScaleSlotBlocks - 1, kScaleSlotBlocks);
  return t.m * t.n * 2 + slots * (t.m * kScaleSlotBlocks * 4 + kStageRowBytes);
}

int64_t stagesOf(const GemmShape &s, const TensorCoreTile &t, int64_t otherBytes) {
  int64_t stages = kMostStages;
  while (stages > 2 && stages * (t.m + t.n) * kStageRowBytes + besideStages(s, t, stages) + otherBytes > kSharedBytes)
    --stages;
  return stages;
}

/// The fastest tile, with up to `mostSplit` CTAs for its K; `otherBytes` of shared memory are taken.
TensorCoreTile fastestTile(const GemmShape &s, const Machine &machine, int64_t mostSplit, int64_t otherBytes) {
  TensorCoreTile best{};
  const int64_t kBlocks = ceilDiv(s.k * s.elementBytes, kStageRowBytes);
  // Half of a tile of 128 rows is empty for 64: 129280 x 7168 in e4m3 takes 324 us with 128 x 128, 232 with 64 rows.
  for (int64_t rows : {kTallRows, int64_t(128), int64_t(64)})
    for (const TileShare &columns : sharesOf(s, rows))
      for (int64_t split = 1; split <= mostSplit; ++split) {
        TensorCoreTile tile{rows, columns.n, 0, 0, split};
        if ((rows > 64 && s.m <= 64) || (rows == kTallRows && !allowsTall(s, split)))
          break;
        if (split > 1 &&
            (double(tilesOf(s, tile) * split) > kClusterRoom * machine.computeUnits || kBlocks < split * kFewestBlocks))
          break;
        tile.stages = stagesOf(s, tile, otherBytes);
        const TileSeconds seconds = secondsOf(s, tile, machine);
        tile.seconds = std::max(seconds.products, seconds.loads);
        if (best.m == 0 || tile.seconds < best.seconds)
          best = tile;
      }
  return best;
}

} // namespace

double mlir::deepseek::cost::tensorCoreShare(const GemmShape &s, int64_t m, int64_t n) {
  const std::span<const TileShare> shares = sharesOf(s, m);
  double share = shares.back().share; // narrower than the table goes
  for (const TileShare &tile : shares)
    if (tile.n == n)
      share = tile.share;
  return m > 64 ? share : (s.elementBytes == 1 ? kScaledHalfTileShare : kHalfTileShare) * share;
}

TensorCoreTile mlir::deepseek::cost::chooseTensorCoreTile(const GemmShape &s, const Machine &machine) {
  return fastestTile(s, machine, kMostSplit, /*otherBytes=*/0);
}

TensorCoreTile mlir::deepseek::cost::chooseGroupedTile(const GroupedShape &s, const Machine &machine) {
  // Groups of equal size, and their table of first rows and tiles.
  const GemmShape group{std::max<int64_t>(s.rows / s.groups, 1), s.n, s.k, /*heads=*/s.groups, s.elementBytes};
  return fastestTile(group, machine, /*mostSplit=*/1, kGroupBytes * (s.groups + 1));
}

Estimate mlir::deepseek::cost::tensorCoreEstimate(const GemmShape &s, const TensorCoreTile &tile, const Machine &m) {
  const double rows = double(s.m), n = double(s.n), k = double(s.k), heads = double(s.heads);
  const double bytes = heads * (double(s.elementBytes) * (n * k + rows * k) + kResultBytes * rows * n);
  const TileSeconds seconds = secondsOf(s, tile, m);
  return boundedBy(bytes, 2 * heads * rows * n * k,
                   {{bytes / m.readBandwidth, "memory"}, {seconds.products, "products"}, {seconds.loads, "loads"}}, m);
}
