// Quantised records (dialects/kernel/QuantizedRecord.h) for multi-query attention with products of warpgroups: what the
// copying warpgroup does instead of a TMA copy. Scores and values see tiles of bf16, as with a cache of bf16; see
// MlaDecodeWgmma.cpp.
//
// A tile is 32 records, one after the other in memory. Four threads share a record: of its latent, thread t takes the
// pieces t, t + 4, ... of 16 elements, one in each block of 64 columns, and so of the rotated part, 8 elements to a
// piece. A piece goes from memory to registers, is converted there, and stored with the tile's swizzle; the two records
// of a quarter of a warp differ in the lowest bit of their number, so that its 16-byte stores meet different banks.
//
// Loads run kLoads pieces ahead of the conversion, across tiles. That hides the latency of the second-level cache, not
// that of memory: one warp asks the second-level cache for whole tiles, kPrefetchTiles ahead.
#include "dialects/kernel/QuantizedRecord.h"
#include "lowering/hopper/MlaDecodeWgmma.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t kPieceBytes = 16, kThreads = 4; // that share a record
constexpr int64_t kLoads = 4;                     // pieces under way in a thread
constexpr int64_t kPrefetchTiles = 4;             // at most 16

/// The pieces of one thread: the scales, those of the latent, those of the rotated part; four i32 each.
struct RecordPieces {
  kernel::QuantizedRecord record;

  int64_t latents() const { return record.latent / (kThreads * kPieceBytes); }
  int64_t ropes() const { return record.rope * 2 / (kThreads * kPieceBytes); }
  int64_t count() const { return 1 + latents() + ropes(); }
  int64_t ropeOf(int64_t piece) const { return piece - 1 - latents(); } // negative: of the latent
  /// Records are aligned to 16 bytes only if their size is.
  int64_t unit() const { return record.bytes() % kPieceBytes == 0 ? kPieceBytes : 4; }
};

Values loadPiece(KernelBuilder &k, const RecordPieces &pieces, Value record, Value part, int64_t piece) {
  auto words = [&](Value pointer, int64_t count) -> Values {
    if (pieces.unit() == kPieceBytes && count == 4)
      return k.elements(loadGlobal(k, k.vec(4, k.i32Ty), pointer));
    Values loaded;
    for (int64_t i = 0; i < 4; ++i)
      loaded.push_back(i < count ? loadGlobal(k, k.i32Ty, k.gep(pointer, 4 * i)) : k.i32(0));
    return loaded;
  };
  if (piece == 0)
    return words(k.gep(record, pieces.record.scaleOffset()), pieces.record.scales());
  const int64_t rope = pieces.ropeOf(piece);
  const int64_t offset =
      rope < 0 ? (piece - 1) * kThreads * kPieceBytes : pieces.record.ropeOffset() + rope * kThreads * kPieceBytes;
  return words(k.gep(k.gep(record, k.shl(part, 4)), offset), 4);
}

/// Sixteen e4m3 times a scale: two chunks of eight bf16.
std::array<Value, 2> convertPiece(KernelBuilder &k, ValueRange words, Value scale) {
  Values pairs;
  for (Value word : words) {
    Values four = e4m3ToF32(k, word);
    for (int64_t i = 0; i < 4; i += 2)
      pairs.push_back(packBf16(k, k.fmul(four[i], scale), k.fmul(four[i + 1], scale)));
  }
  return {k.vector(ValueRange(pairs).take_front(4)), k.vector(ValueRange(pairs).drop_front(4))};
}

} // namespace

