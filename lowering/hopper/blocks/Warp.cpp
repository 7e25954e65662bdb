// Shuffles, votes and reductions.
#include "lowering/hopper/blocks/Warp.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static Value shuffle(KernelBuilder &k, Value x, Value offset, int64_t clamp, NVVM::ShflKind kind) {
  return NVVM::ShflOp::create(k.b, k.loc, x.getType(), k.i32(-1), x, offset, k.i32(clamp), kind, UnitAttr());
}
Value hopper::shuffleXor(KernelBuilder &k, Value x, int64_t mask) {
  return shuffle(k, x, k.i32(mask), 31, NVVM::ShflKind::bfly);
}
Value hopper::shuffleIndex(KernelBuilder &k, Value x, Value lane) {
  return shuffle(k, x, lane, 31, NVVM::ShflKind::idx);
}
Value hopper::shuffleDown(KernelBuilder &k, Value x, int64_t delta) {
  return shuffle(k, x, k.i32(delta), 31, NVVM::ShflKind::down);
}
Value hopper::shuffleUp(KernelBuilder &k, Value x, int64_t delta) {
  return shuffle(k, x, k.i32(delta), 0, NVVM::ShflKind::up);
}

Value hopper::ballot(KernelBuilder &k, Value condition) {
  return NVVM::VoteSyncOp::create(k.b, k.loc, k.i32Ty, k.i32(-1), condition, NVVM::VoteSyncKind::ballot);
}
Value hopper::anyLane(KernelBuilder &k, Value condition) { return k.ne(ballot(k, condition), 0); }
Value hopper::popCount(KernelBuilder &k, Value x) { return LLVM::CtPopOp::create(k.b, k.loc, x.getType(), x); }
Value hopper::matchAny(KernelBuilder &k, Value x) {
  return NVVM::MatchSyncOp::create(k.b, k.loc, k.i32Ty, k.i32(-1), x, NVVM::MatchSyncKind::any);
}
Value hopper::laneMaskLess(KernelBuilder &k) { return NVVM::LaneMaskLtOp::create(k.b, k.loc, k.i32Ty); }

Value hopper::warpReduce(KernelBuilder &k, Value x, Combine combine, int64_t width) {
  for (int64_t mask = width / 2; mask > 0; mask /= 2)
    x = combine(x, shuffleXor(k, x, mask));
  return x;
}

static Value sum(KernelBuilder &k, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? k.fadd(x, y) : k.add(x, y);
}
static Value maximum(KernelBuilder &k, Value x, Value y) {
  return isa<FloatType>(x.getType()) ? k.fmax(x, y) : k.maxS(x, y);
}

Value hopper::warpSum(KernelBuilder &k, Value x, int64_t width) {
  return warpReduce(k, x, [&](Value a, Value b) { return sum(k, a, b); }, width);
}
Value hopper::warpMax(KernelBuilder &k, Value x, int64_t width) {
  return warpReduce(k, x, [&](Value a, Value b) { return maximum(k, a, b); }, width);
}

Value hopper::blockReduce(KernelBuilder &k, SmemArena &arena, int64_t scratch, int64_t warps, Value x,
                          Combine combine) {
  x = warpReduce(k, x, combine);
  if (warps == 1)
    return x;
  syncThreads(k); // the scratch may still be read for an earlier reduction
  k.when(k.eq(k.laneIndex(), 0), [&] { storeShared(k, x, arena.at(scratch, k.mul(k.shrU(k.threadIndex(), 5), 4))); });
  syncThreads(k);
  Value result = loadShared(k, x.getType(), arena.at(scratch));
  for (int64_t warp = 1; warp < warps; ++warp)
    result = combine(result, loadShared(k, x.getType(), arena.at(scratch + 4 * warp)));
  return result;
}
Value hopper::blockSum(KernelBuilder &k, SmemArena &arena, int64_t scratch, int64_t warps, Value x) {
  return blockReduce(k, arena, scratch, warps, x, [&](Value a, Value b) { return sum(k, a, b); });
}
Value hopper::blockMax(KernelBuilder &k, SmemArena &arena, int64_t scratch, int64_t warps, Value x) {
  return blockReduce(k, arena, scratch, warps, x, [&](Value a, Value b) { return maximum(k, a, b); });
}
