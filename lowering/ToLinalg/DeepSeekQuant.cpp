// Block scaling, and the operations that depend on parameters alone.
#include "lowering/ToLinalg/DeepSeekPatterns.h"

using namespace mlir;
using namespace mlir::deepseek;
using utils::IteratorType;

static Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

ScaledTensor mlir::deepseek::unpackScaled(LinalgEmitter &b, Value value) {
  auto type = cast<BlockScaledType>(value.getType());
  if (auto pack = value.getDefiningOp<PackScaledOp>())
    return {pack.getData(), pack.getScales(), type.getBlock()[0], type.getBlock()[1]};
  auto unpack = UnpackScaledOp::create(b, type.getDataType(), type.getScaleType(), value);
  return {unpack.getData(), unpack.getScales(), type.getBlock()[0], type.getBlock()[1]};
}

Value mlir::deepseek::plainTensor(LinalgEmitter &b, Value value) {
  return isa<BlockScaledType>(value.getType()) ? b.dequantize(unpackScaled(b, value), b.getF32Type()) : value;
}

static SmallVector<Value> emitQuantize(LinalgEmitter &b, QuantizeOp op) {
  auto type = cast<BlockScaledType>(op.getType());
  ScaledTensor scaled =
      b.quantize(op.getX(), type.getBlock()[0], type.getBlock()[1], type.getScaleFormat() == ScaleFormat::UE8M0);
  return {PackScaledOp::create(b, type, scaled.data, scaled.scales)};
}

static SmallVector<Value> emitDequantize(LinalgEmitter &b, DequantizeOp op) {
  return {b.dequantize(unpackScaled(b, op.getX()), elementOf(op.getResult()))};
}

static SmallVector<Value> emitConcat(LinalgEmitter &b, ConcatOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  Value result = b.empty(getAsIndexOpFoldResult(b.getContext(), type.getShape()), type.getElementType());
  int64_t offset = 0;
  for (Value input : op.getInputs()) {
    result = b.insertSlice(input, result, op.getDim(), b.getIndexAttr(offset));
    offset += b.typeOf(input).getDimSize(op.getDim());
  }
  return {result};
}

static SmallVector<Value> emitStack(LinalgEmitter &b, StackOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  Value result = b.empty(getAsIndexOpFoldResult(b.getContext(), type.getShape()), type.getElementType());
  for (auto [index, input] : llvm::enumerate(op.getInputs()))
    result = b.insertRow(input, result, b.getIndexAttr(index));
  return {result};
}

/// Rows [h * (nope + value) + first, ... + count) of kv_b_proj for each head h: [H, count, r], or [H, r, count].
static Value emitHeadRows(LinalgEmitter &b, Value weight, int64_t nope, int64_t value, int64_t first, int64_t count,
                          bool transposed, Type element) {
  Value plain = plainTensor(b, weight);
  int64_t rows = b.typeOf(plain).getDimSize(0), rank = b.typeOf(plain).getDimSize(1), perHead = nope + value;
  auto split = RankedTensorType::get({rows / perHead, perHead, rank}, elementOf(plain));
  Value heads = tensor::ExpandShapeOp::create(b, split, plain, SmallVector<ReassociationIndices>{{0, 1}, {2}});
  Value part = b.slice(heads, 1, b.getIndexAttr(first), b.getIndexAttr(count));
  SmallVector<OpFoldResult> sizes = b.sizesOf(part);
  AffineMap map = b.identityMap(3);
  if (transposed) {
    std::swap(sizes[1], sizes[2]);
    map = b.dimsMap(3, {0, 2, 1});
  }
  return b.elementwise(part, map, sizes, element, [](LinalgEmitter &, ValueRange v) { return v[0]; });
}

static SmallVector<Value> emitAbsorbKey(LinalgEmitter &b, AbsorbKeyOp op) {
  return {
      emitHeadRows(b, op.getWeight(), op.getNope(), op.getValue(), 0, op.getNope(), true, elementOf(op.getResult()))};
}
static SmallVector<Value> emitAbsorbValue(LinalgEmitter &b, AbsorbValueOp op) {
  return {emitHeadRows(b, op.getWeight(), op.getNope(), op.getValue(), op.getNope(), op.getValue(), false,
                       elementOf(op.getResult()))};
}

void mlir::deepseek::populateQuantToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<QuantizeOp>(patterns, emitQuantize);
  addEmitter<DequantizeOp>(patterns, emitDequantize);
}

void mlir::deepseek::populateParameterToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<ConcatOp>(patterns, emitConcat);
  addEmitter<StackOp>(patterns, emitStack);
  addEmitter<AbsorbKeyOp>(patterns, emitAbsorbKey);
  addEmitter<AbsorbValueOp>(patterns, emitAbsorbValue);
}
