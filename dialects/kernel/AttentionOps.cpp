// Attention operations: verifiers. The labels name the constraints in AttentionOps.td.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/MlaDecodeResults.h"
#include "dialects/kernel/QuantizedRecord.h"
#include "dialects/kernel/Verify.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult mlir::deepseek::kernel::verifyCache(Operation *op, Value cache, int64_t layer, int64_t width) {
  if (failed(expectRank(op, "cache", cache, 4)))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(cache);
  if (!ShapedType::isDynamic(shape[0]) || llvm::any_of(shape.drop_front(), ShapedType::isDynamic))
    return op->emitOpError() << "cache must be dynamic in its first dimension only, got " << cache.getType();
  if (shape[3] != width)
    return op->emitOpError() << "records of the cache have " << shape[3] << " elements, latent and key together "
                             << width;
  if (layer < 0 || layer >= shape[1])
    return op->emitOpError() << "layer is " << layer << ", but the cache has " << shape[1] << " layers";
  return success();
}

/// positions `[T]`, block table `[S, P]`, S divides T.
static LogicalResult verifySequences(Operation *op, Value positions, Value blockTable) {
  if (failed(expectRank(op, "positions", positions, 1)) || failed(expectRank(op, "block table", blockTable, 2)))
    return failure();
  return expectDivides(op, "the number of sequences", shapeOf(blockTable)[0], "the number of tokens",
                       shapeOf(positions)[0]);
}

bool MlaDecodeOp::hasQuantizedCache() { return elementOf(getCache()).isInteger(8); }

/// Records of latent and key as elements, or quantised, as bytes.
static LogicalResult verifyRecords(MlaDecodeOp op, int64_t latent, int64_t rope) {
  if (!op.hasQuantizedCache()) {
    if (!isa<FloatType>(elementOf(op.getCache())))
      return op.emitOpError() << "cache has element type " << elementOf(op.getCache())
                              << ", expected a float, or i8 for quantised records";
    return verifyCache(op, op.getCache(), op.getLayer(), latent + rope);
  }
  const QuantizedRecord record{latent, rope};
  if (!record.isKnown())
    return op.emitOpError()
           << "quantised records have a latent in steps of 128 and a key of an even number of elements, got " << latent
           << " and " << rope;
  if (ArrayRef<int64_t> shape = shapeOf(op.getCache()); shape.size() == 4 && shape[3] != record.bytes())
    return op.emitOpError() << "records of the cache have " << shape[3] << " bytes, latent, scales and key together "
                            << record.bytes();
  return verifyCache(op, op.getCache(), op.getLayer(), record.bytes());
}

bool mlir::deepseek::kernel::returnsParts(MlaDecodeOp op) { return op.getLse() && shapeOf(op.getLse()).size() != 1; }

LogicalResult MlaDecodeOp::verify() {
  // mla_decode_c1
  if (failed(expectRank(*this, "q_latent", getQLatent(), 3)) || failed(expectRank(*this, "q_rope", getQRope(), 3)))
    return failure();
  ArrayRef<int64_t> q = shapeOf(getQLatent());
  int64_t rope = shapeOf(getQRope())[2];
  if (failed(expectShape(*this, "q_rope", getQRope(), {q[0], q[1], rope})))
    return failure();
  // mla_decode_c2
  if (failed(verifyRecords(*this, q[2], rope)))
    return failure();
  // mla_decode_c3
  if (failed(verifySequences(*this, getPositions(), getBlockTable())) ||
      failed(expectShape(*this, "positions", getPositions(), {q[0]})))
    return failure();
  // mla_decode_c4
  int64_t split = 1;
  if (!returnsParts(*this))
    return failure(
        failed(expectShape(*this, "result", getResult(), q)) ||
        (getSchedule() && getSchedule()->getSplit() != 1 &&
         failed(emitOpError() << "schedule splits in " << getSchedule()->getSplit() << " parts, but there is no lse")));
  if (failed(expectRank(*this, "lse", getLse(), 3)))
    return failure();
  split = shapeOf(getLse())[0];
  if (failed(expectShape(*this, "lse", getLse(), {split, q[0], q[1]})) ||
      failed(expectShape(*this, "partial result", getResult(), {split, q[0], q[1], q[2]})) ||
      failed(expectElement(*this, "partial result", getResult(), Float32Type::get(getContext()))))
    return failure();
  // mla_decode_c5
  if (getSchedule() && getSchedule()->getSplit() != split)
    return emitOpError() << "schedule splits in " << getSchedule()->getSplit() << " parts, but the results have "
                         << split;
  return success();
}

LogicalResult MlaCombineOp::verify() {
  // mla_combine_c1
  if (failed(expectRank(*this, "partial", getPartial(), 4)))
    return failure();
  ArrayRef<int64_t> partial = shapeOf(getPartial());
  if (failed(expectShape(*this, "lse", getLse(), partial.drop_back())))
    return failure();
  return expectShape(*this, "result", getResult(), partial.drop_front());
}

LogicalResult CacheGatherOp::verify() {
  if (failed(expectRank(*this, "latents", getLatents(), 2)) || failed(expectRank(*this, "keys", getKeys(), 2)))
    return failure();
  int64_t latent = shapeOf(getLatents())[1], key = shapeOf(getKeys())[1];
  // cache_gather_c1
  if (failed(verifyCache(*this, getCache(), getLayer(), latent + key)))
    return failure();
  // cache_gather_c2
  if (failed(verifySequences(*this, getPositions(), getBlockTable())))
    return failure();
  // cache_gather_c3
  ArrayRef<int64_t> table = shapeOf(getBlockTable());
  int64_t rows = table[0] * table[1] * shapeOf(getCache())[2];
  if (failed(expectShape(*this, "latents", getLatents(), {rows, latent})) ||
      failed(expectShape(*this, "keys", getKeys(), {rows, key})) ||
      failed(expectElement(*this, "latents", getLatents(), elementOf(getCache()))) ||
      failed(expectElement(*this, "keys", getKeys(), elementOf(getCache()))))
    return failure();
  return expectShape(*this, "lengths", getLengths(), {table[0]});
}

LogicalResult MlaPrefillOp::verify() {
  // mla_prefill_c1
  if (failed(expectRank(*this, "q_nope", getQNope(), 3)) || failed(expectRank(*this, "q_rope", getQRope(), 3)))
    return failure();
  ArrayRef<int64_t> q = shapeOf(getQNope());
  int64_t rope = shapeOf(getQRope())[2];
  if (failed(expectShape(*this, "q_rope", getQRope(), {q[0], q[1], rope})) ||
      failed(expectShape(*this, "positions", getPositions(), {q[0]})))
    return failure();
  // mla_prefill_c2
  if (failed(expectRank(*this, "kv", getKv(), 3)) || failed(expectRank(*this, "result", getResult(), 3)))
    return failure();
  int64_t rows = shapeOf(getKv())[0], value = shapeOf(getResult())[2];
  if (failed(expectShape(*this, "result", getResult(), {q[0], q[1], value})) ||
      failed(expectShape(*this, "kv", getKv(), {rows, q[1], q[2] + value})) ||
      failed(expectShape(*this, "k_rope", getKRope(), {rows, rope})))
    return failure();
  // mla_prefill_c3
  if (failed(expectDivides(*this, "sequences", getSequences(), "the number of tokens", q[0])))
    return failure();
  return expectDivides(*this, "sequences", getSequences(), "the rows of kv", rows);
}
