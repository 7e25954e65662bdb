// Embedding, normalisation and projections: verifiers.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult EmbeddingOp::verify() {
  // embedding_c1
  if (failed(expectRank(*this, "tokens", getTokens().getType(), 1)) || failed(expectRank(*this, "table", getTable().getType(), 2)))
    return failure();
  // embedding_c2
  return expectShape(*this, "result", getType(), {shapeOf(getTokens().getType())[0], shapeOf(getTable().getType())[1]});
}

LogicalResult TakeRowsOp::verify() {
  // take_rows_c1
  if (failed(expectRank(*this, "rows", getRows().getType(), 1)))
    return failure();
  if (getX().getType().getRank() < 1)
    return emitOpError() << "x must have at least one dimension";
  // take_rows_c2
  SmallVector<int64_t> expected(shapeOf(getX().getType()));
  expected[0] = shapeOf(getRows().getType())[0];
  if (failed(expectShape(*this, "result", getType(), expected)))
    return failure();
  return expectElement(*this, "result", getType(), getX().getType().getElementType());
}

/// Shared by the norms: weights of the last dimension's size, unchanged shape, non-negative eps.
static LogicalResult verifyNorm(Operation *op, Type x, ArrayRef<std::pair<StringRef, Type>> weights, Type result, const APFloat &eps) {
  // rms_norm_c1, layer_norm_c1
  if (shapeOf(x).empty())
    return op->emitOpError() << "x must have at least one dimension";
  for (auto [name, type] : weights)
    if (failed(expectShape(op, name, type, {shapeOf(x).back()})))
      return failure();
  // rms_norm_c2, layer_norm_c2
  if (failed(expectShape(op, "result", result, shapeOf(x))))
    return failure();
  // rms_norm_c3, layer_norm_c3
  if (eps.isNegative() || !eps.isFinite())
    return op->emitOpError() << "eps must be finite and not negative, got " << eps.convertToDouble();
  return success();
}

LogicalResult RmsNormOp::verify() {
  return verifyNorm(*this, getX().getType(), {{"weight", getWeight().getType()}}, getType(), getEps());
}

LogicalResult LayerNormOp::verify() {
  return verifyNorm(*this, getX().getType(), {{"weight", getWeight().getType()}, {"bias", getBias().getType()}}, getType(), getEps());
}

LogicalResult LinearOp::verify() {
  Type x = getX().getType(), w = getWeight().getType();
  // linear_c1
  if (failed(expectRank(*this, "x", x, 2)) || failed(expectRank(*this, "weight", w, 2)))
    return failure();
  if (shapeOf(x)[1] != shapeOf(w)[1])
    return emitOpError() << "x has " << shapeOf(x)[1] << " input features but the weight expects " << shapeOf(w)[1];
  // linear_c2
  if (failed(expectShape(*this, "result", getType(), {shapeOf(x)[0], shapeOf(w)[0]})))
    return failure();
  // linear_c3, linear_c4, linear_c5
  return verifyScaledPair(*this, x, w);
}

LogicalResult HeadLinearOp::verify() {
  Type x = getX().getType(), w = getWeight().getType();
  // head_linear_c1
  if (failed(expectRank(*this, "x", x, 3)) || failed(expectRank(*this, "weight", w, 3)))
    return failure();
  // head_linear_c2
  if (shapeOf(x)[1] != shapeOf(w)[0])
    return emitOpError() << "x has " << shapeOf(x)[1] << " heads but the weight has " << shapeOf(w)[0];
  if (shapeOf(x)[2] != shapeOf(w)[2])
    return emitOpError() << "x has " << shapeOf(x)[2] << " input features but the weight expects " << shapeOf(w)[2];
  // head_linear_c3
  return expectShape(*this, "result", getType(), {shapeOf(x)[0], shapeOf(x)[1], shapeOf(w)[1]});
}

LogicalResult SwigluOp::verify() {
  // swiglu_c1
  if (failed(expectShape(*this, "up", getUp().getType(), shapeOf(getGate().getType()))))
    return failure();
  return expectShape(*this, "result", getType(), shapeOf(getGate().getType()));
}
