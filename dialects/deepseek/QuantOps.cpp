// Quant operations: verifiers and folds.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult QuantizeOp::verify() { return success(); }
LogicalResult DequantizeOp::verify() { return success(); }
LogicalResult PackScaledOp::verify() { return success(); }
LogicalResult UnpackScaledOp::verify() { return success(); }

LogicalResult UnpackScaledOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  auto pack = getX().getDefiningOp<PackScaledOp>();
  if (!pack)
    return failure();
  results.assign({pack.getData(), pack.getScales()});
  return success();
}
