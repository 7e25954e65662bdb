// Routing and choosing: verifiers. The labels name the constraints in RouterOps.td.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/Verify.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult RouteOp::verify() {
  // route_c1
  if (failed(expectRank(*this, "logits", getLogits(), 2)))
    return failure();
  int64_t tokens = shapeOf(getLogits())[0], experts = shapeOf(getLogits())[1];
  if ((getBias() && failed(expectShape(*this, "bias", getBias(), {experts}))) ||
      failed(expectShape(*this, "weights", getWeights(), {tokens, int64_t(getTopK())})) ||
      failed(expectShape(*this, "indices", getIndices(), {tokens, int64_t(getTopK())})))
    return failure();
  // route_c2
  int64_t groups = getNGroup(), chosen = getTopkGroup();
  if (failed(expectDivides(*this, "nGroup", groups, "the number of experts", experts)))
    return failure();
  if (chosen < 1 || chosen > groups)
    return emitOpError() << "topkGroup is " << chosen << ", expected 1 to " << groups;
  if (getGroup() == RouteGroup::Top2Sum && experts / groups < 2)
    return emitOpError() << "a group scored by its two best members has " << experts / groups << " member";
  // route_c3
  bool limited = groups > 1 && getGroup() != RouteGroup::None;
  int64_t eligible = limited ? chosen * (experts / groups) : experts;
  if (int64_t(getTopK()) < 1 || int64_t(getTopK()) > eligible)
    return emitOpError() << "topK is " << int64_t(getTopK()) << ", expected 1 to " << eligible;
  return success();
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
