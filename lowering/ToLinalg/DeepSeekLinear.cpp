// Embedding, normalisation, projections and the elementwise operations between them.
#include "lowering/ToLinalg/DeepSeekPatterns.h"
#include "lowering/ToLinalg/Normalize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek;

static Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

Value mlir::deepseek::emitLinear(LinalgEmitter &b, Value x, Value weight) {
  if (isa<BlockScaledType>(weight.getType()))
    return b.scaledLinear(unpackScaled(b, x), unpackScaled(b, weight));
  return b.linear(b.cast(x, b.getF32Type()), weight);
}

Value mlir::deepseek::emitRmsNorm(LinalgEmitter &b, Value x, Value weight, double eps, Type element) {
  int64_t rank = b.typeOf(x).getRank();
  double extent = b.typeOf(x).getShape().back();
  Value squares =
      b.sumLast(x, [](LinalgEmitter &e, ValueRange v) -> Value { return arith::MulFOp::create(e, v[0], v[0]); });
  Value factors = b.elementwise(squares, b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) -> Value {
    Value mean = arith::DivFOp::create(e, v[0], e.constF32(extent));
    return math::RsqrtOp::create(e, arith::AddFOp::create(e, mean, e.constF32(eps)));
  });
  AffineMap rows = b.identityMap(rank).dropResult(rank - 1), columns = b.dimsMap(rank, {unsigned(rank - 1)});
  return b.elementwise({x, factors, weight}, {b.identityMap(rank), rows, columns}, b.sizesOf(x), element,
                       [](LinalgEmitter &e, ValueRange v) -> Value {
                         return arith::MulFOp::create(e, arith::MulFOp::create(e, v[0], v[1]), v[2]);
                       });
}

Value mlir::deepseek::emitLayerNorm(LinalgEmitter &b, Value x, Value weight, Value bias, double eps, Type element) {
  int64_t rank = b.typeOf(x).getRank();
  double extent = b.typeOf(x).getShape().back();
  Type f32 = b.getF32Type();
  AffineMap all = b.identityMap(rank), rows = all.dropResult(rank - 1), columns = b.dimsMap(rank, {unsigned(rank - 1)});
  Value sums = b.sumLast(x, [](LinalgEmitter &, ValueRange v) { return v[0]; });
  // Centred first: the variance does not cancel.
  Value centred =
      b.elementwise({x, sums}, {all, rows}, b.sizesOf(x), f32, [&](LinalgEmitter &e, ValueRange v) -> Value {
        return arith::SubFOp::create(e, v[0], arith::DivFOp::create(e, v[1], e.constF32(extent)));
      });
  Value squares =
      b.sumLast(centred, [](LinalgEmitter &e, ValueRange v) -> Value { return arith::MulFOp::create(e, v[0], v[0]); });
  Value factors = b.elementwise(squares, f32, [&](LinalgEmitter &e, ValueRange v) -> Value {
    Value variance = arith::DivFOp::create(e, v[0], e.constF32(extent));
    return math::RsqrtOp::create(e, arith::AddFOp::create(e, variance, e.constF32(eps)));
  });
  return b.elementwise({centred, factors, weight, bias}, {all, rows, columns, columns}, b.sizesOf(x), element,
                       [](LinalgEmitter &e, ValueRange v) -> Value {
                         Value scaled = arith::MulFOp::create(e, arith::MulFOp::create(e, v[0], v[1]), v[2]);
                         return arith::AddFOp::create(e, scaled, v[3]);
                       });
}

static SmallVector<Value> emitEmbedding(LinalgEmitter &b, EmbeddingOp op) {
  return {b.gatherRows(op.getTable(), op.getTokens(), elementOf(op.getResult()))};
}
static SmallVector<Value> emitTakeRows(LinalgEmitter &b, TakeRowsOp op) {
  return {b.gatherRows(op.getX(), op.getRows(), elementOf(op.getResult()))};
}
static SmallVector<Value> emitRmsNormOp(LinalgEmitter &b, RmsNormOp op) {
  return {emitRmsNorm(b, op.getX(), op.getWeight(), op.getEps().convertToDouble(), elementOf(op.getResult()))};
}
static SmallVector<Value> emitLayerNormOp(LinalgEmitter &b, LayerNormOp op) {
  return {emitLayerNorm(b, op.getX(), op.getWeight(), op.getBias(), op.getEps().convertToDouble(),
                        elementOf(op.getResult()))};
}
static SmallVector<Value> emitLinearOp(LinalgEmitter &b, LinearOp op) {
  return {b.cast(emitLinear(b, op.getX(), op.getWeight()), elementOf(op.getResult()))};
}
static SmallVector<Value> emitHeadLinear(LinalgEmitter &b, HeadLinearOp op) {
  return {b.cast(b.headLinear(b.cast(op.getX(), b.getF32Type()), op.getWeight()), elementOf(op.getResult()))};
}
static SmallVector<Value> emitAdd(LinalgEmitter &b, AddOp op) {
  return {b.elementwise({op.getLhs(), op.getRhs()}, elementOf(op.getResult()),
                        [](LinalgEmitter &e, ValueRange v) -> Value { return arith::AddFOp::create(e, v[0], v[1]); })};
}
static SmallVector<Value> emitSwiglu(LinalgEmitter &b, SwigluOp op) {
  return {
      b.elementwise({op.getGate(), op.getUp()}, elementOf(op.getResult()), [](LinalgEmitter &e, ValueRange v) -> Value {
        Value exp = math::ExpOp::create(e, arith::NegFOp::create(e, v[0]));
        Value silu = arith::DivFOp::create(e, v[0], arith::AddFOp::create(e, e.constF32(1.0), exp));
        return arith::MulFOp::create(e, silu, v[1]);
      })};
}

void mlir::deepseek::populateLinearToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<EmbeddingOp>(patterns, emitEmbedding);
  addEmitter<TakeRowsOp>(patterns, emitTakeRows);
  addEmitter<RmsNormOp>(patterns, emitRmsNormOp);
  addEmitter<LayerNormOp>(patterns, emitLayerNormOp);
  addEmitter<LinearOp>(patterns, emitLinearOp);
  addEmitter<HeadLinearOp>(patterns, emitHeadLinear);
  addEmitter<AddOp>(patterns, emitAdd);
  addEmitter<SwigluOp>(patterns, emitSwiglu);
}
