// Tiles of the tensor-core family: which one suits a product, and what it costs.
#include "passes/cost/Schedules.h"
#include <algorithm>
#include <cmath>
#include <span>

using namespace mlir::deepseek::cost;

namespace {

constexpr int64_t kSharedBytes = 226 * 1024; // of a CTA, less room for barriers
constexpr int64_t kStageRowBytes = 128;      // of a row of A or B in one stage
constexpr int64_t kBoxBytes = 64 * 64 * 2;   // of D on its way out: two for each 64 rows
constexpr int64_t kMostStages = 8;
constexpr int64_t kGroupBytes = 8;                   // of the table of groups
constexpr int64_t kMostSplit = 4, kFewestBlocks = 8; // CTAs that share K, and K blocks left for each
constexpr double kResultBytes = 2;                   // of an element of D; f32 results are few

/// Share of the matrix rate that a tile of 128 x n reaches while operands arrive in time. Block-scaled sums take
/// registers twice, so their tiles end at 192 columns; up to 128 the products of one K block hide the sums of another,
/// and where n is no multiple of 64 every few columns need scales of their own. 64 rows: no second warpgroup hides
/// waits.
struct TileShare {
  int64_t n;
  double share;
};
constexpr TileShare kPlainShares[] = {{256, 1.0},  {240, 0.995}, {224, 0.995}, {208, 0.99}, {192, 0.985},
                                      {176, 0.98}, {160, 0.975}, {144, 0.97},  {128, 0.97}, {112, 0.96},
                                      {96, 0.95},  {80, 0.95},   {64, 0.95},   {48, 0.8},   {32, 0.6}};
constexpr TileShare kScaledShares[] = {{192, 0.92}, {176, 0.86}, {160, 0.88}, {144, 0.86}, {128, 1.0}, {112, 0.92},
                                       {96, 0.9},   {80, 0.8},   {64, 0.78},  {48, 0.6},   {32, 0.45}};
constexpr double kHalfTileShare = 0.6;
constexpr double kIdleHalf = 0.6; // of a tile's time, when the second 64 rows are none

constexpr double kStoreSeconds = 2.4e-9; // of a column of a tile: sums to memory, while no products run
constexpr double kFabricRate = 9e12;     // bytes/s that all multiprocessors take in when they share little
/// The sum over a cluster: two barriers, and a column of the tile through distributed shared memory.
constexpr double kSplitSeconds = 1e-6, kSplitColumnSeconds = 10e-9;
constexpr double kClusterRoom = 0.85; // share of the multiprocessors that clusters find together in their GPCs

std::span<const TileShare> sharesOf(const GemmShape &s) {
  return s.elementBytes == 1 ? std::span<const TileShare>(kScaledShares) : std::span<const TileShare>(kPlainShares);
}
double rateOf(const GemmShape &s, const Machine &m) { return s.elementBytes == 1 ? m.scaledRate : m.matrixRate; }

int64_t tilesOf(const GemmShape &s, const TensorCoreTile &t) { return ceilDiv(s.m, t.m) * ceilDiv(s.n, t.n) * s.heads; }

/// Rounds of tiles that the busiest multiprocessor computes.
double wavesOf(const GemmShape &s, const TensorCoreTile &t, const Machine &m) {
  const int64_t tail = s.m % t.m;
  const double idle = t.m > 64 && tail > 0 && tail <= t.m - 64 ? 1 - kIdleHalf : 0;
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
  double ends = waves * double(t.n) * kStoreSeconds;
  if (t.split > 1) {
    loads = std::max(loads, double(tilesOf(s, t) * t.split) * bytes / kFabricRate);
    ends = kSplitSeconds + double(t.n) * kSplitColumnSeconds;
  }
  return {waves * products + ends, loads + ends};
}

int64_t stagesOf(const TensorCoreTile &t, int64_t otherBytes) {
  const int64_t result = t.split > 1 ? t.m * t.n * 4 : t.m / 64 * 2 * kBoxBytes;
  return std::clamp<int64_t>((kSharedBytes - otherBytes - result) / ((t.m + t.n) * kStageRowBytes), 2, kMostStages);
}

/// The fastest tile, with up to `mostSplit` CTAs for its K; `otherBytes` of shared memory are taken.
TensorCoreTile fastestTile(const GemmShape &s, const Machine &machine, int64_t mostSplit, int64_t otherBytes) {
  TensorCoreTile best{};
  const int64_t kBlocks = ceilDiv(s.k * s.elementBytes, kStageRowBytes);
  // Half of a tile of 128 rows is empty for 64: 129280 x 7168 in e4m3 takes 324 us with 128 x 128, 232 with 64 rows.
  for (int64_t rows : s.m > 64 ? std::initializer_list<int64_t>{128, 64} : std::initializer_list<int64_t>{64})
    for (const TileShare &columns : sharesOf(s))
      for (int64_t split = 1; split <= mostSplit; ++split) {
        TensorCoreTile tile{rows, columns.n, 0, 0, split};
        if (split > 1 &&
            (double(tilesOf(s, tile) * split) > kClusterRoom * machine.computeUnits || kBlocks < split * kFewestBlocks))
          break;
        tile.stages = stagesOf(tile, otherBytes);
        const TileSeconds seconds = secondsOf(s, tile, machine);
        tile.seconds = std::max(seconds.products, seconds.loads);
        if (best.m == 0 || tile.seconds < best.seconds)
          best = tile;
      }
  return best;
}

} // namespace

double mlir::deepseek::cost::tensorCoreShare(const GemmShape &s, int64_t m, int64_t n) {
  double share = sharesOf(s).back().share; // narrower than the table goes
  for (const TileShare &tile : sharesOf(s))
    if (tile.n == n)
      share = tile.share;
  return m > 64 ? share : kHalfTileShare * share;
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
