// Matrix products of the kernel dialect, and the work on weights beside them.
#include "lowering/ToLinalg/Experts.h"
#include "lowering/ToLinalg/KernelPatterns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::kernel;

namespace {

constexpr int64_t scaleBlock = 128;

/// a [M, K] (scaled or not) times b [N, K] transposed, f32.
Value emitProduct(LinalgEmitter &b, Value x, Value xScales, Value w, Value wScales) {
  if (xScales)
    return b.scaledLinear({x, xScales, 1, scaleBlock}, {w, wScales, scaleBlock, scaleBlock});
  return b.linear(b.cast(x, b.getF32Type()), w);
}

/// Only the first `rows[s]` rows of each of S equal parts are computed; the others stay undefined.
template <typename Op> Value emitLimitedProduct(LinalgEmitter &b, Op op) {
  int64_t parts = b.typeOf(op.getRows()).getDimSize(0), perPart = b.typeOf(op.getA()).getDimSize(0) / parts;
  Value out = b.empty({b.sizesOf(op.getA())[0], b.sizesOf(op.getB())[0]}, b.getF32Type());
  return b.loop(parts, out, [&](LinalgEmitter &e, Value part, ValueRange in) {
    Value first = arith::MulIOp::create(e, part, e.constIndex(perPart));
    Value wanted = e.toIndex(e.extract(op.getRows(), part));
    Value count = arith::MaxSIOp::create(e, arith::MinSIOp::create(e, wanted, e.constIndex(perPart)), e.constIndex(0));
    Value scales = op.getAScales() ? e.slice(op.getAScales(), 0, first, count) : Value();
    Value product = emitProduct(e, e.slice(op.getA(), 0, first, count), scales, op.getB(), op.getBScales());
    return SmallVector<Value>{e.insertSlice(product, in[0], 0, first)};
  })[0];
}

/// The results of a product from its f32 sums: rounded, or by the epilogue's program for each element.
template <typename Op> SmallVector<Value> emitResults(LinalgEmitter &b, Op op, Value sums) {
  if (!op.hasEpilogue())
    return {b.cast(sums, elementOf(op.getResult()))};
  const int64_t plain = op.plainColumns(), columns = b.typeOf(op.getResult()).getDimSize(1);
  Block &body = op.getEpilogue().front();
  auto columnsFrom = [&](int64_t first, int64_t count) {
    return b.slice(sums, 1, b.getIndexAttr(first), b.getIndexAttr(count));
  };
  SmallVector<Value> parts;
  for (int64_t part = 0; part < op.parts(); ++part)
    parts.push_back(columnsFrom(plain + part * columns, columns));
  Value result = b.elementwise(parts, elementOf(op.getResult()), [&](LinalgEmitter &e, ValueRange sums) {
    IRMapping map;
    map.map(body.getArguments(), sums);
    for (Operation &inner : body.without_terminator())
      e.clone(inner, map);
    return map.lookup(cast<EpilogueYieldOp>(body.back()).getValue());
  });
  SmallVector<Value> results = {result};
  if (op.getPlain())
    results.push_back(b.cast(columnsFrom(0, plain), elementOf(op.getPlain())));
  return results;
}

template <typename Op> SmallVector<Value> emitGemm(LinalgEmitter &b, Op op) {
  Value result;
  if (b.typeOf(op.getA()).getRank() == 3)
    result = b.headLinear(b.cast(op.getA(), b.getF32Type()), op.getB()); // all rows: `rows` only says which are wanted
  else if (op.getRows())
    result = emitLimitedProduct(b, op);
  else
    result = emitProduct(b, op.getA(), op.getAScales(), op.getB(), op.getBScales());
  return emitResults(b, op, result);
}

SmallVector<Value> emitGroupedGemm(LinalgEmitter &b, GroupedGemmOp op) {
  Value result;
  if (op.getAScales()) {
    ScaledTensor x{op.getA(), op.getAScales(), 1, scaleBlock}, w{op.getB(), op.getBScales(), scaleBlock, scaleBlock};
    result = emitGroupedProduct(b, x, op.getOffsets(), w);
  } else {
    result = emitGroupedProduct(b, b.cast(op.getA(), b.getF32Type()), op.getOffsets(), op.getB());
  }
  return emitResults(b, op, result);
}

SmallVector<Value> emitTranspose(LinalgEmitter &b, TransposeOp op) {
  int64_t rank = b.typeOf(op.getX()).getRank();
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(rank));
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  SmallVector<OpFoldResult> sizes = b.sizesOf(op.getX());
  std::swap(sizes[rank - 1], sizes[rank - 2]);
  Value out = b.empty(sizes, elementOf(op.getX()));
  return {linalg::TransposeOp::create(b, op.getX(), out, permutation).getResult()[0]};
}

SmallVector<Value> emitBlockQuantize(LinalgEmitter &b, BlockQuantizeOp op) {
  ScaledTensor scaled = b.quantize(op.getX(), scaleBlock, scaleBlock, op.getPowerOfTwo());
  return {scaled.data, scaled.scales};
}

} // namespace

void mlir::deepseek::kernel::populateMatmulToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<GemmOp>(patterns, emitGemm<GemmOp>);
  addEmitter<SkinnyGemmOp>(patterns, emitGemm<SkinnyGemmOp>);
  addEmitter<GroupedGemmOp>(patterns, emitGroupedGemm);
  addEmitter<TransposeOp>(patterns, emitTranspose);
  addEmitter<BlockQuantizeOp>(patterns, emitBlockQuantize);
}
