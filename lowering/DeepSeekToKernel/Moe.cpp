// Mixture of experts: the gate's choice, and sorting tokens by expert.
#include "lowering/DeepSeekToKernel/RowProgram.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult mlir::deepseek::lowerMoeGate(MoeGateOp op, Lowering &lowering) {
  auto score = op.getScoring() == Scoring::Softmax ? kernel::RouteScore::Softmax : kernel::RouteScore::Sigmoid;
  auto group = op.getGroupScore() == GroupScore::None  ? kernel::RouteGroup::None
               : op.getGroupScore() == GroupScore::Max ? kernel::RouteGroup::Max
                                                       : kernel::RouteGroup::Top2Sum;
  auto route =
      kernel::RouteOp::create(lowering.builder, op.getLoc(), op.getWeights().getType(), op.getIndices().getType(),
                              op.getLogits(), op.getBias(), op.getTopK(), op.getNGroup(), op.getTopkGroup(), score,
                              group, op.getNormalize(), op.getScale(), /*schedule=*/nullptr);
  op.replaceAllUsesWith(route.getResults());
  return success();
}

LogicalResult mlir::deepseek::lowerMoeDispatch(MoeDispatchOp op, Lowering &lowering) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  ArrayRef<int64_t> indices = cast<RankedTensorType>(op.getIndices().getType()).getShape();
  int64_t rows = indices[0] * indices[1];
  auto sort =
      kernel::SortTokensOp::create(b, loc, op.getOffsets().getType(), op.getRowOf().getType(),
                                   RankedTensorType::get({rows}, b.getI32Type()), op.getIndices(), op.getNumExperts(),
                                   /*schedule=*/nullptr);
  RowProgram program(lowering, loc, rows);
  Value token = program.row(sort.getTokenOf(), 0);
  auto gather = [&](Value table) -> Value {
    auto type = cast<RankedTensorType>(table.getType());
    return kernel::RowGatherOp::create(program.body, loc,
                                       RankedTensorType::get(type.getShape().drop_front(), type.getElementType()),
                                       program.whole(table), token);
  };
  if (lowering.isScaled(op.getX())) {
    ScaledPair pair = lowering.getScaled(op.getX());
    program.defineScaled(op.getRows(), {gather(pair.data), gather(pair.scales)});
  } else {
    program.define(op.getRows(), gather(op.getX()));
  }
  program.finishAndReplace(op.getRows());
  op.getOffsets().replaceAllUsesWith(sort.getOffsets());
  op.getRowOf().replaceAllUsesWith(sort.getRowOf());
  return success();
}
