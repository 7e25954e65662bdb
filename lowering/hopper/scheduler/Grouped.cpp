// Tiles among groups of unknown sizes.
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

/// Inclusive prefix sum over the lanes.
static Value prefixSum(KernelBuilder &k, Value x) {
  Value lane = k.laneIndex();
  for (int64_t delta = 1; delta < 32; delta *= 2) {
    Value lower = shuffleUp(k, x, delta);
    x = k.select(k.geU(lane, delta), k.add(x, lower), x);
  }
  return x;
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
    Value through = prefixSum(k, tiles);
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

GroupRows hopper::findGroup(KernelBuilder &k, Value offsets, int64_t groups, int64_t tileRows, Value index) {
  const int64_t perLane = llvm::divideCeil(groups, 32);
  Value lane = k.laneIndex(), firstGroup = k.mul(lane, perLane);
  Values bounds; // of this lane's groups; past the last group they are equal, and empty
  for (int64_t i = 0; i <= perLane; ++i)
    bounds.push_back(loadGlobal(k, k.i32Ty, k.gep(offsets, k.mul(k.minU(k.add(firstGroup, i), groups), 4))));
  Values tiles;
  Value own = k.i32(0);
  for (int64_t i = 0; i < perLane; ++i) {
    tiles.push_back(k.divU(k.add(k.sub(bounds[i + 1], bounds[i]), tileRows - 1), tileRows));
    own = k.add(own, tiles.back());
  }
  Value through = prefixSum(k, own);
  Value start = k.sub(through, own);
  Value mine = k.logicalAnd(k.geU(index, start), k.ltU(index, through));
  Value found[4] = {firstGroup, bounds[0], bounds[1], start};
  for (int64_t i = 0; i < perLane; ++i) { // the last group of this lane that starts at or before the tile and has rows
    Value here = k.logicalAnd(k.geU(index, start), k.ne(tiles[i], 0));
    Value candidates[4] = {k.add(firstGroup, i), bounds[i], bounds[i + 1], start};
    for (auto [value, candidate] : llvm::zip(found, candidates))
      value = k.select(here, candidate, value);
    start = k.add(start, tiles[i]);
  }
  // At most one lane has the tile; its values go to every lane.
  Value lanes = ballot(k, mine), holder = popCount(k, k.sub(k.bitAnd(lanes, k.sub(k.i32(0), lanes)), 1));
  holder = k.bitAnd(holder, 31); // no lane: any
  auto pick = [&](Value value) { return shuffleIndex(k, value, holder); };
  return {k.ne(lanes, 0), pick(found[0]), pick(found[1]), pick(found[2]), pick(found[3])};
}

// --- the walk of a persistent kernel
// -----------------------------------------------------------------------------------------------------------------

GroupedTiles::GroupedTiles(SmemArena &arena, int64_t groups, int64_t tileRows, int64_t columnTiles, int64_t bandRows)
    : arena(arena), groups(groups), tileRows(tileRows), columnTiles(columnTiles), bandRows(bandRows),
      firstRow(arena.allocate(4 * (groups + 1))), firstTile(arena.allocate(4 * (groups + 1))) {}

Value GroupedTiles::entry(KernelBuilder &k, int64_t table, Value group) const {
  return arena.at(table, k.mul(group, 4));
}

void GroupedTiles::fill(KernelBuilder &k, Value offsets) {
  Value lane = k.laneIndex();
  k.loop(k.i32(0), k.i32(groups), 32, {k.i32(0)}, [&](Value first, ValueRange carried) -> Values {
    Value group = k.add(first, lane), inside = k.ltU(group, groups), pointer = k.gep(offsets, k.mul(group, 4));
    Value begin = loadGlobalIf(k, inside, k.i32Ty, pointer);
    Value end = loadGlobalIf(k, inside, k.i32Ty, k.gep(pointer, 4));
    Value tiles = k.divU(k.add(k.sub(end, begin), tileRows - 1), tileRows);
    Value through = k.add(carried[0], prefixSum(k, tiles));
    k.when(inside, [&] {
      // Each group writes the next one's entries.
      storeShared(k, end, entry(k, firstRow, k.add(group, 1)));
      storeShared(k, through, entry(k, firstTile, k.add(group, 1)));
    });
    k.when(k.eq(group, 0), [&] {
      storeShared(k, begin, arena.at(firstRow));
      storeShared(k, k.i32(0), arena.at(firstTile));
    });
    return {shuffleIndex(k, through, k.i32(31))};
  });
}

Values GroupedTiles::forEach(KernelBuilder &k, int64_t blocks, ValueRange init,
                             llvm::function_ref<Values(const Tile &, ValueRange)> body) const {
  auto load = [&](int64_t table, Value group) { return loadShared(k, k.i32Ty, entry(k, table, group)); };
  Values carried(init);
  carried.push_back(k.i32(0)); // group of the tile before
  Value count = k.mul(load(firstTile, k.i32(groups)), columnTiles);
  Values last = k.loop(k.blockIndex(), count, blocks, carried, [&](Value number, ValueRange carried) -> Values {
    Values found = k.loopWhile(
        {carried.back()},
        [&](ValueRange group) { return k.leU(k.mul(load(firstTile, k.add(group[0], 1)), columnTiles), number); },
        [&](ValueRange group) -> Values { return {k.add(group[0], 1)}; });
    Value group = found[0], first = load(firstTile, group), rowTiles = k.sub(load(firstTile, k.add(group, 1)), first);
    Value inGroup = k.sub(number, k.mul(first, columnTiles));
    Value bandFirst = k.mul(k.divU(inGroup, bandRows * columnTiles), bandRows);
    Value inBand = k.remU(inGroup, bandRows * columnTiles);
    Value height = k.minU(k.sub(rowTiles, bandFirst), bandRows); // the last band is lower
    Value rowTile = k.add(bandFirst, k.remU(inBand, height));
    Tile tile{k.add(load(firstRow, group), k.mul(rowTile, tileRows)), k.divU(inBand, height), group,
              load(firstRow, k.add(group, 1))};
    Values next = body(tile, carried.drop_back());
    next.push_back(group);
    return next;
  });
  last.pop_back();
  return last;
}
