// FP8 block scaling: verifiers and folds.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult QuantizeOp::verify() {
  auto type = cast<BlockScaledType>(getType());
  // quantize_c1
  if (failed(expectShape(*this, "result", type, shapeOf(getX().getType()))))
    return failure();
  // quantize_c2
  ArrayRef<int64_t> block = type.getBlock();
  if (block[1] != 128 || (block[0] != 1 && block[0] != 128))
    return emitOpError() << "the block must be 1x128 or 128x128, got " << block[0] << "x" << block[1];
  return success();
}

LogicalResult DequantizeOp::verify() {
  // dequantize_c1
  return expectShape(*this, "result", getType(), shapeOf(getX().getType()));
}

/// Data and scales as the block-scaled type says.
static LogicalResult verifyParts(Operation *op, BlockScaledType type, Type data, Type scales) {
  // pack_scaled_c1, unpack_scaled_c1
  if (data != type.getDataType())
    return op->emitOpError() << "data must be " << type.getDataType() << ", got " << data;
  // pack_scaled_c2, unpack_scaled_c2
  if (scales != type.getScaleType())
    return op->emitOpError() << "scales must be " << type.getScaleType() << ", got " << scales;
  return success();
}

LogicalResult PackScaledOp::verify() {
  return verifyParts(*this, cast<BlockScaledType>(getType()), getData().getType(), getScales().getType());
}

LogicalResult UnpackScaledOp::verify() {
  return verifyParts(*this, cast<BlockScaledType>(getX().getType()), getData().getType(), getScales().getType());
}

LogicalResult UnpackScaledOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  auto pack = getX().getDefiningOp<PackScaledOp>();
  if (!pack)
    return failure();
  results.assign({pack.getData(), pack.getScales()});
  return success();
}
