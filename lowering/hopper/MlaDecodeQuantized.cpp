// Quantised records (dialects/kernel/QuantizedRecord.h) for multi-query attention with products of warpgroups: what the
// copying warpgroup does instead of a TMA copy. Scores and values see tiles of bf16, as with a cache of bf16; see
// MlaDecodeWgmma.cpp.
//
// Each of the four warps makes a quarter of a tile, eight records, alone. Its records come in chunks of four, which lie
// one after the other in memory, by bulk copies into the warp's own ring of shared memory, which take no registers.
// From the ring they go to registers, some steps ahead, and as bf16 with the tile's swizzle to the stage. 16 lanes
// share a record: of each block of 128 elements, which has one scale, a lane takes eight, the 16 bytes of one store
// without bank conflicts. The rotated part passes as it is, 8 lanes to a record.
//
// The ring hides the latency of the second-level cache, not that of memory: one warp asks the second-level cache for
// whole tiles, kPrefetchTiles ahead.
//
// Barriers: for each warp and slot, full <- bulk copy. A slot is empty when all lanes have converted what they read of
// it: a load alone may still be under way after the warp has met, and the copy overtakes it.
#include "dialects/kernel/QuantizedRecord.h"
#include "lowering/hopper/MlaDecodeWgmma.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include <deque>

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t kTileChunks = 2; // of a warp
constexpr int64_t kRecords = WgmmaDecode::Tiling::kChunkRecords;
constexpr int64_t kTogether = 2, kRecordLanes = 32 / kTogether; // records that a warp converts at once
constexpr int64_t kStepsAhead = 3;                              // loads from the ring to registers; six are slower
constexpr int64_t kPrefetchTiles = 4;                           // at most 14

/// `count` words from shared memory that is aligned to `alignment` bytes.
Values loadWords(KernelBuilder &k, Value pointer, int64_t count, int64_t alignment) {
  Values words;
  for (int64_t step = std::min(count, alignment / 4), i = 0; i < count; i += step)
    if (step == 1)
      words.push_back(loadShared(k, k.i32Ty, k.gep(pointer, 4 * i)));
    else
      words.append(k.elements(loadShared(k, k.vec(step, k.i32Ty), k.gep(pointer, 4 * i))));
  return words;
}

/// Eight e4m3 times a scale, to bf16.
Value convert(KernelBuilder &k, ValueRange words, Value scale) {
  Values pairs;
  for (Value word : words) {
    Values four = e4m3ToF32(k, word);
    for (int64_t i = 0; i < 4; i += 2)
      pairs.push_back(packBf16(k, k.fmul(four[i], scale), k.fmul(four[i + 1], scale)));
  }
  return k.vector(pairs);
}

} // namespace

