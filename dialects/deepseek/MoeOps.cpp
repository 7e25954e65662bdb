// Mixture of experts: verifiers.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult MoeGateOp::verify() {
  // moe_gate_c1
  if (failed(expectRank(*this, "logits", getLogits().getType(), 2)))
    return failure();
  const int64_t tokens = shapeOf(getLogits().getType())[0], experts = shapeOf(getLogits().getType())[1];
  const int64_t topK = getTopK(), groups = getNGroup(), kept = getTopkGroup();
  // moe_gate_c2
  if (topK < 1 || topK > experts)
    return emitOpError() << "topK must be in [1, " << experts << "], got " << topK;
  // moe_gate_c3
  if (groups < 1 || experts % groups != 0)
    return emitOpError() << "nGroup must divide the " << experts << " experts, got " << groups;
  if (kept < 1 || kept > groups)
    return emitOpError() << "topkGroup must be in [1, " << groups << "], got " << kept;
  // moe_gate_c4
  const bool limited = groups > 1 && getGroupScore() != GroupScore::None;
  if (limited && topK > kept * (experts / groups))
    return emitOpError() << "topK = " << topK << " is more than the " << kept * (experts / groups) << " experts of " << kept << " groups";
  if (limited && getGroupScore() == GroupScore::Top2Sum && experts / groups < 2)
    return emitOpError() << "top2_sum needs groups of at least 2 experts, got " << experts / groups;
  // moe_gate_c5
  if (getBias() && failed(expectShape(*this, "bias", getBias().getType(), {experts})))
    return failure();
  // moe_gate_c6
  if (failed(expectShape(*this, "weights", getWeights().getType(), {tokens, topK})))
    return failure();
  return expectShape(*this, "indices", getIndices().getType(), {tokens, topK});
}

LogicalResult MoeDispatchOp::verify() {
  // moe_dispatch_c1
  if (failed(expectRank(*this, "x", getX().getType(), 2)) || failed(expectRank(*this, "indices", getIndices().getType(), 2)))
    return failure();
  ArrayRef<int64_t> x = shapeOf(getX().getType()), indices = shapeOf(getIndices().getType());
  if (x[0] != indices[0])
    return emitOpError() << "x has " << x[0] << " tokens but indices has " << indices[0];
  if (int64_t(getNumExperts()) < 1)
    return emitOpError() << "numExperts must be positive, got " << int64_t(getNumExperts());
  // moe_dispatch_c2
  if (failed(expectShape(*this, "rows", getRows().getType(), {indices[0] * indices[1], x[1]})))
    return failure();
  if (isa<BlockScaledType>(getX().getType()) != isa<BlockScaledType>(getRows().getType()))
    return emitOpError() << "rows must be block-scaled exactly if x is, got " << getX().getType() << " and " << getRows().getType();
  if (auto scaled = dyn_cast<BlockScaledType>(getX().getType())) {
    auto rows = cast<BlockScaledType>(getRows().getType());
    if (scaled.getBlock() != ArrayRef<int64_t>{1, 128} || rows.getBlock() != scaled.getBlock() || rows.getScaleFormat() != scaled.getScaleFormat())
      return emitOpError() << "x and rows must be block-scaled 1x128 with one scale format, got " << getX().getType() << " and "
                           << getRows().getType();
  } else if (failed(expectElement(*this, "rows", getRows().getType(), elementTypeOf(getX().getType())))) {
    return failure();
  }
  // moe_dispatch_c3
  if (failed(expectShape(*this, "offsets", getOffsets().getType(), {int64_t(getNumExperts()) + 1})))
    return failure();
  return expectShape(*this, "row_of", getRowOf().getType(), indices);
}

LogicalResult GroupedLinearOp::verify() {
  Type rows = getRows().getType(), w = getWeight().getType();
  // grouped_linear_c1
  if (failed(expectRank(*this, "rows", rows, 2)) || failed(expectRank(*this, "weight", w, 3)))
    return failure();
  if (shapeOf(rows)[1] != shapeOf(w)[2])
    return emitOpError() << "rows have " << shapeOf(rows)[1] << " input features but the weight expects " << shapeOf(w)[2];
  // grouped_linear_c2
  if (failed(expectShape(*this, "offsets", getOffsets().getType(), {shapeOf(w)[0] + 1})))
    return failure();
  // grouped_linear_c3
  if (failed(expectShape(*this, "result", getType(), {shapeOf(rows)[0], shapeOf(w)[1]})))
    return failure();
  // grouped_linear_c4
  return verifyScaledPair(*this, rows, w);
}

LogicalResult MoeCombineOp::verify() {
  // moe_combine_c1
  if (failed(expectRank(*this, "rows", getRows().getType(), 2)) || failed(expectRank(*this, "row_of", getRowOf().getType(), 2)))
    return failure();
  ArrayRef<int64_t> rows = shapeOf(getRows().getType()), rowOf = shapeOf(getRowOf().getType());
  if (rows[0] != rowOf[0] * rowOf[1])
    return emitOpError() << "rows must be one for each of the " << rowOf[0] * rowOf[1] << " (token, choice) pairs, got " << rows[0];
  // moe_combine_c2
  if (failed(expectShape(*this, "weights", getWeights().getType(), rowOf)))
    return failure();
  return expectShape(*this, "result", getType(), {rowOf[0], rows[1]});
}
