// Search for a tile among groups of unknown sizes.
#include "lowering/hopper/scheduler/Grouped.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

int64_t hopper::maxGroupedTiles(int64_t rows, int64_t groups, int64_t tileRows) {
  // Every group that has rows can add one partial tile.
  return rows / tileRows + std::min(rows, groups);
}

GroupedTile hopper::findGroupedTile(KernelBuilder &k, Value offsets, int64_t groups, int64_t tileRows, Value index) {
  Value lane = k.laneIndex();
  // Carried: tiles before this batch of 32 groups, then what was found.
  Values init = {k.i32(0), k.i32(0), k.i32(0), k.i32(0), k.i32(0)};
  Values found = k.loop(k.i32(0), k.i32(groups), 32, init, [&](Value first, ValueRange carried) -> Values {
    Value before = carried[0];
    Value group = k.add(first, lane), inside = k.ltU(group, groups);
    Value pointer = k.gep(offsets, k.mul(group, 4));
    Value begin = loadGlobalIf(k, inside, k.i32Ty, pointer);
    Value end = loadGlobalIf(k, inside, k.i32Ty, k.gep(pointer, 4));
    Value tiles = k.divU(k.add(k.sub(end, begin), tileRows - 1), tileRows);
    Value through = tiles; // inclusive prefix sum over the lanes
    for (int64_t delta = 1; delta < 32; delta *= 2) {
      Value lower = shuffleUp(k, through, delta);
      through = k.select(k.geU(lane, delta), k.add(through, lower), through);
    }
    Value start = k.add(before, k.sub(through, tiles)); // number of this group's first tile
    Value mine = k.logicalAnd(k.geU(index, start), k.ltU(index, k.add(before, through)));
    Value lanes = ballot(k, mine);
    // Exactly one lane in all batches can hold the tile; its values go to every lane.
    Value holder = k.select(k.ne(lanes, 0), popCount(k, k.sub(k.bitAnd(lanes, k.sub(k.i32(0), lanes)), 1)), k.i32(0));
    Value row = k.add(begin, k.mul(k.sub(index, start), tileRows));
    Value hit = k.ne(lanes, 0);
    auto pick = [&](Value mineValue, Value old) { return k.select(hit, shuffleIndex(k, mineValue, holder), old); };
    return {k.add(before, shuffleIndex(k, through, k.i32(31))), k.select(hit, k.i32(1), carried[1]),
            pick(group, carried[2]), pick(row, carried[3]), pick(end, carried[4])};
  });
  return {k.ne(found[1], 0), found[2], found[3], found[4]};
}
