// Multi-head latent attention: verifiers.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult RopeAnglesOp::verify() {
  // rope_angles_c1
  if (failed(expectRank(*this, "positions", getPositions().getType(), 1)) || failed(expectRank(*this, "result", getType(), 3)))
    return failure();
  if (failed(expectShape(*this, "result", getType(), {shapeOf(getPositions().getType())[0], shapeOf(getType())[1], 2})))
    return failure();
  // rope_angles_c2
  const double theta = getYarn().getTheta().getValueAsDouble(), factor = getYarn().getFactor().getValueAsDouble();
  if (!(theta > 0))
    return emitOpError() << "theta must be positive, got " << theta;
  if (!(factor >= 1))
    return emitOpError() << "factor must be at least 1, got " << factor;
  if (factor != 1 && getYarn().getOriginalContext() <= 0)
    return emitOpError() << "originalContext must be positive with factor " << factor << ", got " << getYarn().getOriginalContext();
  return success();
}

LogicalResult RopeOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX().getType());
  // rope_c1
  if (x.size() != 2 && x.size() != 3)
    return emitOpError() << "x must have rank 2 or 3, got " << x.size();
  if (x.back() % 2 != 0)
    return emitOpError() << "the last dimension is rotated in pairs and must be even, got " << x.back();
  // rope_c2
  if (failed(expectShape(*this, "angles", getAngles().getType(), {x.front(), x.back() / 2, 2})))
    return failure();
  // rope_c3
  return expectShape(*this, "result", getType(), x);
}

static LogicalResult verifyLayer(Operation *op, LatentCacheType cache, int64_t layer) {
  if (layer >= 0 && layer < cache.getLayers())
    return success();
  return op->emitOpError() << "layer must be in [0, " << cache.getLayers() << "), got " << layer;
}

LogicalResult LatentCacheAppendOp::verify() {
  auto cache = cast<LatentCacheType>(getCache().getType());
  // latent_cache_append_c1
  if (failed(expectRank(*this, "latent", getLatent().getType(), 2)))
    return failure();
  const int64_t tokens = shapeOf(getLatent().getType())[0];
  if (failed(expectShape(*this, "latent", getLatent().getType(), {tokens, cache.getLatent()})) ||
      failed(expectShape(*this, "k_rope", getKRope().getType(), {tokens, cache.getRope()})))
    return failure();
  // latent_cache_append_c2
  if (failed(verifyLayer(*this, cache, getLayer())))
    return failure();
  // latent_cache_append_c3
  return verifySequences(*this, getPositions().getType(), getBlockTable().getType(), tokens);
}

/// What both forms of attention share: query shapes, layer, sequences, the norm applied on reading.
template <typename Op> static LogicalResult verifyAttention(Op op, Type qRope, int64_t tokens, int64_t heads) {
  auto cache = cast<LatentCacheType>(op.getCache().getType());
  // mla_c2, mla_absorbed_c2
  if (failed(expectShape(op, "q_rope", qRope, {tokens, heads, cache.getRope()})) || failed(verifyLayer(op, cache, op.getLayer())))
    return failure();
  // mla_c3, mla_absorbed_c3
  if (failed(verifySequences(op, op.getPositions().getType(), op.getBlockTable().getType(), tokens)))
    return failure();
  // mla_c4, mla_absorbed_c4
  const bool weight = bool(op.getNormWeight()), bias = bool(op.getNormBias());
  const LatentNorm norm = op.getLatentNorm();
  if (weight != (norm != LatentNorm::None) || bias != (norm == LatentNorm::Layer) || bool(op.getNormEps()) != weight)
    return op.emitOpError() << "latentNorm " << stringifyLatentNorm(norm) << " needs "
                            << (norm == LatentNorm::None  ? "no norm weight, bias or normEps"
                                : norm == LatentNorm::Rms ? "a norm weight, normEps and no bias"
                                                          : "a norm weight, a bias and normEps");
  for (Value value : {op.getNormWeight(), op.getNormBias()})
    if (value && failed(expectShape(op, "norm weight and bias", value.getType(), {cache.getLatent()})))
      return failure();
  return success();
}

LogicalResult MlaOp::verify() {
  auto cache = cast<LatentCacheType>(getCache().getType());
  // mla_c1
  if (failed(expectRank(*this, "q_nope", getQNope().getType(), 3)) || failed(expectRank(*this, "result", getType(), 3)))
    return failure();
  ArrayRef<int64_t> q = shapeOf(getQNope().getType());
  const int64_t value = shapeOf(getType())[2];
  if (failed(expectShape(*this, "result", getType(), {q[0], q[1], value})) ||
      failed(expectShape(*this, "kv_b", getKvB().getType(), {q[1] * (q[2] + value), cache.getLatent()})))
    return failure();
  return verifyAttention(*this, getQRope().getType(), q[0], q[1]);
}

LogicalResult MlaAbsorbedOp::verify() {
  auto cache = cast<LatentCacheType>(getCache().getType());
  // mla_absorbed_c1
  if (failed(expectRank(*this, "q_latent", getQLatent().getType(), 3)))
    return failure();
  ArrayRef<int64_t> q = shapeOf(getQLatent().getType());
  if (failed(expectShape(*this, "q_latent", getQLatent().getType(), {q[0], q[1], cache.getLatent()})) ||
      failed(expectShape(*this, "result", getType(), q)))
    return failure();
  return verifyAttention(*this, getQRope().getType(), q[0], q[1]);
}
