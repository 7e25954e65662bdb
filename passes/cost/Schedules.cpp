// Which kernel family and schedule suits a shape.
#include "passes/cost/Schedules.h"
#include <algorithm>

using namespace mlir::deepseek::cost;

namespace {
// Rows of the largest skinny tile. Beyond one tile the family reads B again from the cache; tensor-core tiles are
// faster even half empty (64 rows of 4096 x 7168: 41 us, with 128-row tiles 30 us; docs/benchmarks.md).
constexpr int64_t skinnyRows = 32;
constexpr int64_t streamRows = 64; // of a stream tile of which several are resident
// Tensor-core tiles that share K are 15 to 35 % slower than estimated at up to 128 rows: 7168 x 16384 for 64 rows takes
// 64.4 us (estimate 55), 4096 x 7168 for 128 24.9 (18.7).
constexpr double sharedTileSlowdown = 1.22;
} // namespace

GemmChoice mlir::deepseek::cost::chooseGemm(const GemmShape &s, bool tmaAddressable, const Machine &machine) {
  GemmChoice choice{};
  choice.tileM = s.m <= 8 ? 8 : s.m <= 16 ? 16 : 32;
  // Block-scaled sums are kept twice: 32 x 32 of them would spill.
  choice.tileN = s.m <= 16 || s.elementBytes == 1 ? 16 : 32;
  // Two CTAs of 8 warps fit on a multiprocessor. Where there are more, smaller ones hide each other's start and end: 22
  // MB for 16 rows in 11.8 us instead of 13.9 (docs/benchmarks.md). Where there are fewer, K needs all the warps it can
  // get.
  const int64_t blocks = ceilDiv(s.m, choice.tileM) * ceilDiv(s.n, choice.tileN) * s.heads;
  choice.warps = blocks > 2 * machine.computeUnits ? 4 : 8;
  choice.family = GemmFamily::Skinny;
  choice.estimate = skinnyEstimate(s, choice.tileM, choice.tileN, choice.warps, machine);
  if (!tmaAddressable)
    return choice;
  // One tile of rows is as far as the skinny family reads B once.
  double slowdown = 1;
  if (s.m > skinnyRows) {
    const TensorCoreTile tile = chooseTensorCoreTile(s, machine);
    choice.family = GemmFamily::TensorCore;
    choice.estimate = tensorCoreEstimate(s, tile, machine);
    slowdown = tile.split > 1 ? sharedTileSlowdown : 1;
  }
  // Absorbed factors are many small matrices: rings hardly fill (a V2-Lite step takes 3 % longer with them streamed).
  if (s.heads > 1)
    return choice;
  choice.stream = chooseStream(s, machine);
  const int64_t streamBlocks = ceilDiv(s.n, choice.stream.features) * choice.stream.split;
  if (s.m > streamRows && (s.m > 2 * streamRows || streamBlocks > machine.computeUnits))
    return choice; // several rings of such wide stages do not fit a multiprocessor
  const Estimate stream = streamProductEstimate(s, choice.stream, machine);
  if (stream.seconds < slowdown * choice.estimate.seconds) {
    choice.family = GemmFamily::Stream;
    choice.estimate = stream;
  }
  return choice;
}

bool mlir::deepseek::cost::fillsTensorCoreTiles(int64_t rows, int64_t groups) { return rows > groups * skinnyRows; }
