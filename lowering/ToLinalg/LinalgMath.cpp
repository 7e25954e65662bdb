// Elementwise work, reductions, matrix products and block scaling of the linalg emitter.
#include "lowering/ToLinalg/LinalgEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using utils::IteratorType;

/// Sums may be reassociated (vectorised) and products fused into them; NaN and infinities keep their meaning.
static constexpr auto kSumFlags = arith::FastMathFlags::reassoc | arith::FastMathFlags::contract;

AffineMap LinalgEmitter::dimsMap(int64_t rank, ArrayRef<unsigned> dims) {
  return AffineMap::getMultiDimMapWithTargets(rank, dims, getContext());
}

/// The block arguments that a body sees: floats in f32, the output left out.
static SmallVector<Value> readInputs(LinalgEmitter &b, ValueRange args) {
  SmallVector<Value> inputs;
  for (Value arg : args)
    inputs.push_back(isa<FloatType>(arg.getType()) && arg.getType().getIntOrFloatBitWidth() < 32 ? b.toF32(arg) : arg);
  return inputs;
}

Value LinalgEmitter::elementwise(ValueRange inputs, ArrayRef<AffineMap> maps, Sizes sizes, Type element,
                                 ScalarBody body) {
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(identityMap(sizes.size()));
  SmallVector<IteratorType> iterators(sizes.size(), IteratorType::parallel);
  Value output = empty(sizes, element);
  return linalg::GenericOp::create(*this, output.getType(), inputs, output, allMaps, iterators,
                                   [&](OpBuilder &nested, Location loc, ValueRange args) {
                                     LinalgEmitter inner(loc, nested);
                                     Value value = body(inner, readInputs(inner, args.drop_back()));
                                     if (isa<FloatType>(element))
                                       value = inner.fromF32(value, element);
                                     linalg::YieldOp::create(inner, value);
                                   })
      .getResult(0);
}

Value LinalgEmitter::elementwise(ValueRange inputs, Type element, ScalarBody body) {
  SmallVector<OpFoldResult> sizes = sizesOf(inputs.front());
  return elementwise(inputs, SmallVector<AffineMap>(inputs.size(), identityMap(sizes.size())), sizes, element, body);
}

Value LinalgEmitter::cast(Value tensor, Type element) {
  if (typeOf(tensor).getElementType() == element)
    return tensor;
  return elementwise(tensor, element, [](LinalgEmitter &, ValueRange args) { return args[0]; });
}

Value LinalgEmitter::reduceLast(Value x, Value init, ScalarBody body,
                                function_ref<Value(LinalgEmitter &, Value, Value)> combine) {
  SmallVector<OpFoldResult> sizes = sizesOf(x);
  int64_t rank = sizes.size();
  sizes.pop_back();
  SmallVector<IteratorType> iterators(rank, IteratorType::parallel);
  iterators.back() = IteratorType::reduction;
  Value output = filled(sizes, init);
  SmallVector<AffineMap> maps{identityMap(rank), identityMap(rank).dropResult(rank - 1)};
  return linalg::GenericOp::create(*this, output.getType(), x, output, maps, iterators,
                                   [&](OpBuilder &nested, Location loc, ValueRange args) {
                                     LinalgEmitter inner(loc, nested);
                                     Value value = body(inner, readInputs(inner, args.take_front()));
                                     linalg::YieldOp::create(inner, combine(inner, value, args[1]));
                                   })
      .getResult(0);
}

Value LinalgEmitter::sumLast(Value x, ScalarBody body) {
  return reduceLast(x, constF32(0.0), body, [](LinalgEmitter &b, Value value, Value sum) -> Value {
    return arith::AddFOp::create(b, sum, value, kSumFlags);
  });
}

Value LinalgEmitter::maxLast(Value x, Value atLeast, ScalarBody body) {
  return reduceLast(x, atLeast, body, [](LinalgEmitter &b, Value value, Value best) -> Value {
    return arith::MaximumFOp::create(b, best, value);
  });
}

Value LinalgEmitter::gatherRows(Value tensor, Value rows, Type element) {
  SmallVector<OpFoldResult> sizes = sizesOf(tensor);
  sizes[0] = sizesOf(rows)[0];
  int64_t rank = sizes.size();
  Value count = toI32(sizeOf(tensor, 0));
  return elementwise(rows, dimsMap(rank, {0}), sizes, element, [&](LinalgEmitter &b, ValueRange args) {
    Value zero = b.constI32(0);
    // One unsigned comparison refuses negative indices too.
    Value known = b.cmpI(arith::CmpIPredicate::ult, args[0], count);
    SmallVector<Value> indices{b.toIndex(b.select(known, args[0], zero))};
    for (int64_t dim = 1; dim < rank; ++dim)
      indices.push_back(linalg::IndexOp::create(b, dim));
    Value value = b.extract(tensor, indices);
    return isa<FloatType>(element) && value.getType() != element ? b.toF32(value) : value;
  });
}

