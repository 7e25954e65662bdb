// Routing and choosing: verifiers. The labels name the constraints in RouterOps.td.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/Verify.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

/// route_c1 to route_c3, for the operations that route `tokens` tokens to `experts` experts.
template <typename Op> static LogicalResult verifyRoute(Op op, int64_t tokens, int64_t experts) {
  // route_c1
  int64_t topK = op.getTopK();
  if ((op.getBias() && failed(expectShape(op, "bias", op.getBias(), {experts}))) ||
      failed(expectShape(op, "weights", op.getWeights(), {tokens, topK})) ||
      failed(expectShape(op, "indices", op.getIndices(), {tokens, topK})))
    return failure();
  // route_c2
  int64_t groups = op.getNGroup(), chosen = op.getTopkGroup();
  if (failed(expectDivides(op, "nGroup", groups, "the number of experts", experts)))
    return failure();
  if (chosen < 1 || chosen > groups)
    return op.emitOpError() << "topkGroup is " << chosen << ", expected 1 to " << groups;
  if (op.getGroup() == RouteGroup::Top2Sum && experts / groups < 2)
    return op.emitOpError() << "a group scored by its two best members has " << experts / groups << " member";
  // route_c3
  bool limited = groups > 1 && op.getGroup() != RouteGroup::None;
  int64_t eligible = limited ? chosen * (experts / groups) : experts;
  if (topK < 1 || topK > eligible)
    return op.emitOpError() << "topK is " << topK << ", expected 1 to " << eligible;
  return success();
}

template <typename Op> static LogicalResult verifyRoute(Op op) {
  if (failed(expectRank(op, "logits", op.getLogits(), 2)))
    return failure();
  return verifyRoute(op, shapeOf(op.getLogits())[0], shapeOf(op.getLogits())[1]);
}

/// The permutation of a routing operation that also sorts.
template <typename Op> static LogicalResult verifyPermutation(Op op, int64_t experts) {
  ArrayRef<int64_t> indices = shapeOf(op.getIndices());
  if (failed(expectShape(op, "offsets", op.getOffsets(), {experts + 1})) ||
      failed(expectShape(op, "row_of", op.getRowOf(), indices)))
    return failure();
  return expectShape(op, "token_of", op.getTokenOf(), {indices[0] * indices[1]});
}

LogicalResult RouteOp::verify() { return verifyRoute(*this); }

LogicalResult RouteTokensOp::verify() {
  // route_tokens_c1
  if (failed(verifyRoute(*this)))
    return failure();
  ArrayRef<int64_t> indices = shapeOf(getIndices());
  const int64_t rows = indices[0] * indices[1];
  if (failed(verifyPermutation(*this, shapeOf(getLogits())[1])))
    return failure();
  // route_tokens_c2
  if (getTables().size() != getGathered().size())
    return emitOpError() << "gathers from " << getTables().size() << " tables into " << getGathered().size()
                         << " results";
  for (auto [table, gathered] : llvm::zip(getTables(), getGathered())) {
    SmallVector<int64_t> expected(shapeOf(table));
    if (expected.empty() || expected.front() != indices[0])
      return emitOpError() << "a table has type " << table.getType() << ", expected a row for each of " << indices[0]
                           << " tokens";
    expected.front() = rows;
    if (failed(expectShape(*this, "gathered", gathered, expected)))
      return failure();
    if (elementOf(table) != elementOf(gathered))
      return emitOpError() << "gathers " << elementOf(table) << " into " << elementOf(gathered);
  }
  return success();
}

LogicalResult GateTokensOp::verify() {
  // gate_tokens_c1
  if (failed(expectRank(*this, "x", getX(), 2)) || failed(expectRank(*this, "gate", getGate(), 2)))
    return failure();
  const int64_t tokens = shapeOf(getX())[0], experts = shapeOf(getGate())[0];
  if (failed(expectShape(*this, "gate", getGate(), {experts, shapeOf(getX())[1]})) ||
      failed(expectElement(*this, "gate", getGate(), elementOf(getX()))))
    return failure();
  // gate_tokens_c2
  if (failed(verifyRoute(*this, tokens, experts)))
    return failure();
  return verifyPermutation(*this, experts);
}

LogicalResult SortTokensOp::verify() {
  // sort_tokens_c1
  if (failed(expectRank(*this, "indices", getIndices(), 2)))
    return failure();
  ArrayRef<int64_t> indices = shapeOf(getIndices());
  if (int64_t(getGroups()) < 1)
    return emitOpError() << "groups is " << int64_t(getGroups()) << ", expected a positive number";
  if (failed(expectShape(*this, "offsets", getOffsets(), {int64_t(getGroups()) + 1})) ||
      failed(expectShape(*this, "row_of", getRowOf(), indices)))
    return failure();
  return expectShape(*this, "token_of", getTokenOf(), {indices[0] * indices[1]});
}

LogicalResult SampleOp::verify() {
  // sample_c1
  if (failed(expectRank(*this, "logits", getLogits(), 2)))
    return failure();
  int64_t rows = shapeOf(getLogits())[0];
  std::pair<StringRef, Value> perRow[] = {
      {"temperature", getTemperature()}, {"top_k", getTopK()},   {"top_p", getTopP()}, {"seed", getSeed()},
      {"positions", getPositions()},     {"result", getResult()}};
  for (auto [name, value] : perRow)
    if (failed(expectShape(*this, name, value, {rows})))
      return failure();
  return success();
}

LogicalResult TopKOp::verify() {
  // top_k_c1
  if (failed(expectRank(*this, "x", getX(), 2)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX());
  int64_t k = getK();
  if (k < 1 || k > x[1])
    return emitOpError() << "k is " << k << ", expected 1 to " << x[1];
  if (failed(expectShape(*this, "values", getValues(), {x[0], k})))
    return failure();
  return expectShape(*this, "indices", getIndices(), {x[0], k});
}
