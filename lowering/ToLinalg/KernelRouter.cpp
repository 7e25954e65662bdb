// Routing, sorting, choosing.
#include "lowering/ToLinalg/KernelPatterns.h"
#include "lowering/ToLinalg/Selection.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::kernel;

template <typename Op> static std::pair<Value, Value> emitRouting(LinalgEmitter &b, Op op, Value logits) {
  RouteSpec spec;
  spec.topK = op.getTopK();
  spec.groups = op.getNGroup();
  spec.topGroups = op.getTopkGroup();
  spec.softmax = op.getScore() == RouteScore::Softmax;
  spec.groupScore = op.getGroup() == RouteGroup::Max       ? RouteSpec::GroupScore::Max
                    : op.getGroup() == RouteGroup::Top2Sum ? RouteSpec::GroupScore::Top2Sum
                                                           : RouteSpec::GroupScore::None;
  spec.normalize = op.getNormalize();
  spec.scale = op.getScale().convertToDouble();
  return emitRoute(b, logits, op.getBias(), spec);
}

static SmallVector<Value> emitRouteOp(LinalgEmitter &b, RouteOp op) {
  auto [weights, indices] = emitRouting(b, op, op.getLogits());
  return {weights, indices};
}

static SmallVector<Value> emitRouteTokensOp(LinalgEmitter &b, RouteTokensOp op) {
  auto [weights, indices] = emitRouting(b, op, op.getLogits());
  SortedTokens sorted = emitSortTokens(b, indices, b.typeOf(op.getLogits()).getDimSize(1));
  SmallVector<Value> results{weights, indices, sorted.offsets, sorted.rowOf, sorted.tokenOf};
  for (Value table : op.getTables())
    results.push_back(b.gatherRows(table, sorted.tokenOf, b.typeOf(table).getElementType()));
  return results;
}

static SmallVector<Value> emitGateTokensOp(LinalgEmitter &b, GateTokensOp op) {
  Value logits = b.linear(b.cast(op.getX(), b.getF32Type()), op.getGate());
  auto [weights, indices] = emitRouting(b, op, logits);
  SortedTokens sorted = emitSortTokens(b, indices, b.typeOf(op.getGate()).getDimSize(0));
  return {weights, indices, sorted.offsets, sorted.rowOf, sorted.tokenOf};
}

static SmallVector<Value> emitSortTokensOp(LinalgEmitter &b, SortTokensOp op) {
  SortedTokens sorted = emitSortTokens(b, op.getIndices(), op.getGroups());
  return {sorted.offsets, sorted.rowOf, sorted.tokenOf};
}

static SmallVector<Value> emitSampleOp(LinalgEmitter &b, kernel::SampleOp op) {
  return {emitSample(
      b, {op.getLogits(), op.getTemperature(), op.getTopK(), op.getTopP(), op.getSeed(), op.getPositions()})};
}

static SmallVector<Value> emitTopKOp(LinalgEmitter &b, kernel::TopKOp op) {
  auto [values, indices] = emitTopK(b, op.getX(), op.getK());
  return {values, indices};
}

void mlir::deepseek::kernel::populateRouterToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<RouteOp>(patterns, emitRouteOp);
  addEmitter<RouteTokensOp>(patterns, emitRouteTokensOp);
  addEmitter<GateTokensOp>(patterns, emitGateTokensOp);
  addEmitter<SortTokensOp>(patterns, emitSortTokensOp);
  addEmitter<kernel::SampleOp>(patterns, emitSampleOp);
  addEmitter<kernel::TopKOp>(patterns, emitTopKOp);
}
