// From logits to tokens: verifiers.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult ArgmaxOp::verify() {
  // argmax_c1
  if (failed(expectRank(*this, "x", getX().getType(), 2)))
    return failure();
  return expectShape(*this, "result", getType(), {shapeOf(getX().getType())[0]});
}

LogicalResult TopKOp::verify() {
  // top_k_c1
  if (failed(expectRank(*this, "x", getX().getType(), 2)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX().getType());
  const int64_t k = getK();
  if (k < 1 || k > x[1])
    return emitOpError() << "k must be in [1, " << x[1] << "], got " << k;
  // top_k_c2
  if (failed(expectShape(*this, "values", getValues().getType(), {x[0], k})))
    return failure();
  return expectShape(*this, "indices", getIndices().getType(), {x[0], k});
}

LogicalResult SampleOp::verify() {
  // sample_c1
  if (failed(expectRank(*this, "logits", getLogits().getType(), 2)))
    return failure();
  const int64_t rows = shapeOf(getLogits().getType())[0];
  // sample_c2
  for (auto [name, value] : std::initializer_list<std::pair<StringRef, Value>>{{"temperature", getTemperature()},
                                                                              {"top_k", getTopK()},
                                                                              {"top_p", getTopP()},
                                                                              {"seed", getSeed()},
                                                                              {"positions", getPositions()},
                                                                              {"result", getResult()}})
    if (failed(expectShape(*this, name, value.getType(), {rows})))
      return failure();
  return success();
}
