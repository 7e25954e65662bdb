// Mixture of experts: gate, dispatch, expert projections, combine.
#include "lowering/ToLinalg/DeepSeekPatterns.h"
#include "lowering/ToLinalg/Experts.h"
#include "lowering/ToLinalg/Selection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::deepseek;

static SmallVector<Value> emitMoeGate(LinalgEmitter &b, MoeGateOp op) {
  RouteSpec spec;
  spec.topK = op.getTopK();
  spec.groups = op.getNGroup();
  spec.topGroups = op.getTopkGroup();
  spec.softmax = op.getScoring() == Scoring::Softmax;
  spec.groupScore = op.getGroupScore() == GroupScore::Max       ? RouteSpec::GroupScore::Max
                    : op.getGroupScore() == GroupScore::Top2Sum ? RouteSpec::GroupScore::Top2Sum
                                                                : RouteSpec::GroupScore::None;
  spec.normalize = op.getNormalize();
  spec.scale = op.getScale().convertToDouble();
  auto [weights, indices] = emitRoute(b, op.getLogits(), op.getBias(), spec);
  return {weights, indices};
}

static SmallVector<Value> emitDispatch(LinalgEmitter &b, MoeDispatchOp op) {
  SortedTokens sorted = emitSortTokens(b, op.getIndices(), op.getNumExperts());
  Value rows;
  if (auto scaled = dyn_cast<BlockScaledType>(op.getRows().getType())) {
    ScaledTensor x = unpackScaled(b, op.getX());
    Value data = b.gatherRows(x.data, sorted.tokenOf, b.typeOf(x.data).getElementType());
    rows = PackScaledOp::create(b, scaled, data, b.gatherRows(x.scales, sorted.tokenOf, b.getF32Type()));
  } else {
    rows = b.gatherRows(op.getX(), sorted.tokenOf, cast<RankedTensorType>(op.getRows().getType()).getElementType());
  }
  return {rows, sorted.offsets, sorted.rowOf};
}

static SmallVector<Value> emitGroupedLinear(LinalgEmitter &b, GroupedLinearOp op) {
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  if (!isa<BlockScaledType>(op.getWeight().getType()))
    return {
        b.cast(emitGroupedProduct(b, b.cast(op.getRows(), b.getF32Type()), op.getOffsets(), op.getWeight()), element)};
  return {b.cast(emitGroupedProduct(b, unpackScaled(b, op.getRows()), op.getOffsets(), unpackScaled(b, op.getWeight())),
                 element)};
}

static SmallVector<Value> emitCombineOp(LinalgEmitter &b, MoeCombineOp op) {
  Type element = cast<RankedTensorType>(op.getType()).getElementType();
  return {b.cast(emitCombine(b, op.getRows(), op.getRowOf(), op.getWeights()), element)};
}

/// Calls `product` for each group that has rows, with the group, its first row and their number; it gives the group's
/// part of the result.
static Value forGroups(LinalgEmitter &b, Value offsets, int64_t groups, Value result,
                       function_ref<Value(LinalgEmitter &, Value, Value, Value)> product) {
  return b.loop(groups, result, [&](LinalgEmitter &e, Value group, ValueRange in) {
    Value first = e.toIndex(e.extract(offsets, group));
    Value end = e.toIndex(e.extract(offsets, e.add(group, e.constIndex(1))));
    Value count = arith::SubIOp::create(e, end, first);
    Value used = e.cmpI(arith::CmpIPredicate::sgt, count, e.constIndex(0));
    return e.branch(
        used,
        [&](LinalgEmitter &f) {
          return SmallVector<Value>{f.insertSlice(product(f, group, first, count), in[0], 0, first)};
        },
        [&](LinalgEmitter &) { return SmallVector<Value>{in[0]}; });
  })[0];
}

Value mlir::deepseek::emitGroupedProduct(LinalgEmitter &b, Value rows, Value offsets, Value weights) {
  SmallVector<OpFoldResult> sizes{b.sizesOf(rows)[0], b.sizesOf(weights)[1]};
  return forGroups(b, offsets, b.typeOf(weights).getDimSize(0), b.empty(sizes, b.getF32Type()),
                   [&](LinalgEmitter &e, Value group, Value first, Value count) {
                     return e.linear(e.slice(rows, 0, first, count), e.row(weights, group));
                   });
}

Value mlir::deepseek::emitGroupedProduct(LinalgEmitter &b, const ScaledTensor &rows, Value offsets,
                                         const ScaledTensor &weights) {
  SmallVector<OpFoldResult> sizes{b.sizesOf(rows.data)[0], b.sizesOf(weights.data)[1]};
  return forGroups(b, offsets, b.typeOf(weights.data).getDimSize(0), b.empty(sizes, b.getF32Type()),
                   [&](LinalgEmitter &e, Value group, Value first, Value count) {
                     ScaledTensor x = rows, w = weights;
                     x.data = e.slice(rows.data, 0, first, count);
                     x.scales = e.slice(rows.scales, 0, first, count);
                     w.data = e.row(weights.data, group);
                     w.scales = e.row(weights.scales, group);
                     return e.scaledLinear(x, w);
                   });
}

Value mlir::deepseek::emitCombine(LinalgEmitter &b, Value rows, Value rowOf, Value weights) {
  using utils::IteratorType;
  // Loops (t, k, d): the sum runs in the order of k, the innermost loop along the row.
  SmallVector<AffineMap> maps{b.dimsMap(3, {0, 1}), b.dimsMap(3, {0, 1}), b.dimsMap(3, {0, 2})};
  Value init = b.zeros({b.sizesOf(rowOf)[0], b.sizesOf(rows)[1]}, b.getF32Type());
  return linalg::GenericOp::create(b, init.getType(), ValueRange{rowOf, weights}, init, maps,
                                   ArrayRef{IteratorType::parallel, IteratorType::reduction, IteratorType::parallel},
                                   [&](OpBuilder &nested, Location loc, ValueRange args) {
                                     LinalgEmitter e(loc, nested);
                                     Value value =
                                         e.toF32(e.extract(rows, {e.toIndex(args[0]), linalg::IndexOp::create(e, 2)}));
                                     Value term = arith::MulFOp::create(e, args[1], value);
                                     linalg::YieldOp::create(e, arith::AddFOp::create(e, args[2], term).getResult());
                                   })
      .getResult(0);
}

void mlir::deepseek::populateMoeToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<MoeGateOp>(patterns, emitMoeGate);
  addEmitter<MoeDispatchOp>(patterns, emitDispatch);
  addEmitter<GroupedLinearOp>(patterns, emitGroupedLinear);
  addEmitter<MoeCombineOp>(patterns, emitCombineOp);
}
