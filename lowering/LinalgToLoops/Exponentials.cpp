// exp and exp2 in f32: x = n ln 2 + r with |r| <= ln 2 / 2, e^x = 2^n e^r. The Taylor polynomial of degree 7 leaves
// r^8 / 8! < 2^-27, so that rounding is all that is lost (2 units in the last place). Overflow gives infinity,
// underflow rounds to subnormal numbers and zero, NaN stays NaN.
#include "lowering/LinalgToLoops/HostLoops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::host;

namespace {

class ExpBuilder : public ImplicitLocOpBuilder {
public:
  ExpBuilder(Operation *op) : ImplicitLocOpBuilder(op->getLoc(), op), like(op->getResult(0).getType()) {}

  Value emit(Value x, bool base2);

private:
  Value constant(TypedAttr scalar) {
    if (auto vector = dyn_cast<VectorType>(like))
      return arith::ConstantOp::create(*this,
                                       DenseElementsAttr::get(vector.clone(scalar.getType()), Attribute(scalar)));
    return arith::ConstantOp::create(*this, scalar);
  }
  Value f32(double value) { return constant(getF32FloatAttr(float(value))); }
  Value i32(int64_t value) { return constant(getI32IntegerAttr(int32_t(value))); }
  Value as(Value value, Type element) {
    auto vector = dyn_cast<VectorType>(like);
    return arith::BitcastOp::create(*this, vector ? Type(vector.clone(element)) : element, value);
  }
  Value multiplyAdd(Value a, Value b, Value c) {
    auto contract = arith::FastMathFlags::contract;
    return arith::AddFOp::create(*this, arith::MulFOp::create(*this, a, b, contract), c, contract);
  }
  /// 2^n as f32, for -126 <= n <= 127.
  Value powerOfTwo(Value n) {
    Value biased = arith::AddIOp::create(*this, n, i32(127));
    return as(arith::ShLIOp::create(*this, biased, i32(23)), getF32Type());
  }
  /// `value`, or `bound` where the comparison with it holds; NaN stays.
  Value clampIf(arith::CmpFPredicate predicate, Value value, double bound) {
    Value limit = f32(bound);
    return arith::SelectOp::create(*this, arith::CmpFOp::create(*this, predicate, value, limit), limit, value);
  }

  Type like;
};

Value ExpBuilder::emit(Value x, bool base2) {
  // Beyond these bounds results are infinity and zero; within them n fits two factors of 2^n.
  x = clampIf(arith::CmpFPredicate::OGT, x, base2 ? 130.0 : 90.0);
  x = clampIf(arith::CmpFPredicate::OLT, x, base2 ? -152.0 : -105.0);
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
  Value magic = f32(0x1.8p23),
        scaled = base2 ? x : arith::MulFOp::create(*this, x, f32(1.44269504088896341)).getResult();
  Value shifted = arith::AddFOp::create(*this, scaled, magic);
  Value whole = arith::SubFOp::create(*this, shifted, magic);
  Value n = arith::SubIOp::create(*this, as(shifted, getI32Type()), i32(0x4B400000));
  Value r;
  if (base2) {
    r = arith::MulFOp::create(*this, arith::SubFOp::create(*this, x, whole), f32(0.693147180559945309));
  } else {
    // ln 2 in two parts; the product of n and the first one is exact.
    r = multiplyAdd(whole, f32(-0x1.62e4p-1), x);
    r = multiplyAdd(whole, f32(-1.4286068202862268e-6), r);
  }
  Value sum = f32(1.0 / 5040);
  for (double coefficient : {1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0})
    sum = multiplyAdd(sum, r, f32(coefficient));
  Value half = arith::ShRSIOp::create(*this, n, i32(1)), rest = arith::SubIOp::create(*this, n, half);
  sum = arith::MulFOp::create(*this, sum, powerOfTwo(half));
  return arith::MulFOp::create(*this, sum, powerOfTwo(rest));
}

} // namespace

void host::expandExponentials(Operation *root) {
  root->walk([](Operation *op) {
    if (!isa<math::ExpOp, math::Exp2Op>(op) || !getElementTypeOrSelf(op->getResult(0).getType()).isF32())
      return;
    ExpBuilder b(op);
    op->getResult(0).replaceAllUsesWith(b.emit(op->getOperand(0), isa<math::Exp2Op>(op)));
    op->erase();
  });
}
