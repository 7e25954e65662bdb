// One-shot and persistent tile loops.
#include "lowering/hopper/scheduler/TileScheduler.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

TileIndex hopper::tileIndex(KernelBuilder &k, const TileGrid &grid, Value linear) {
  int64_t perBatch = grid.rowTiles * grid.columnTiles;
  Value batch = grid.batches == 1 ? k.i32(0) : k.divU(linear, perBatch);
  Value inBatch = grid.batches == 1 ? linear : k.remU(linear, perBatch);
  int64_t bandRows = std::min(grid.bandRows, grid.rowTiles);
  Value band = k.divU(inBatch, bandRows * grid.columnTiles), inBand = k.remU(inBatch, bandRows * grid.columnTiles);
  Value firstRow = k.mul(band, bandRows);
  if (grid.rowTiles % bandRows == 0)
    return {k.add(firstRow, k.remU(inBand, bandRows)), k.divU(inBand, bandRows), batch};
  Value height = k.minU(k.sub(k.i32(grid.rowTiles), firstRow), bandRows); // the last band is lower
  return {k.add(firstRow, k.remU(inBand, height)), k.divU(inBand, height), batch};
}

Values TileScheduler::forEach(KernelBuilder &k, ValueRange init,
                              llvm::function_ref<Values(TileIndex, ValueRange)> body) const {
  if (kind == Kind::OneShot)
    return body(tileIndex(k, grid, k.divU(k.blockIndex(), cluster)), init);
  return k.loop(k.blockIndex(), k.i32(grid.count()), blocks(), init,
                [&](Value linear, ValueRange carried) { return body(tileIndex(k, grid, linear), carried); });
}
