// Copies whole sequences out of a paged cache: latents and keys apart, in the order of the positions.
//
// A CTA takes one page of one sequence. Its threads find the sequence's length (the maximum over its tokens' positions:
// a strided loop, then a reduction through shared memory), and, if the page holds anything, copy its records in pieces
// of at most 16 bytes: a few loads at a time, then their stores.
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/PaddedTile.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

struct GatherPlan {
  int64_t sequences, tokensOfSequence, tablePages, page;
  int64_t latentBytes, keyBytes, pageBytes; // of a record's two parts; from page to page
  int64_t unit, warps;                      // bytes of a piece
  int64_t recordBytes() const { return latentBytes + keyBytes; }
  int64_t pieces() const { return recordBytes() / unit; }
  int64_t threads() const { return warps * 32; }
};
struct Operands {
  Value cache, positions, blockTable, latents, keys, lengths;
};

constexpr int64_t kLoadsInFlight = 6; // of a thread

/// 1 + the last position of a sequence; every thread gets it.
Value findLength(KernelBuilder &k, const GatherPlan &plan, SmemArena &arena, Value positions, Value sequence) {
  int64_t scratch = arena.allocate(4 * plan.warps);
  Value first = k.mul(sequence, plan.tokensOfSequence);
  Values last = k.loop(k.threadIndex(), k.i32(plan.tokensOfSequence), plan.threads(), {k.i32(-1)},
                       [&](Value token, ValueRange values) -> Values {
                         Value index = k.zext(k.add(first, token), k.i64Ty);
                         return {k.maxS(values[0], loadGlobal(k, k.i32Ty, k.gep(positions, k.mul(index, 4))))};
                       });
  Value length = k.add(blockMax(k, arena, scratch, plan.warps, last[0]), 1);
  return k.minU(length, plan.tablePages * plan.page); // never read past the table
}

Type pieceType(KernelBuilder &k, int64_t bytes) {
  return bytes == 2 ? k.i16Ty : bytes == 4 ? k.i32Ty : Type(k.vec(bytes / 4, k.i32Ty));
}

/// Copies the first `records` (at least 1) records of a page. `firstRow`: row of the results that the page's first
/// record goes to.
void copyPage(KernelBuilder &k, const GatherPlan &plan, const Operands &operands, Value page, Value records,
              Value firstRow) {
  Value source = k.gep(operands.cache, k.mul(k.zext(page, k.i64Ty), plan.pageBytes));
  Value total = k.mul(records, plan.pieces()), thread = k.threadIndex();
  Type type = pieceType(k, plan.unit);
  int64_t rounds = llvm::divideCeil(plan.page * plan.pieces(), plan.threads());
  auto copyRounds = [&](Value start, int64_t count) {
    Values indices, loads;
    for (int64_t i = 0; i < count; ++i) {
      indices.push_back(k.add(start, i * plan.threads()));
      Value known = k.minU(indices.back(), k.sub(total, 1)); // a load for nothing beats a branch around it
      loads.push_back(loadGlobal(k, type, k.gep(source, k.mul(known, plan.unit))));
    }
    for (auto [index, load] : llvm::zip(indices, loads))
      k.when(k.ltU(index, total), [&] {
        Value row = k.zext(k.add(firstRow, k.divU(index, plan.pieces())), k.i64Ty);
        Value byte = k.mul(k.remU(index, plan.pieces()), plan.unit);
        k.when(
            k.ltU(byte, plan.latentBytes),
            [&] { storeGlobal(k, load, k.gep(k.gep(operands.latents, k.mul(row, plan.latentBytes)), byte)); },
            [&] {
              storeGlobal(k, load,
                          k.gep(k.gep(operands.keys, k.mul(row, plan.keyBytes)), k.sub(byte, plan.latentBytes)));
            });
      });
  };
  int64_t count = std::min(rounds, kLoadsInFlight);
  k.loop(thread, total, count * plan.threads(), [&](Value start) { copyRounds(start, count); });
}

void buildGatherBody(KernelBuilder &k, const GatherPlan &plan, const Operands &operands, SmemArena &arena,
                     Value sequence, Value slot) {
  Value length = findLength(k, plan, arena, operands.positions, sequence);
  k.when(k.eq(k.bitOr(slot, k.threadIndex()), 0),
         [&] { storeGlobal(k, length, k.gep(operands.lengths, k.mul(k.zext(sequence, k.i64Ty), 4))); });
  Value first = k.mul(slot, plan.page);
  k.when(k.ltU(first, length), [&] {
    Value entry = k.zext(k.add(k.mul(sequence, plan.tablePages), slot), k.i64Ty);
    Value page = loadGlobal(k, k.i32Ty, k.gep(operands.blockTable, k.mul(entry, 4)));
    Value records = k.minU(k.sub(length, first), plan.page);
    copyPage(k, plan, operands, page, records, k.add(k.mul(sequence, plan.tablePages * plan.page), first));
  });
}

} // namespace

FailureOr<LaunchPlan> hopper::buildCacheGather(Operation *op, KernelBuilder &k) {
  auto gather = cast<kernel::CacheGatherOp>(op);
  FailureOr<DeviceView> cache = getDeviceView(gather.getCache()), positions = getDeviceView(gather.getPositions()),
                        table = getDeviceView(gather.getBlockTable());
  if (failed(cache) || failed(positions) || failed(table))
    return failure();
  int64_t latent = gather.getLatents().getType().getDimSize(1), key = gather.getKeys().getType().getDimSize(1),
          bytes = cache->elementBytes();
  if (bytes < 2 || cache->strides[3] != 1 || cache->strides[2] != latent + key || !positions->isContiguous() ||
      !table->isContiguous())
    return op->emitError(
        "expected contiguous positions and block table, and contiguous pages of records of at least 2-byte elements");
  GatherPlan plan;
  plan.sequences = table->sizes[0], plan.tablePages = table->sizes[1], plan.page = cache->sizes[2];
  plan.tokensOfSequence = positions->sizes[0] / plan.sequences;
  plan.latentBytes = latent * bytes, plan.keyBytes = key * bytes, plan.pageBytes = cache->strides[0] * bytes;
  plan.unit = copyUnit({plan.latentBytes, plan.keyBytes, plan.pageBytes, cache->alignment()});
  for (Value result : {gather.getLatents(), gather.getKeys()}) {
    FailureOr<DeviceView> view = getDeviceView(result);
    if (failed(view))
      return failure();
    plan.unit = std::min(plan.unit, view->alignment());
  }
  plan.warps = 8;

  LaunchPlan launch;
  Operands operands;
  operands.cache = pointerParameter(k, launch, gather.getCache(), gather.getLayer() * cache->strides[1] * bytes);
  operands.positions = pointerParameter(k, launch, gather.getPositions());
  operands.blockTable = pointerParameter(k, launch, gather.getBlockTable());
  operands.latents = pointerParameter(k, launch, gather.getLatents());
  operands.keys = pointerParameter(k, launch, gather.getKeys());
  operands.lengths = pointerParameter(k, launch, gather.getLengths());

  SmemArena arena(k);
  gridDependencyWait(k);
  Value block = k.blockIndex();
  buildGatherBody(k, plan, operands, arena, k.divU(block, plan.tablePages), k.remU(block, plan.tablePages));

  launch.grid = {plan.sequences * plan.tablePages, 1, 1};
  launch.threads = plan.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
