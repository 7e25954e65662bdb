// Which rows of which group a CTA works on, found on the device from the groups' offsets.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

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

} // namespace mlir::deepseek::hopper