Values WgmmaDecode::convertRecords(ValueRange state) {
  static_assert(kPrefetchTiles <= 16);
  const RecordPieces pieces{{plan.tiling.latent, plan.tiling.rope}};
  const int64_t recordBytes = pieces.record.bytes(), pageBytes = plan.cache.strides[0];
  Value tiles = k.mul(pairs, 2), last = k.sub(k.ceilDivU(count, kKeys), 1); // tile that has a record
  Value thread = k.bitAnd(k.threadIndex(), 127), row = k.shrU(thread, 2), part = k.bitAnd(thread, 3);
  auto tilePointer = [&](Value tile, Value page) {
    Value first = k.remU(k.mul(k.minS(tile, last), kKeys), plan.page);
    return k.gep(operands.cache,
                 k.add(k.mul(k.zext(page, k.i64Ty), pageBytes), k.zext(k.mul(first, recordBytes), k.i64Ty)));
  };
  auto recordPointer = [&](Value tile, Value page) { return k.gep(tilePointer(tile, page), k.mul(row, recordBytes)); };

  // Each lane knows the page of one of 32 tiles, the first sixteen of which are behind when the next ones are looked
  // up.
  Value pages = pageOf(k.add(begin, lane), last);
  k.when(k.logicalAnd(k.eq(warp, kProducer), k.ltU(lane, k.minU(tiles, kPrefetchTiles))),
         [&] { prefetchToL2(k, tilePointer(k.add(begin, lane), pages), kKeys * recordBytes); });
  PipelineState current(state);
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.acquire(current);
    Value announces = k.logicalAnd(k.eq(warp, kProducer), electLane(k));
    records.commitStores(current, announces, queryRows * plan.width() * 2,
                         [&](Value full) { requestQuery(tile, current, full); });
    current = records.advance(current);
  }

  Value source = recordPointer(begin, shuffleIndex(k, pages, k.i32(0)));
  // The chunk's place in a row of 128 bytes: 2 part, 2 part + 1; of the rotated part: part, part + 4.
  Value swizzled = k.shl(k.bitAnd(row, 7), 4), latentChunk = k.bitXor(k.shl(part, 5), swizzled),
        ropeChunk = k.bitXor(k.shl(part, 4), swizzled);
  Values carried = current.values();
  carried.push_back(pages);
  carried.push_back(source);
  for (int64_t piece = 0; piece < kLoads; ++piece)
    carried.append(loadPiece(k, pieces, source, part, piece));
  carried = k.loop(k.i32(0), tiles, 1, carried, [&](Value index, ValueRange values) -> Values {
    PipelineState current(values);
    Value tile = k.add(begin, index), place = k.bitAnd(index, 15), source = values[3];
    Value pages = k.whenElse(
        k.logicalAnd(k.eq(place, 0), k.ne(index, 0)), {k.i32Ty},
        [&]() -> Values { return {pageOf(k.add(tile, lane), last)}; }, [&]() -> Values { return {values[2]}; })[0];
    k.when(k.logicalAnd(k.eq(warp, kProducer), k.ltS(k.add(index, kPrefetchTiles), tiles)), [&] {
      Value page = shuffleIndex(k, pages, k.add(place, kPrefetchTiles));
      k.when(electLane(k),
             [&] { prefetchToL2(k, tilePointer(k.add(tile, kPrefetchTiles), page), kKeys * recordBytes); });
    });
    Value next = recordPointer(k.add(tile, 1), shuffleIndex(k, pages, k.add(place, 1)));

    std::vector<Values> loaded;
    for (int64_t piece = 0; piece < kLoads; ++piece)
      loaded.emplace_back(values.slice(4 + 4 * piece, 4));
    records.acquire(current);
    Value target = arena.at(ring, k.add(k.mul(current.stage, tiling.tileBytes()), k.mul(row, kRowBytes)));
    for (int64_t piece = 0; piece < pieces.count(); ++piece) {
      const int64_t rope = pieces.ropeOf(piece), block = piece - 1;
      if (piece > 0 && rope < 0) {
        Value scale = k.bitcast(loaded[0][block * kColumns / pieces.record.kBlock], k.f32Ty);
        std::array<Value, 2> chunks = convertPiece(k, loaded[piece], scale);
        Value pointer = k.gep(target, block * kBlockBytes);
        storeShared(k, chunks[0], k.gep(pointer, latentChunk));
        storeShared(k, chunks[1], k.gep(pointer, k.bitXor(latentChunk, 16)));
      } else if (piece > 0) {
        const int64_t ropeBlock = plan.tiling.latent / kColumns + rope / 2;
        storeShared(k, k.vector(loaded[piece]),
                    k.gep(k.gep(target, ropeBlock * kBlockBytes), k.bitXor(ropeChunk, rope % 2 * 64)));
      }
      const int64_t ahead = piece + kLoads;
      loaded.push_back(loadPiece(k, pieces, ahead < pieces.count() ? source : next, part, ahead % pieces.count()));
    }
    fenceAsyncShared(k);
    records.commitStores(current);

    Values result = records.advance(current).values();
    result.append({pages, next});
    for (int64_t piece = 0; piece < kLoads; ++piece)
      result.append(loaded[pieces.count() + piece]);
    return result;
  });
  carried.truncate(2);
  return carried;
}
