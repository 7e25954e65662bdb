// Times of matrix products with a given tile.
#include "passes/cost/Schedules.h"
#include <algorithm>
#include <cmath>

using namespace mlir::deepseek::cost;

namespace {

constexpr double kResultBytes = 2;           // of an element of D; f32 results are few
constexpr double kSkinnyBytesUnderWay = 256; // of a row of B for each warp
constexpr double kSkinnySeconds = 2.2e-6;    // loads that wait for each other, and the sum over the warps
constexpr double kSkinnyWarpsPerUnit = 16;   // that share a multiprocessor: 100 to 126 registers a thread

double bytesOnce(const GemmShape &s) {
  const double m = double(s.m), n = double(s.n), k = double(s.k);
  return double(s.heads) * (double(s.elementBytes) * (n * k + m * k) + kResultBytes * m * n);
}
double flopsOf(const GemmShape &s) { return 2 * double(s.heads) * double(s.m) * double(s.n) * double(s.k); }

} // namespace

Estimate mlir::deepseek::cost::skinnyEstimate(const GemmShape &s, int64_t tileM, int64_t tileN, int64_t warps,
                                              const Machine &m) {
  const double rowTiles = double(ceilDiv(s.m, tileM)), columnTiles = double(ceilDiv(s.n, tileN));
  const double units = double(m.computeUnits);
  const double blocks = rowTiles * columnTiles * double(s.heads), bytes = bytesOnce(s), flops = flopsOf(s);
  const double elements = double(s.heads) * double(s.k) * double(s.elementBytes);
  // B comes from memory once for each tile of rows unless the cache keeps it: columns are the fast side of the grid.
  const double b = elements * double(s.n), again = (rowTiles - 1) * b;
  const double fromMemory = bytes + (b > m.cacheBytes ? again : 0);
  const double underWay =
      kSkinnyBytesUnderWay * double(tileN * warps) * std::min(blocks, units * kSkinnyWarpsPerUnit / double(warps));
  const double fetchRate = std::min(underWay / m.fetchLatency, std::min(blocks, units) * m.fetchRate);
  const double memory = std::max(fromMemory / m.readBandwidth, (bytes + again) / fetchRate);
  const double cache = (b * rowTiles + elements * double(s.m) * columnTiles) / m.cacheBandwidth;
  const double padded = flops * rowTiles * double(tileM) / double(s.m);
  const double products = padded / (m.warpRate * std::min(1.0, blocks / units));
  return boundedBy(bytes, flops, {{memory + kSkinnySeconds, "memory"}, {cache, "cache"}, {products, "products"}}, m);
}

Estimate mlir::deepseek::cost::groupedEstimate(const GroupedShape &s, const TensorCoreTile *tile, const Machine &m) {
  // Expected number of matrices that get a row when rows choose independently.
  const double groups = double(s.groups), rows = double(s.rows), matrix = double(s.n) * double(s.k);
  const double used = groups * (1 - std::pow(1 - 1 / groups, rows));
  const double bytes =
      double(s.elementBytes) * (used * matrix + rows * double(s.k)) + kResultBytes * rows * double(s.n);
  const double flops = 2 * rows * matrix;
  if (!tile)
    return boundedBy(bytes, flops, {{bytes / m.readBandwidth, "memory"}, {flops / m.warpRate, "products"}}, m);
  // As many tiles as groups of equal size have.
  const GemmShape group{ceilDiv(s.rows, s.groups), s.n, s.k, /*heads=*/s.groups, s.elementBytes};
  const Estimate tiles = tensorCoreEstimate(group, *tile, m);
  return boundedBy(bytes, flops, {{bytes / m.readBandwidth, "memory"}, {tiles.seconds - m.kernelOverhead, tiles.limit}},
                   m);
}
