// f8E4M3FN (1 sign, 4 exponent with bias 7, 3 mantissa bits; no infinity, 0x7F is NaN) to and from f32, without
// branches.
#include "lowering/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_EXPANDFLOAT8PASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

/// Arithmetic on scalars or vectors of the shape of `like`.
class BitBuilder : public ImplicitLocOpBuilder {
public:
  BitBuilder(Location loc, OpBuilder &builder, Type like) : ImplicitLocOpBuilder(loc, builder), like(like) {}
  Type shaped(Type element) {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(vector.clone(element)) : element;
  }
  Value constant(TypedAttr scalar) {
    if (auto vector = dyn_cast<VectorType>(like))
      return arith::ConstantOp::create(*this,
                                       DenseElementsAttr::get(vector.clone(scalar.getType()), Attribute(scalar)));
    return arith::ConstantOp::create(*this, scalar);
  }
  Value i32(int64_t value) { return constant(getI32IntegerAttr(int32_t(value))); }
  Value f32(float value) { return constant(getF32FloatAttr(value)); }
  Value bits(Value value, Type element) { return arith::BitcastOp::create(*this, shaped(element), value); }
  Value shift(Value value, int64_t left) { return arith::ShLIOp::create(*this, value, i32(left)); }
  Value mask(Value value, int64_t kept) { return arith::AndIOp::create(*this, value, i32(kept)); }

private:
  Type like;
};

bool isFloat8(Type type) { return isa<Float8E4M3FNType>(getElementTypeOrSelf(type)); }

struct ExpandExtF : public OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op, PatternRewriter &rewriter) const override {
    if (!isFloat8(op.getIn().getType()) || !getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not f8E4M3FN to f32");
    BitBuilder b(op.getLoc(), rewriter, op.getType());
    Value wide = arith::ExtUIOp::create(b, b.shaped(b.getI32Type()), b.bits(op.getIn(), b.getI8Type()));
    Value magnitude = b.mask(wide, 0x7F);
    // Exponent and mantissa in f32's place read as value * 2^(7-127), subnormals too; the product is exact.
    Value scaled = arith::MulFOp::create(b, b.bits(b.shift(magnitude, 20), b.getF32Type()), b.f32(0x1p120f));
    Value isNan = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, magnitude, b.i32(0x7F));
    Value finite = b.bits(scaled, b.getI32Type());
    Value bits = arith::SelectOp::create(b, isNan, b.i32(0x7FC00000), finite);
    Value sign = b.shift(b.mask(wide, 0x80), 24);
    rewriter.replaceOp(op, b.bits(arith::OrIOp::create(b, bits, sign), b.getF32Type()));
    return success();
  }
};

struct ExpandTruncF : public OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op, PatternRewriter &rewriter) const override {
    if (!isFloat8(op.getType()) || !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return rewriter.notifyMatchFailure(op, "is not f32 to f8E4M3FN");
    BitBuilder b(op.getLoc(), rewriter, op.getIn().getType());
    auto shiftRight = [&](Value value, int64_t amount) -> Value {
      return arith::ShRUIOp::create(b, value, b.i32(amount));
    };
    Value bits = b.bits(op.getIn(), b.getI32Type());
    Value sign = b.mask(shiftRight(bits, 24), 0x80), magnitude = b.mask(bits, 0x7FFFFFFF);
    // Normal results: drop 20 bits of the mantissa, to nearest even, and rebias the exponent from 127 to 7.
    Value odd = b.mask(shiftRight(magnitude, 20), 1);
    Value biased = arith::AddIOp::create(b, magnitude, b.i32(0x7FFFF - (int64_t(120) << 23)));
    Value normal = shiftRight(arith::AddIOp::create(b, biased, odd), 20);
    // Below 2^-6 a step is 2^-9: adding 2^14 leaves the number of steps, rounded to nearest even, in the low bits.
    Value sum = arith::AddFOp::create(b, b.bits(magnitude, b.getF32Type()), b.f32(0x1p14f));
    Value subnormal = arith::SubIOp::create(b, b.bits(sum, b.getI32Type()), b.i32(0x46800000));
    auto below = [&](int64_t bound) -> Value {
      return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, magnitude, b.i32(bound));
    };
    Value finite = arith::SelectOp::create(b, below(0x3C800000 /* 2^-6 */), subnormal, normal);
    // 464 is halfway between 448 and the next step, which would be NaN's pattern; ties go to the even 448.
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ule, magnitude, b.i32(0x43E80000));
    Value result = arith::SelectOp::create(b, fits, finite, b.i32(0x7F));
    Value narrow = arith::TruncIOp::create(b, b.shaped(b.getI8Type()), arith::OrIOp::create(b, result, sign));
    rewriter.replaceOp(op, b.bits(narrow, Float8E4M3FNType::get(getContext())));
    return success();
  }
};

struct ExpandFloat8Pass : public deepseek::impl::ExpandFloat8PassBase<ExpandFloat8Pass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandExtF, ExpandTruncF>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
