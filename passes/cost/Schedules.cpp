// Which kernel family and schedule suits a shape.
#include "passes/cost/Schedules.h"
#include <algorithm>
#include <span>

using namespace mlir::deepseek::cost;

namespace {
// Rows of the largest skinny tile. Beyond one tile the family reads B again from the cache; tensor-core tiles are
// faster even half empty (64 rows of 4096 x 7168: 41 us, with 128-row tiles 30 us; docs/benchmarks.md).
constexpr int64_t skinnyRows = 32;
constexpr int64_t sharedBytes = 226 * 1024; // of a CTA, less room for barriers

/// Share of the matrix rate that a full tile reaches. Operands come from shared memory, so narrow tiles starve; the
/// products of block-scaled tiles are summed twice, so their accumulators end at 192 columns. 128-row tiles: measured
/// or interpolated (docs/benchmarks.md); 64-row tiles: half, no second warpgroup overlaps its waits.
struct TileShare {
  int64_t m, n;
  double share;
};
constexpr TileShare plainTiles[] = {{128, 256, 1.0}, {128, 192, 0.95}, {128, 128, 0.86}, {128, 64, 0.6},
                                    {64, 256, 0.6},  {64, 128, 0.5},   {64, 64, 0.35}};
constexpr TileShare scaledTiles[] = {{128, 192, 1.0}, {128, 128, 0.93}, {128, 64, 0.6},
                                     {64, 192, 0.55}, {64, 128, 0.5},   {64, 64, 0.35}};

std::span<const TileShare> tensorCoreTiles(const GemmShape &s) {
  return s.elementBytes == 1 ? std::span<const TileShare>(scaledTiles) : std::span<const TileShare>(plainTiles);
}
} // namespace

GemmChoice mlir::deepseek::cost::chooseGemm(const GemmShape &s, bool tmaAddressable, const Machine &machine) {
  GemmChoice choice{};
  choice.family = s.m <= skinnyRows || !tmaAddressable ? GemmFamily::Skinny : GemmFamily::TensorCore;
  choice.tileM = s.m <= 8 ? 8 : s.m <= 16 ? 16 : 32;
  // Block-scaled sums are kept twice: 32 x 32 of them would spill.
  choice.tileN = s.m <= 16 || s.elementBytes == 1 ? 16 : 32;
  // Two CTAs of 8 warps fit on a multiprocessor. Where there are more, smaller ones hide each other's start and end: 22
  // MB for 16 rows in 11.8 us instead of 13.9 (docs/benchmarks.md). Where there are fewer, K needs all the warps it can
  // get.
  const int64_t blocks = ceilDiv(s.m, choice.tileM) * ceilDiv(s.n, choice.tileN) * s.heads;
  choice.warps = blocks > 2 * machine.computeUnits ? 4 : 8;
  choice.estimate = choice.family == GemmFamily::Skinny
                        ? skinnyEstimate(s, choice.tileM, choice.tileN, choice.warps, machine)
                        : tensorCoreEstimate(s, chooseTensorCoreTile(s, machine), machine);
  return choice;
}

static double tensorCoreRate(const GemmShape &s, const Machine &machine) {
  return s.elementBytes == 1 ? machine.scaledRate : machine.matrixRate;
}

double mlir::deepseek::cost::tensorCoreShare(const GemmShape &s, int64_t m, int64_t n) {
  for (const TileShare &tile : tensorCoreTiles(s))
    if (tile.m == m && tile.n == n)
      return tile.share;
  return tensorCoreTiles(s).back().share; // tiles that the table does not list: as the smallest
}

TensorCoreTile mlir::deepseek::cost::chooseTensorCoreTile(const GemmShape &s, const Machine &machine) {
  TensorCoreTile best{0, 0, 0, 0};
  for (const TileShare &candidate : tensorCoreTiles(s)) {
    const int64_t waves =
        ceilDiv(ceilDiv(s.m, candidate.m) * ceilDiv(s.n, candidate.n) * s.heads, machine.computeUnits);
    const double seconds = double(waves) * 2.0 * double(candidate.m * candidate.n) * double(s.k) /
                           (tensorCoreRate(s, machine) / machine.computeUnits * candidate.share);
    if (best.m == 0 || seconds < best.seconds)
      best = {candidate.m, candidate.n, 0, seconds};
  }
  const int64_t stageBytes = (best.m + best.n) * 128, resultBytes = best.m / 64 * 2 * 64 * 64 * 2;
  best.stages = std::clamp<int64_t>((sharedBytes - resultBytes) / stageBytes, 2, 8);
  return best;
}

bool mlir::deepseek::cost::fillsTensorCoreTiles(int64_t rows, int64_t groups) { return rows > groups * skinnyRows; }
