// What the verifiers of the deepseek dialect share.
#include "dialects/deepseek/Verify.h"

using namespace mlir;
using namespace mlir::deepseek;

static std::string text(ArrayRef<int64_t> shape) {
  std::string out;
  for (int64_t dim : shape)
    out += (out.empty() ? "" : "x") + std::to_string(dim);
  return out.empty() ? "a scalar" : out;
}

ArrayRef<int64_t> mlir::deepseek::shapeOf(Type type) {
  if (auto scaled = dyn_cast<BlockScaledType>(type))
    return scaled.getShape();
  return cast<RankedTensorType>(type).getShape();
}

Type mlir::deepseek::elementTypeOf(Type type) {
  if (auto scaled = dyn_cast<BlockScaledType>(type))
    return scaled.getElementType();
  return cast<RankedTensorType>(type).getElementType();
}

LogicalResult mlir::deepseek::expectShape(Operation *op, StringRef what, Type type, ArrayRef<int64_t> expected) {
  if (shapeOf(type) == expected)
    return success();
  return op->emitOpError() << what << " must be " << text(expected) << ", got " << text(shapeOf(type));
}

LogicalResult mlir::deepseek::expectRank(Operation *op, StringRef what, Type type, int64_t rank) {
  ArrayRef<int64_t> shape = shapeOf(type);
  if (int64_t(shape.size()) == rank)
    return success();
  return op->emitOpError() << what << " must have rank " << rank << ", got " << shape.size() << " (" << text(shape) << ")";
}

LogicalResult mlir::deepseek::expectElement(Operation *op, StringRef what, Type type, Type expected) {
  if (elementTypeOf(type) == expected)
    return success();
  return op->emitOpError() << what << " must have element type " << expected << ", got " << elementTypeOf(type);
}

LogicalResult mlir::deepseek::verifyScaledPair(Operation *op, Type input, Type weight) {
  auto x = dyn_cast<BlockScaledType>(input), w = dyn_cast<BlockScaledType>(weight);
  if (bool(x) != bool(w))
    return op->emitOpError() << "input and weight must both be block-scaled or both plain, got " << input << " and " << weight;
  if (!x)
    return success();
  if (x.getScaleFormat() != w.getScaleFormat())
    return op->emitOpError() << "scale formats must agree, got " << stringifyScaleFormat(x.getScaleFormat()) << " for the input and "
                             << stringifyScaleFormat(w.getScaleFormat()) << " for the weight";
  if (x.getBlock() != ArrayRef<int64_t>{1, 128} || w.getBlock() != ArrayRef<int64_t>{128, 128})
    return op->emitOpError() << "blocks must be 1x128 for the input and 128x128 for the weight, got " << text(x.getBlock()) << " and "
                             << text(w.getBlock());
  return success();
}

LogicalResult mlir::deepseek::verifySequences(Operation *op, Type positions, Type blockTable, int64_t tokens) {
  if (failed(expectShape(op, "positions", positions, {tokens})) || failed(expectRank(op, "block_table", blockTable, 2)))
    return failure();
  int64_t sequences = shapeOf(blockTable)[0];
  if (sequences < 1 || tokens % sequences != 0)
    return op->emitOpError() << "rows of the block table must divide the " << tokens << " tokens, got " << sequences;
  return success();
}
