// Projections and the work on their weights.
#include "lowering/DeepSeekToKernel/RowProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult mlir::deepseek::lowerLinear(LinearOp op, Lowering &lowering) {
  Value x = op.getX(), weight = op.getWeight(), xScales, weightScales;
  if (lowering.isScaled(x)) {
    ScaledPair a = lowering.getScaled(x), b = lowering.getScaled(weight);
    std::tie(x, xScales, weight, weightScales) = std::tuple(a.data, a.scales, b.data, b.scales);
  }
  op.replaceAllUsesWith(kernel::GemmOp::create(lowering.builder, op.getLoc(), op.getType(), x, weight, xScales,
                                               weightScales,
                                               /*rows=*/nullptr, /*schedule=*/nullptr)
                            .getResult());
  return success();
}

LogicalResult mlir::deepseek::lowerHeadLinear(HeadLinearOp op, Lowering &lowering) {
  op.replaceAllUsesWith(kernel::GemmOp::create(lowering.builder, op.getLoc(), op.getType(), op.getX(), op.getWeight(),
                                               /*aScales=*/nullptr, /*bScales=*/nullptr, /*rows=*/nullptr,
                                               /*schedule=*/nullptr)
                            .getResult());
  return success();
}

LogicalResult mlir::deepseek::lowerGroupedLinear(GroupedLinearOp op, Lowering &lowering) {
  Value rows = op.getRows(), weight = op.getWeight(), rowScales, weightScales;
  if (lowering.isScaled(rows)) {
    ScaledPair a = lowering.getScaled(rows), b = lowering.getScaled(weight);
    std::tie(rows, rowScales, weight, weightScales) = std::tuple(a.data, a.scales, b.data, b.scales);
  }
  op.replaceAllUsesWith(kernel::GroupedGemmOp::create(lowering.builder, op.getLoc(), op.getType(), rows,
                                                      op.getOffsets(), weight, rowScales, weightScales,
                                                      /*schedule=*/nullptr)
                            .getResult());
  return success();
}

LogicalResult mlir::deepseek::lowerQuantizeBlocks(QuantizeOp op, Lowering &lowering) {
  auto type = cast<BlockScaledType>(op.getResult().getType());
  auto quantized =
      kernel::BlockQuantizeOp::create(lowering.builder, op.getLoc(), type.getDataType(), type.getScaleType(), op.getX(),
                                      type.getScaleFormat() == ScaleFormat::UE8M0,
                                      /*schedule=*/nullptr);
  lowering.replaceScaled(op.getResult(), {quantized.getData(), quantized.getScales()});
  return success();
}

/// kv_b_proj as `[H, dn+dv, r]` of the wanted element type: dequantised or converted row by row where it has another.
static Value headWeights(Location loc, Value weight, int64_t perHead, Type element, Lowering &lowering) {
  auto scaled = dyn_cast<BlockScaledType>(weight.getType());
  if (scaled || cast<RankedTensorType>(weight.getType()).getElementType() != element) {
    int64_t rows = scaled ? scaled.getShape()[0] : cast<RankedTensorType>(weight.getType()).getDimSize(0);
    RowProgram program(lowering, loc, rows);
    Value row = scaled ? dequantizedRow(weight, program, lowering) : program.row(weight, 1);
    weight = program.finish(program.toElement(row, element)).getResult(0);
  }
  auto type = cast<RankedTensorType>(weight.getType());
  return lowering.reshape(loc, weight, {type.getDimSize(0) / perHead, perHead, type.getDimSize(1)});
}

/// Rows `from .. from + count` of each head.
static Value sliceHeads(Location loc, Value weights, int64_t from, int64_t count, OpBuilder &b) {
  auto type = cast<RankedTensorType>(weights.getType());
  SmallVector<OpFoldResult> offsets{b.getIndexAttr(0), b.getIndexAttr(from), b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(type.getDimSize(0)), b.getIndexAttr(count),
                                  b.getIndexAttr(type.getDimSize(2))};
  SmallVector<OpFoldResult> strides(3, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, loc, weights, offsets, sizes, strides);
}

LogicalResult mlir::deepseek::lowerAbsorbKey(AbsorbKeyOp op, Lowering &lowering) {
  int64_t nope = op.getNope(), value = op.getValue();
  Value heads = headWeights(op.getLoc(), op.getWeight(), nope + value, op.getType().getElementType(), lowering);
  Value keys = sliceHeads(op.getLoc(), heads, 0, nope, lowering.builder);
  op.replaceAllUsesWith(
      kernel::TransposeOp::create(lowering.builder, op.getLoc(), op.getType(), keys, /*schedule=*/nullptr).getResult());
  return success();
}

LogicalResult mlir::deepseek::lowerAbsorbValue(AbsorbValueOp op, Lowering &lowering) {
  int64_t nope = op.getNope(), value = op.getValue();
  Value heads = headWeights(op.getLoc(), op.getWeight(), nope + value, op.getType().getElementType(), lowering);
  op.getResult().replaceAllUsesWith(sliceHeads(op.getLoc(), heads, nope, value, lowering.builder));
  return success();
}
