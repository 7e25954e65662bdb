// Which rows of which group a CTA works on, found on the device from the groups' offsets: one tile, or all of its
// tiles.
#pragma once

#include "lowering/hopper/blocks/SmemArena.h"

namespace mlir::deepseek::hopper {

/// Tiles of `tileRows` rows that M sorted rows in `groups` groups can need: the bound for a static grid.
int64_t maxGroupedTiles(int64_t rows, int64_t groups, int64_t tileRows);

struct GroupedTile {
  Value valid;    // i1: there is such a tile
  Value group;    // i32
  Value rowBegin; // i32, first row of the tile
  Value rowEnd;   // i32, end of the group's rows
};

/// The tile with number `index` (uniform in the CTA) when every group is cut into tiles of `tileRows` rows. `offsets`:
/// `groups` + 1 i32 in global memory. Every warp searches for itself, 32 groups at a time: no barrier.
GroupedTile findGroupedTile(KernelBuilder &k, Value offsets, int64_t groups, int64_t tileRows, Value index);

/// A group by one of its row tiles.
struct GroupRows {
  Value valid;      // i1: there is such a tile
  Value group;      // i32
  Value begin, end; // i32, rows of the group
  Value firstTile;  // i32, number of the group's first row tile
};

/// The group that has row tile number `index`, as findGroupedTile numbers them. All offsets are under way at once, in
/// ceil(groups / 32) registers of a lane: one trip to memory.
GroupRows findGroup(KernelBuilder &k, Value offsets, int64_t groups, int64_t tileRows, Value index);

/// All tiles of all groups, walked by a persistent kernel: tile number t goes to CTA t modulo the grid. A group's tiles
/// run down bands of `bandRows` row tiles, so that CTAs that run together share operands in L2. The groups' first rows
/// and tiles lie in a table in shared memory, so that a single thread can walk too.
class GroupedTiles {
public:
  struct Tile {
    Value row, column, group, rowEnd; // i32; `column` counts tiles
  };
  GroupedTiles(SmemArena &arena, int64_t groups, int64_t tileRows, int64_t columnTiles, int64_t bandRows);

  /// Fills the table from `groups` + 1 i32 in global memory: one warp; then a CTA barrier.
  void fill(KernelBuilder &k, Value offsets);
  /// Emits the loop over this CTA's tiles, with carried values; every role emits it and sees the same tiles.
  Values forEach(KernelBuilder &k, int64_t blocks, ValueRange init,
                 llvm::function_ref<Values(const Tile &, ValueRange)> body) const;

private:
  Value entry(KernelBuilder &k, int64_t table, Value group) const;

  SmemArena &arena;
  int64_t groups, tileRows, columnTiles, bandRows;
  int64_t firstRow, firstTile; // offsets of the tables: groups + 1 i32 each
};

} // namespace mlir::deepseek::hopper
