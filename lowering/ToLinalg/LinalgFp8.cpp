// Block scaling: quantisation to e4m3 and back.
#include "lowering/ToLinalg/LinalgEmitter.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek;

/// max(amax, 1e-4) / 448, rounded up to a power of two if asked: exact, on the bits (the scale is a normal number).
Value LinalgEmitter::quantizationScale(Value amax, bool powerOfTwo) {
  Value scale = arith::DivFOp::create(*this, arith::MaximumFOp::create(*this, amax, constF32(1e-4)), constF32(448.0));
  if (!powerOfTwo)
    return scale;
  Value bits = arith::BitcastOp::create(*this, getI32Type(), scale);
  bits = arith::AndIOp::create(*this, add(bits, constI32(0x7FFFFF)), constI32(0x7F800000));
  Value rounded = arith::BitcastOp::create(*this, getF32Type(), bits);
  // NaN and infinity stay what they are.
  Value finite = cmpF(arith::CmpFPredicate::OLT, scale, constF32(std::numeric_limits<float>::infinity()));
  return select(finite, rounded, scale);
}

/// Map of the elements of a tensor of `rank` to the scales of their blocks.
static AffineMap scaleMap(Builder &b, int64_t rank, int64_t blockRows, int64_t blockColumns) {
  SmallVector<AffineExpr> exprs;
  for (int64_t dim = 0; dim < rank; ++dim)
    exprs.push_back(b.getAffineDimExpr(dim));
  exprs[rank - 2] = exprs[rank - 2].floorDiv(blockRows);
  exprs[rank - 1] = exprs[rank - 1].floorDiv(blockColumns);
  return AffineMap::get(rank, 0, exprs, b.getContext());
}

ScaledTensor LinalgEmitter::quantize(Value x, int64_t blockRows, int64_t blockColumns, bool powerOfTwo) {
  SmallVector<OpFoldResult> sizes = sizesOf(x), scaleSizes = sizes;
  int64_t rank = sizes.size();
  auto ceilDiv = [&](int64_t dim, int64_t block) {
    if (block != 1)
      scaleSizes[dim] = getIndexAttr(llvm::divideCeil(typeOf(x).getDimSize(dim), block));
  };
  ceilDiv(rank - 2, blockRows);
  ceilDiv(rank - 1, blockColumns);

  // Maximum of each block: all elements meet the one scale that their block maps to.
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  iterators[rank - 1] = utils::IteratorType::reduction;
  if (blockRows != 1)
    iterators[rank - 2] = utils::IteratorType::reduction;
  AffineMap toScale = scaleMap(*this, rank, blockRows, blockColumns);
  Value amax = linalg::GenericOp::create(
                   *this, RankedTensorType::get(typeOf(empty(scaleSizes, getF32Type())).getShape(), getF32Type()), x,
                   zeros(scaleSizes, getF32Type()), ArrayRef<AffineMap>{identityMap(rank), toScale}, iterators,
                   [&](OpBuilder &nested, Location loc, ValueRange args) {
                     LinalgEmitter b(loc, nested);
                     Value magnitude = math::AbsFOp::create(b, b.toF32(args[0]));
                     linalg::YieldOp::create(b, arith::MaximumFOp::create(b, args[1], magnitude).getResult());
                   })
                   .getResult(0);
  Value scales = elementwise(
      amax, getF32Type(), [&](LinalgEmitter &b, ValueRange args) { return b.quantizationScale(args[0], powerOfTwo); });
  Value data = elementwise(
      {x, scales}, {identityMap(rank), toScale}, sizes, Float8E4M3FNType::get(getContext()),
      [](LinalgEmitter &b, ValueRange args) -> Value { return arith::DivFOp::create(b, args[0], args[1]); });
  return {data, scales, blockRows, blockColumns};
}

Value LinalgEmitter::dequantize(const ScaledTensor &x, Type element) {
  SmallVector<OpFoldResult> sizes = sizesOf(x.data);
  int64_t rank = sizes.size();
  return elementwise(
      {x.data, x.scales}, {identityMap(rank), scaleMap(*this, rank, x.blockRows, x.blockColumns)}, sizes, element,
      [](LinalgEmitter &b, ValueRange args) -> Value { return arith::MulFOp::create(b, args[0], args[1]); });
}
