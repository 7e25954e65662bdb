// Row fusion: verifiers. The labels name the constraints in RowOps.td.
#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/Verify.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

/// What the body sees of an input or yields for a result: the type without its leading dimension.
static RankedTensorType rowType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape().drop_front(), tensor.getElementType());
}

static LogicalResult verifyInputs(RowFusionOp op) {
  // row_fusion_c1
  int64_t rows = op.getRows(), last = -1;
  if (rows <= 0)
    return op.emitOpError() << "rows is " << rows << ", expected a positive number";
  for (int64_t index : op.getWhole()) {
    if (index <= last || index >= int64_t(op.getInputs().size()))
      return op.emitOpError() << "whole must list inputs 0 to " << op.getInputs().size()
                              << " (exclusive) in increasing order, got " << index;
    last = index;
  }
  // row_fusion_c3
  Block &body = op.getBody().front();
  if (body.getNumArguments() != op.getInputs().size())
    return op.emitOpError() << "has " << op.getInputs().size() << " inputs, but its body has " << body.getNumArguments()
                            << " arguments";
  for (auto [index, input, argument] : llvm::enumerate(op.getInputs(), body.getArguments())) {
    Type expected = input.getType();
    if (!op.isWhole(index)) {
      // row_fusion_c2
      auto tensor = dyn_cast<RankedTensorType>(input.getType());
      if (!tensor || tensor.getRank() < 1 || tensor.getShape()[0] != rows)
        return op.emitOpError() << "input " << index << " is not whole, so its leading dimension must be " << rows
                                << ", got " << input.getType();
      expected = rowType(tensor);
    }
    if (argument.getType() != expected)
      return op.emitOpError() << "argument " << index << " of the body is " << argument.getType() << ", expected "
                              << expected;
  }
  return success();
}

LogicalResult RowFusionOp::verify() {
  if (failed(verifyInputs(*this)))
    return failure();
  // row_fusion_c4
  auto yield = dyn_cast<RowYieldOp>(getBody().front().back());
  if (!yield)
    return emitOpError() << "the body must end with kernel.row_yield";
  if (yield.getValues().size() != getNumResults())
    return emitOpError() << "has " << getNumResults() << " results, but its body yields " << yield.getValues().size();
  for (auto [index, value, result] : llvm::enumerate(yield.getValues(), getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    if (type.getRank() < 1 || type.getShape()[0] != int64_t(getRows()) || rowType(type) != value.getType()) {
      InFlightDiagnostic diag = emitOpError() << "result " << index << " is " << type << ", which is not " << getRows()
                                              << " rows of " << value.getType();
      diag.attachNote(yield.getLoc()) << "yielded here";
      return diag;
    }
  }
  // row_fusion_c5
  if (getLimit() && (failed(expectRank(*this, "limit", getLimit(), 1)) ||
                     failed(expectDivides(*this, "the size of limit", shapeOf(getLimit())[0], "rows", getRows()))))
    return failure();
  // row_fusion_c6
  for (Operation &op : getBody().front()) {
    Dialect *dialect = op.getDialect();
    if (isa_and_nonnull<arith::ArithDialect, math::MathDialect>(dialect) ||
        (op.getName().getStringRef().starts_with("kernel.row_") && !isa<RowFusionOp>(op)))
      continue;
    InFlightDiagnostic diag = emitOpError() << "a row program cannot hold '" << op.getName() << "'";
    diag.attachNote(op.getLoc()) << "held here";
    return diag;
  }
  return success();
}

LogicalResult RowIndexOp::verify() {
  // row_index_c1
  return expectRank(*this, "result", getResult(), 0);
}

LogicalResult RowReduceOp::verify() {
  // row_reduce_c1
  return expectRank(*this, "result", getResult(), 0);
}

LogicalResult RowBroadcastOp::verify() {
  // row_broadcast_c1
  return expectRank(*this, "x", getX(), 0);
}

LogicalResult RowExtractOp::verify() {
  // row_extract_c1
  if (failed(expectRank(*this, "x", getX(), 1)) || failed(expectRank(*this, "result", getResult(), 0)) ||
      failed(expectElement(*this, "result", getResult(), elementOf(getX()))))
    return failure();
  // row_extract_c2
  int64_t size = shapeOf(getX())[0], index = getIndex();
  if (index < 0 || index >= size)
    return emitOpError() << "index is " << index << ", expected 0 to " << size - 1;
  return success();
}

LogicalResult RowGatherOp::verify() {
  // row_gather_c1
  auto table = cast<RankedTensorType>(getTable().getType());
  if (table.getRank() < 1 || getResult().getType() != rowType(table))
    return emitOpError() << "a row of " << table << " is not " << getResult().getType();
  // row_gather_c2
  return expectRank(*this, "index", getIndex(), 0);
}

LogicalResult RowQuantizeOp::verify() {
  // row_quantize_c1
  if (failed(expectRank(*this, "x", getX(), 1)))
    return failure();
  int64_t width = shapeOf(getX())[0];
  if (failed(expectShape(*this, "data", getData(), {width})))
    return failure();
  return expectShape(*this, "scales", getScales(), {scaleBlocks(width)});
}

LogicalResult RowDequantizeOp::verify() {
  // row_dequantize_c1
  if (failed(expectRank(*this, "data", getData(), 1)))
    return failure();
  int64_t width = shapeOf(getData())[0];
  if (failed(expectShape(*this, "scales", getScales(), {scaleBlocks(width)})))
    return failure();
  return expectShape(*this, "result", getResult(), {width});
}

LogicalResult RowAnglesOp::verify() {
  // row_angles_c1
  if (failed(expectRank(*this, "position", getPosition(), 0)))
    return failure();
  return expectShape(*this, "result", getResult(), {int64_t(getFrequencies().size()), 2});
}

LogicalResult RowRopeOp::verify() {
  // row_rope_c1
  ArrayRef<int64_t> x = shapeOf(getX());
  if (x.size() != 1 && x.size() != 2)
    return emitOpError() << "x has " << x.size() << " dimensions, expected 1 or 2";
  if (x.back() % 2 != 0)
    return emitOpError() << "x has rows of " << x.back() << " elements, expected an even number";
  if (failed(expectShape(*this, "angles", getAngles(), {x.back() / 2, 2})))
    return failure();
  return expectShape(*this, "result", getResult(), x);
}

LogicalResult RowCacheStoreOp::verify() {
  if (failed(expectRank(*this, "latent", getLatent(), 1)) || failed(expectRank(*this, "key", getKey(), 1)))
    return failure();
  // row_cache_store_c1, row_cache_store_c2
  if (failed(verifyCache(*this, getCache(), getLayer(), shapeOf(getLatent())[0] + shapeOf(getKey())[0])) ||
      failed(expectElement(*this, "latent", getLatent(), elementOf(getCache()))) ||
      failed(expectElement(*this, "key", getKey(), elementOf(getCache()))))
    return failure();
  // row_cache_store_c3
  if (failed(expectRank(*this, "position", getPosition(), 0)) ||
      failed(expectRank(*this, "block table", getBlockTable(), 2)))
    return failure();
  return expectDivides(*this, "the number of sequences", shapeOf(getBlockTable())[0], "rows",
                       (*this)->getParentOfType<RowFusionOp>().getRows());
}