Values WgmmaDecode::convertRecords(ValueRange state) {
  const kernel::QuantizedRecord record{plan.tiling.latent, plan.tiling.rope};
  const int64_t recordBytes = record.bytes(), chunkBytes = tiling.chunkBytes(), pageBytes = plan.cache.strides[0];
  const int64_t alignment = recordBytes % 16 == 0 ? 16 : recordBytes % 8 == 0 ? 8 : 4;
  Value tiles = k.mul(pairs, 2), last = k.sub(k.ceilDivU(count, kKeys), 1); // tile that has a record
  auto tilePointer = [&](Value tile, Value page) {
    Value first = k.remU(k.mul(k.minS(tile, last), kKeys), plan.page);
    return k.gep(operands.cache,
                 k.add(k.mul(k.zext(page, k.i64Ty), pageBytes), k.zext(k.mul(first, recordBytes), k.i64Ty)));
  };

  // The warp's ring. Chunk c of the task is the half c % 2 of the warp's quarter of tile begin + c / 2.
  const int64_t slots = Tiling::kChunkStages;
  auto slotOf = [&](const PipelineState &at) { return k.add(k.mul(warp, slots), at.stage); };
  auto barrierOf = [&](const PipelineState &at) { return arena.at(chunkBarriers, k.mul(slotOf(at), 8)); };
  auto chunkOf = [&](const PipelineState &at) { return arena.at(chunks, k.mul(slotOf(at), chunkBytes)); };
  auto nextSlot = [&](const PipelineState &at) -> PipelineState {
    Value next = k.add(at.stage, 1), wraps = k.eq(next, slots);
    return {k.select(wraps, k.i32(0), next), k.bitXor(at.phase, k.zext(wraps, k.i32Ty))};
  };
  auto request = [&](const PipelineState &at, Value tile, int64_t half, Value page) {
    Value source = k.gep(tilePointer(k.add(begin, tile), page), k.mul(warp, kTileChunks * chunkBytes));
    k.when(k.logicalAnd(electLane(k), k.ltS(tile, tiles)), [&] {
      mbarrierArriveExpect(k, barrierOf(at), chunkBytes);
      bulkLoad(k, chunkOf(at), k.gep(source, half * chunkBytes), chunkBytes, barrierOf(at));
    });
  };

  // Each lane knows the page of one of 32 tiles, the first sixteen of which are behind when the next ones are looked
  // up.
  Value pages = pageOf(k.add(begin, lane), last);
  PipelineState current(state), slot(state.drop_front(2)), ahead = slot;
  for (int64_t chunk = 0; chunk < slots; ++chunk) {
    const int64_t tile = chunk / kTileChunks;
    request(ahead, k.i32(tile), chunk % kTileChunks, shuffleIndex(k, pages, k.i32(tile)));
    ahead = nextSlot(ahead);
  }
  k.when(k.logicalAnd(k.eq(warp, kProducer), k.ltU(lane, k.minU(tiles, kPrefetchTiles))),
         [&] { prefetchToL2(k, tilePointer(k.add(begin, lane), pages), kKeys * recordBytes); });
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.acquire(current);
    Value announces = k.logicalAnd(k.eq(warp, kProducer), electLane(k));
    records.commitStores(current, announces, queryRows * plan.width() * 2,
                         [&](Value full) { requestQuery(tile, current, full); });
    current = records.advance(current);
  }

  // A chunk's steps: blocks of 128 elements of two records, then the rotated parts of all four. What follows from the
  // lane is computed anew for each chunk: kept, it would take a third of the registers.
  const int64_t blocks = record.scales(), latentSteps = kRecords / kTogether * blocks, steps = latentSteps + 1;
  const int64_t stepsAhead = std::min(kStepsAhead, latentSteps);
  struct Source {
    Value own, piece, rope; // of the lane: its record's start, its eight bytes of the first block, its rotated part
  };
  auto sourceOf = [&](const PipelineState &at) -> Source {
    Value lane = pinRegisters(k, {this->lane})[0], chunk = chunkOf(at);
    Value own = k.gep(chunk, k.mul(k.shrU(lane, 4), recordBytes));
    Value rope = k.add(k.mul(k.shrU(lane, 3), recordBytes), k.shl(k.bitAnd(lane, 7), 4));
    return {own, k.gep(own, k.shl(k.bitAnd(lane, kRecordLanes - 1), 3)), k.gep(chunk, rope)};
  };
  auto load = [&](const Source &source, int64_t step) -> Values {
    Values words;
    if (step == latentSteps) {
      for (int64_t offset = 0; offset < record.rope * 2; offset += kRowBytes)
        words.append(loadWords(k, k.gep(source.rope, record.ropeOffset() + offset), 4, alignment));
      return words;
    }
    const int64_t first = step / blocks * kTogether * recordBytes, block = step % blocks;
    words = loadWords(k, k.gep(source.piece, first + block * record.kBlock), 2, alignment);
    words.push_back(loadShared(k, k.i32Ty, k.gep(source.own, first + record.scaleOffset() + 4 * block)));
    return words;
  };
  // The low three bits of a row, which the swizzle takes, are those among the eight of the warp's quarter.
  struct Target {
    Value latent, latentPlace, rope; // of the lane, for the chunk's first records
  };
  auto targetOf = [&](Value stage, int64_t half) -> Target {
    Value lane = pinRegisters(k, {this->lane})[0], row = k.shrU(lane, 4), ropeRow = k.shrU(lane, 3);
    const int64_t first = half * kRecords;
    Value quarter = arena.at(ring, k.add(k.mul(stage, tiling.tileBytes()),
                                         k.mul(k.add(k.mul(warp, kTileChunks * kRecords), first), kRowBytes)));
    auto placeOf = [&](Value row) { return k.shl(k.bitXor(k.bitXor(k.bitAnd(lane, 7), row), first), 4); };
    Value block = k.mul(k.bitAnd(ropeRow, 1), kBlockBytes);
    return {k.gep(quarter, k.add(k.mul(row, kRowBytes), block)), placeOf(row),
            k.gep(quarter, k.add(k.mul(ropeRow, kRowBytes), placeOf(ropeRow)))};
  };
  auto store = [&](const Target &target, ValueRange words, int64_t step) {
    if (step == latentSteps) {
      for (int64_t block = 0; block < record.rope / kColumns; ++block)
        storeShared(k, k.vector(words.slice(4 * block, 4)),
                    k.gep(target.rope, (plan.tiling.latent / kColumns + block) * kBlockBytes));
      return;
    }
    const int64_t first = step / blocks * kTogether, block = step % blocks;
    Value pointer = k.gep(target.latent, k.bitXor(target.latentPlace, first << 4));
    storeShared(k, convert(k, words.take_front(2), k.bitcast(words[2], k.f32Ty)),
                k.gep(pointer, first * kRowBytes + block * (record.kBlock / kColumns) * kBlockBytes));
  };

  Values carried = current.values();
  carried.append(slot.values());
  carried.push_back(pages);
  mbarrierWait(k, barrierOf(slot), slot.phase);
  Source first = sourceOf(slot);
  for (int64_t step = 0; step < stepsAhead; ++step)
    carried.append(load(first, step));
  carried = k.loop(k.i32(0), tiles, 1, carried, [&](Value index, ValueRange values) -> Values {
    PipelineState current(values), slot(values.drop_front(2));
    Value tile = k.add(begin, index), place = k.bitAnd(index, 15);
    Value pages = k.whenElse(
        k.logicalAnd(k.eq(place, 0), k.ne(index, 0)), {k.i32Ty},
        [&]() -> Values { return {pageOf(k.add(tile, lane), last)}; }, [&]() -> Values { return {values[4]}; })[0];
    k.when(k.logicalAnd(k.eq(warp, kProducer), k.ltS(k.add(index, kPrefetchTiles), tiles)), [&] {
      Value page = shuffleIndex(k, pages, k.add(place, kPrefetchTiles));
      k.when(electLane(k),
             [&] { prefetchToL2(k, tilePointer(k.add(tile, kPrefetchTiles), page), kKeys * recordBytes); });
    });
    std::deque<Values> loaded;
    for (int64_t step = 0; step < stepsAhead; ++step)
      loaded.emplace_back(values.slice(5 + 3 * step, 3));
    Source source = sourceOf(slot);
    records.acquire(current);
    for (int64_t half = 0; half < kTileChunks; ++half) {
      Target target = targetOf(current.stage, half);
      PipelineState following = nextSlot(slot);
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t ahead = step + stepsAhead;
        if (ahead == steps) {
          // Past the last tile nothing was requested: what is loaded then is not used.
          auto wait = [&] { mbarrierWait(k, barrierOf(following), following.phase); };
          half + 1 < kTileChunks ? wait() : k.when(k.ltS(k.add(index, 1), tiles), wait);
          source = sourceOf(following);
        }
        loaded.push_back(load(source, ahead % steps));
        store(target, loaded.front(), step);
        loaded.pop_front();
      }
      syncWarp(k); // the slot is empty
      const int64_t next = half + slots, tilesAhead = next / kTileChunks;
      request(slot, k.add(index, tilesAhead), next % kTileChunks, shuffleIndex(k, pages, k.add(place, tilesAhead)));
      slot = following;
    }
    fenceAsyncShared(k);
    records.commitStores(current);

    Values result = records.advance(current).values();
    result.append(slot.values());
    result.push_back(pages);
    for (const Values &words : loaded)
      result.append(words);
    return result;
  });
  carried.truncate(4);
  return carried;
}
