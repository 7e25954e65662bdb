// Which tiles of a result a CTA computes, and in what order: one each, or a persistent loop.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// Multiprocessors of the GPU: a persistent kernel starts one CTA on each.
inline constexpr int64_t kMultiprocessors = 132;

/// The tiles of a (batched) result. Within a batch, tiles run down bands of `bandRows` row tiles, so that CTAs that run
/// together share operands in L2.
struct TileGrid {
  int64_t rowTiles = 1, columnTiles = 1, batches = 1;
  int64_t bandRows = 16;
  int64_t count() const { return rowTiles * columnTiles * batches; }
};
/// Row tiles of a band: about as many rows as the tiles of a full GPU then have columns.
inline int64_t bandRowsOf(int64_t tileRows) { return tileRows > 128 ? 8 : 16; }

/// Index of a tile in its grid; i32.
struct TileIndex {
  Value row, column, batch;
};
TileIndex tileIndex(KernelBuilder &k, const TileGrid &grid, Value linear);

class TileScheduler {
public:
  enum class Kind { OneShot, Persistent };
  /// Persistent if there are more tiles than multiprocessors.
  explicit TileScheduler(const TileGrid &grid)
      : TileScheduler(grid, grid.count() > kMultiprocessors ? Kind::Persistent : Kind::OneShot) {}
  /// `cluster`: CTAs that share a tile; one-shot only.
  TileScheduler(const TileGrid &grid, Kind kind, int64_t cluster = 1) : grid(grid), kind(kind), cluster(cluster) {}

  int64_t blocks() const {
    return kind == Kind::OneShot ? grid.count() * cluster : std::min(grid.count(), kMultiprocessors);
  }

  /// Emits the loop over this CTA's tiles, with carried values (pipeline states); every role of a kernel emits it and
  /// sees the same tiles.
  Values forEach(KernelBuilder &k, ValueRange init, llvm::function_ref<Values(TileIndex, ValueRange)> body) const;

private:
  TileGrid grid;
  Kind kind;
  int64_t cluster;
};

} // namespace mlir::deepseek::hopper
