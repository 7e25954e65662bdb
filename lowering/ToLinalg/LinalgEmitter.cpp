// Scalars, tensors and control flow of the linalg emitter.
#include "lowering/ToLinalg/LinalgEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"

using namespace mlir;
using namespace mlir::deepseek;

Value LinalgEmitter::constIndex(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }
Value LinalgEmitter::constI32(int64_t value) { return arith::ConstantIntOp::create(*this, getI32Type(), value); }
Value LinalgEmitter::constI64(int64_t value) { return arith::ConstantIntOp::create(*this, getI64Type(), value); }
Value LinalgEmitter::constF32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(static_cast<float>(value)));
}
Value LinalgEmitter::add(Value a, Value b) { return arith::AddIOp::create(*this, a, b); }
Value LinalgEmitter::toIndex(Value integer) { return arith::IndexCastOp::create(*this, getIndexType(), integer); }
Value LinalgEmitter::toI32(Value index) { return arith::IndexCastOp::create(*this, getI32Type(), index); }

Value LinalgEmitter::toF32(Value scalar) {
  if (scalar.getType().isF32())
    return scalar;
  return arith::ExtFOp::create(*this, getF32Type(), scalar);
}

Value LinalgEmitter::fromF32(Value scalar, Type element) {
  if (scalar.getType() == element)
    return scalar;
  if (isa<Float8E4M3FNType>(element)) {
    // The format has no infinity: what truncf would make of a larger value is NaN.
    scalar = arith::MaximumFOp::create(*this, scalar, constF32(-448.0));
    scalar = arith::MinimumFOp::create(*this, scalar, constF32(448.0));
  }
  return arith::TruncFOp::create(*this, element, scalar);
}

Value LinalgEmitter::cmpI(arith::CmpIPredicate predicate, Value a, Value b) {
  return arith::CmpIOp::create(*this, predicate, a, b);
}
Value LinalgEmitter::cmpF(arith::CmpFPredicate predicate, Value a, Value b) {
  return arith::CmpFOp::create(*this, predicate, a, b);
}
Value LinalgEmitter::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}

SmallVector<OpFoldResult> LinalgEmitter::sizesOf(Value tensor) {
  return tensor::getMixedSizes(*this, getLoc(), tensor);
}
Value LinalgEmitter::sizeOf(Value tensor, int64_t dim) {
  return getValueOrCreateConstantIndexOp(*this, getLoc(), sizesOf(tensor)[dim]);
}
Value LinalgEmitter::empty(Sizes sizes, Type element) { return tensor::EmptyOp::create(*this, sizes, element); }
Value LinalgEmitter::filled(Sizes sizes, Value scalar) {
  return linalg::FillOp::create(*this, scalar, empty(sizes, scalar.getType())).getResult(0);
}
Value LinalgEmitter::zeros(Sizes sizes, Type element) {
  return filled(sizes, arith::ConstantOp::create(*this, getZeroAttr(element)));
}
Value LinalgEmitter::extract(Value tensor, ValueRange indices) {
  return tensor::ExtractOp::create(*this, tensor, indices);
}
Value LinalgEmitter::insert(Value scalar, Value tensor, ValueRange indices) {
  return tensor::InsertOp::create(*this, scalar, tensor, indices);
}

Value LinalgEmitter::slice(Value tensor, int64_t dim, OpFoldResult offset, OpFoldResult size) {
  SmallVector<OpFoldResult> sizes = sizesOf(tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), getIndexAttr(0)), strides(sizes.size(), getIndexAttr(1));
  offsets[dim] = offset;
  sizes[dim] = size;
  return tensor::ExtractSliceOp::create(*this, tensor, offsets, sizes, strides);
}

Value LinalgEmitter::row(Value tensor, OpFoldResult index) {
  SmallVector<OpFoldResult> sizes = sizesOf(tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), getIndexAttr(0)), strides(sizes.size(), getIndexAttr(1));
  offsets[0] = index;
  sizes[0] = getIndexAttr(1);
  RankedTensorType type = typeOf(tensor);
  auto result = RankedTensorType::get(type.getShape().drop_front(), type.getElementType());
  return tensor::ExtractSliceOp::create(*this, result, tensor, offsets, sizes, strides);
}

Value LinalgEmitter::insertSlice(Value part, Value tensor, int64_t dim, OpFoldResult offset) {
  SmallVector<OpFoldResult> sizes = sizesOf(part);
  SmallVector<OpFoldResult> offsets(sizes.size(), getIndexAttr(0)), strides(sizes.size(), getIndexAttr(1));
  offsets[dim] = offset;
  return tensor::InsertSliceOp::create(*this, part, tensor, offsets, sizes, strides);
}

Value LinalgEmitter::insertRow(Value part, Value tensor, OpFoldResult index) {
  SmallVector<OpFoldResult> sizes = sizesOf(tensor);
  SmallVector<OpFoldResult> offsets(sizes.size(), getIndexAttr(0)), strides(sizes.size(), getIndexAttr(1));
  offsets[0] = index;
  sizes[0] = getIndexAttr(1);
  return tensor::InsertSliceOp::create(*this, part, tensor, offsets, sizes, strides);
}

SmallVector<Value> LinalgEmitter::loop(Value lower, Value upper, ValueRange init, LoopBody body) {
  auto forOp = scf::ForOp::create(*this, lower, upper, constIndex(1), init,
                                  [&](OpBuilder &nested, Location loc, Value iv, ValueRange carried) {
                                    LinalgEmitter inner(loc, nested);
                                    SmallVector<Value> next = body(inner, iv, carried);
                                    scf::YieldOp::create(inner, next);
                                  });
  return SmallVector<Value>(forOp.getResults());
}

SmallVector<Value> LinalgEmitter::branch(Value condition, function_ref<SmallVector<Value>(LinalgEmitter &)> whenTrue,
                                         function_ref<SmallVector<Value>(LinalgEmitter &)> whenFalse) {
  auto ifOp = scf::IfOp::create(
      *this, condition,
      [&](OpBuilder &nested, Location loc) {
        LinalgEmitter inner(loc, nested);
        SmallVector<Value> values = whenTrue(inner);
        scf::YieldOp::create(inner, values);
      },
      [&](OpBuilder &nested, Location loc) {
        LinalgEmitter inner(loc, nested);
        SmallVector<Value> values = whenFalse(inner);
        scf::YieldOp::create(inner, values);
      });
  return SmallVector<Value>(ifOp.getResults());
}

Value LinalgEmitter::parallelRows(int64_t upper, Value init, function_ref<Value(LinalgEmitter &, Value)> body) {
  if (upper == 1)
    return insertRow(body(*this, constIndex(0)), init, getIndexAttr(0));
  auto forall =
      scf::ForallOp::create(*this, ArrayRef<OpFoldResult>{getIndexAttr(upper)}, ValueRange{init}, std::nullopt,
                            [&](OpBuilder &nested, Location loc, ValueRange args) {
                              LinalgEmitter inner(loc, nested);
                              Value part = body(inner, args[0]), target = args[1];
                              SmallVector<OpFoldResult> sizes = inner.sizesOf(target);
                              SmallVector<OpFoldResult> offsets(sizes.size(), getIndexAttr(0)),
                                  strides(sizes.size(), getIndexAttr(1));
                              offsets[0] = args[0];
                              sizes[0] = getIndexAttr(1);
                              auto terminator = scf::InParallelOp::create(inner);
                              inner.setInsertionPointToStart(terminator.getBody());
                              tensor::ParallelInsertSliceOp::create(inner, part, target, offsets, sizes, strides);
                            });
  return forall.getResult(0);
}
