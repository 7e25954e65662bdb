// Matrix products: verifiers. The labels name the constraints in MatmulOps.td.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/Verify.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

/// Scales are given exactly if both factors are f8E4M3FN.
template <typename Op> static LogicalResult verifyScaled(Op op) {
  bool a = isa<Float8E4M3FNType>(elementOf(op.getA())), b = isa<Float8E4M3FNType>(elementOf(op.getB()));
  bool scaled = bool(op.getAScales());
  if (a == scaled && b == scaled && scaled == bool(op.getBScales()))
    return success();
  return op.emitOpError() << "scales must be given exactly if a and b are f8E4M3FN; a is " << elementOf(op.getA())
                          << ", b is " << elementOf(op.getB()) << ", scales are " << (scaled ? "given" : "not given");
}

template <typename Op> static LogicalResult verifyEpilogueBody(Op op) {
  // gemm_c6
  constexpr size_t mostParts = 4;
  Block &body = op.getEpilogue().front();
  if (body.getNumArguments() < 1 || body.getNumArguments() > mostParts)
    return op.emitOpError() << "the epilogue has " << body.getNumArguments() << " arguments, expected 1 to "
                            << mostParts;
  for (Type type : body.getArgumentTypes())
    if (!type.isF32())
      return op.emitOpError() << "the epilogue's arguments are f32 sums, got " << type;
  if (!isa<EpilogueYieldOp>(body.back()))
    return op.emitOpError() << "the epilogue must end with kernel.epilogue_yield";
  // gemm_c7
  for (Operation &inner : body.without_terminator())
    if (!isa_and_nonnull<arith::ArithDialect, math::MathDialect>(inner.getDialect())) {
      InFlightDiagnostic diag = op.emitOpError() << "an epilogue cannot hold '" << inner.getName() << "'";
      diag.attachNote(inner.getLoc()) << "held here";
      return diag;
    }
  return success();
}

/// The results of a product whose only result would be `product` without an epilogue.
template <typename Op> static LogicalResult verifyResults(Op op, SmallVector<int64_t> product) {
  const int64_t n = product.back(), plain = op.plainColumns(), parts = op.parts();
  if (!op.hasEpilogue()) {
    // gemm_c8
    if (op.getPlain())
      return op.emitOpError() << "plain is a result of products with an epilogue";
    return expectShape(op, "result", op.getResult(), product);
  }
  // gemm_c6
  if (product.size() != 2)
    return op.emitOpError() << "a product with an epilogue must have 2 dimensions, got " << product.size();
  if (failed(verifyEpilogueBody(op)))
    return failure();
  // gemm_c8
  if (op.getPlain() && (plain < 1 || plain >= n))
    return op.emitOpError() << "plain has " << plain << " columns, expected 1 to " << n - 1;
  if (op.getPlain() && failed(expectShape(op, "plain", op.getPlain(), {product[0], plain})))
    return failure();
  if ((n - plain) % parts != 0)
    return op.emitOpError() << "the epilogue's " << parts << " parts must divide " << n - plain << " columns";
  return expectShape(op, "result", op.getResult(), {product[0], (n - plain) / parts});
}

template <typename Op> static LogicalResult verifyGemm(Op op) {
  // gemm_c1
  size_t rank = shapeOf(op.getA()).size();
  if (rank != 2 && rank != 3)
    return op.emitOpError() << "a has " << rank << " dimensions, expected 2 or 3";
  if (failed(expectRank(op, "b", op.getB(), rank)))
    return failure();
  // gemm_c2
  ArrayRef<int64_t> a = shapeOf(op.getA()), b = shapeOf(op.getB());
  SmallVector<int64_t> expectedB(b), expectedD(a);
  expectedB.back() = a.back();
  if (rank == 3)
    expectedB[0] = a[1];
  expectedD.back() = b[rank - 2];
  if (failed(expectShape(op, "b", op.getB(), expectedB)) || failed(verifyResults(op, expectedD)))
    return failure();
  // gemm_c3
  if (failed(verifyScaled(op)))
    return failure();
  if (op.getAScales() && rank != 2)
    return op.emitOpError() << "scaled factors must have 2 dimensions, got " << rank;
  // gemm_c4
  if (op.getAScales() && (failed(expectShape(op, "a scales", op.getAScales(), {a[0], scaleBlocks(a[1])})) ||
                          failed(expectShape(op, "b scales", op.getBScales(), {scaleBlocks(b[0]), scaleBlocks(b[1])}))))
    return failure();
  // gemm_c5
  if (!op.getRows())
    return success();
  if (failed(expectRank(op, "rows", op.getRows(), 1)))
    return failure();
  return expectDivides(op, "the size of rows", shapeOf(op.getRows())[0], "the rows of a", a[0]);
}

LogicalResult GemmOp::verify() { return verifyGemm(*this); }
LogicalResult SkinnyGemmOp::verify() { return verifyGemm(*this); }

LogicalResult GroupedGemmOp::verify() {
  // grouped_gemm_c1
  if (failed(expectRank(*this, "a", getA(), 2)) || failed(expectRank(*this, "b", getB(), 3)))
    return failure();
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB());
  if (failed(expectShape(*this, "b", getB(), {b[0], b[1], a[1]})) || failed(verifyResults(*this, {a[0], b[1]})))
    return failure();
  // grouped_gemm_c2
  if (failed(expectShape(*this, "offsets", getOffsets(), {b[0] + 1})))
    return failure();
  // grouped_gemm_c3
  if (failed(verifyScaled(*this)))
    return failure();
  return failure(getAScales() &&
                 (failed(expectShape(*this, "a scales", getAScales(), {a[0], scaleBlocks(a[1])})) ||
                  failed(expectShape(*this, "b scales", getBScales(), {b[0], scaleBlocks(b[1]), scaleBlocks(b[2])}))));
}

LogicalResult TransposeOp::verify() {
  // transpose_c1
  SmallVector<int64_t> expected(shapeOf(getX()));
  if (expected.size() != 2 && expected.size() != 3)
    return emitOpError() << "x has " << expected.size() << " dimensions, expected 2 or 3";
  std::swap(expected[expected.size() - 1], expected[expected.size() - 2]);
  if (failed(expectShape(*this, "result", getResult(), expected)))
    return failure();
  return expectElement(*this, "result", getResult(), elementOf(getX()));
}

LogicalResult BlockQuantizeOp::verify() {
  // block_quantize_c1
  SmallVector<int64_t> scales(shapeOf(getX()));
  if (scales.size() != 2 && scales.size() != 3)
    return emitOpError() << "x has " << scales.size() << " dimensions, expected 2 or 3";
  for (int64_t &size : MutableArrayRef(scales).take_back(2))
    size = scaleBlocks(size);
  if (failed(expectShape(*this, "data", getData(), shapeOf(getX()))))
    return failure();
  return expectShape(*this, "scales", getScales(), scales);
}