Value LinalgEmitter::contract(Value a, Value b, ArrayRef<AffineMap> maps, ArrayRef<IteratorType> iterators, Sizes sizes,
                              Value init) {
  if (!init)
    init = zeros(sizes, getF32Type());
  return linalg::GenericOp::create(*this, init.getType(), ValueRange{a, b}, init, maps, iterators,
                                   [&](OpBuilder &nested, Location loc, ValueRange args) {
                                     LinalgEmitter inner(loc, nested);
                                     Value product = arith::MulFOp::create(inner, inner.toF32(args[0]),
                                                                           inner.toF32(args[1]), kSumFlags);
                                     Value sum = arith::AddFOp::create(inner, args[2], product, kSumFlags);
                                     linalg::YieldOp::create(inner, sum);
                                   })
      .getResult(0);
}

Value LinalgEmitter::linear(Value x, Value w, Value init) {
  SmallVector<AffineMap> maps{dimsMap(3, {0, 2}), dimsMap(3, {1, 2}), dimsMap(3, {0, 1})};
  return contract(x, w, maps, {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction},
                  {sizesOf(x)[0], sizesOf(w)[0]}, init);
}

Value LinalgEmitter::headLinear(Value x, Value w) {
  // Loops (h, t, n, k): the weights of one head stay close together.
  SmallVector<AffineMap> maps{dimsMap(4, {1, 0, 3}), dimsMap(4, {0, 2, 3}), dimsMap(4, {1, 0, 2})};
  return contract(x, w, maps,
                  {IteratorType::parallel, IteratorType::parallel, IteratorType::parallel, IteratorType::reduction},
                  {sizesOf(x)[0], sizesOf(x)[1], sizesOf(w)[1]});
}

/// Calls `body(offset, width, block index, carried)` for each block of `block` elements of `extent`: a loop over the
/// full blocks, then the partial one.
static SmallVector<Value>
forBlocks(LinalgEmitter &b, int64_t extent, int64_t block, ValueRange init,
          function_ref<SmallVector<Value>(LinalgEmitter &, OpFoldResult, int64_t, OpFoldResult, ValueRange)> body) {
  SmallVector<Value> carried = llvm::to_vector(init);
  int64_t full = extent / block;
  if (full == 1)
    carried = body(b, b.getIndexAttr(0), block, b.getIndexAttr(0), carried);
  else if (full > 1)
    carried = b.loop(full, carried, [&](LinalgEmitter &inner, Value index, ValueRange values) {
      Value offset = arith::MulIOp::create(inner, index, inner.constIndex(block));
      return body(inner, offset, block, index, values);
    });
  if (extent % block)
    carried = body(b, b.getIndexAttr(full * block), extent % block, b.getIndexAttr(full), carried);
  return carried;
}

/// sums[t, n] += partial[t, n] * xScales[t, 0] * wScales[n / rows, 0], in place.
static Value addScaled(LinalgEmitter &b, Value sums, Value partial, Value xScales, Value wScales, int64_t rows) {
  AffineExpr column = b.getAffineConstantExpr(0), t = b.getAffineDimExpr(0), n = b.getAffineDimExpr(1);
  SmallVector<AffineMap> maps{b.identityMap(2), AffineMap::get(2, 0, {t, column}, b.getContext()),
                              AffineMap::get(2, 0, {n.floorDiv(rows), column}, b.getContext()), b.identityMap(2)};
  return linalg::GenericOp::create(b, sums.getType(), ValueRange{partial, xScales, wScales}, sums, maps,
                                   SmallVector<IteratorType>(2, IteratorType::parallel),
                                   [](OpBuilder &nested, Location loc, ValueRange args) {
                                     LinalgEmitter e(loc, nested);
                                     Value scale = arith::MulFOp::create(e, args[1], args[2]);
                                     Value term = arith::MulFOp::create(e, args[0], scale);
                                     linalg::YieldOp::create(e, arith::AddFOp::create(e, args[3], term).getResult());
                                   })
      .getResult(0);
}

Value LinalgEmitter::scaledLinear(const ScaledTensor &x, const ScaledTensor &w) {
  int64_t rows = typeOf(w.data).getDimSize(0), channels = typeOf(w.data).getDimSize(1);
  SmallVector<OpFoldResult> sizes{sizesOf(x.data)[0], getIndexAttr(rows)};
  // Activations are read once for each row of the weight: they are extended once, here.
  Value activations = cast(x.data, getF32Type());
  return forBlocks(*this, channels, w.blockColumns, zeros(sizes, getF32Type()),
                   [&](LinalgEmitter &b, OpFoldResult offset, int64_t width, OpFoldResult block, ValueRange sums) {
                     OpFoldResult size = b.getIndexAttr(width), one = b.getIndexAttr(1);
                     Value partial = b.linear(b.slice(activations, 1, offset, size), b.slice(w.data, 1, offset, size));
                     Value xScales = b.slice(x.scales, 1, block, one), wScales = b.slice(w.scales, 1, block, one);
                     return SmallVector<Value>{addScaled(b, sums[0], partial, xScales, wScales, w.blockRows)};
                   })
      .front();
}
