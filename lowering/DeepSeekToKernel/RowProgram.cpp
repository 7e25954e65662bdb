// Builds kernel.row_fusion: inputs, roundings and results of a row program.
#include "lowering/DeepSeekToKernel/RowProgram.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::deepseek;

static RankedTensorType withElement(Value row, Type element) {
  return RankedTensorType::get(cast<RankedTensorType>(row.getType()).getShape(), element);
}

RowProgram::RowProgram(Lowering &lowering, Location loc, int64_t rows)
    : body(lowering.builder.getContext()), loc(loc), lowering(lowering), numRows(rows) {
  body.setInsertionPointToStart(&region.emplaceBlock());
}

Value RowProgram::addInput(Value value, bool isWhole) {
  auto [it, isNew] = arguments[isWhole].try_emplace(value);
  if (!isNew)
    return it->second;
  Type type = value.getType();
  if (isWhole)
    wholeInputs.push_back(inputs.size());
  else
    type = RankedTensorType::get(cast<RankedTensorType>(type).getShape().drop_front(),
                                 cast<RankedTensorType>(type).getElementType());
  inputs.push_back(value);
  return it->second = region.front().addArgument(type, value.getLoc());
}

Value RowProgram::row(Value value, int64_t rank) {
  if (auto it = rows.find(value); it != rows.end())
    return it->second.data;
  auto shape = cast<RankedTensorType>(value.getType()).getShape();
  SmallVector<int64_t> rowShape{numRows};
  llvm::append_range(rowShape, shape.take_back(rank));
  return addInput(lowering.reshape(loc, value, rowShape), /*isWhole=*/false);
}

Value RowProgram::rowF32(Value value, int64_t rank) { return toElement(row(value, rank), body.getF32Type()); }

ScaledPair RowProgram::scaledRow(Value value) {
  if (auto it = rows.find(value); it != rows.end())
    return it->second;
  ScaledPair pair = lowering.getScaled(value);
  return {row(pair.data, 1), row(pair.scales, 1)};
}

Value RowProgram::whole(Value value) { return addInput(value, /*isWhole=*/true); }

void RowProgram::defineRounded(Value value, Value row) {
  define(value, toElement(row, cast<RankedTensorType>(value.getType()).getElementType()));
}

kernel::RowFusionOp RowProgram::finish(ValueRange yielded, Value limit) {
  SmallVector<Type> types;
  for (Value row : yielded) {
    auto type = cast<RankedTensorType>(row.getType());
    SmallVector<int64_t> shape{numRows};
    llvm::append_range(shape, type.getShape());
    types.push_back(RankedTensorType::get(shape, type.getElementType()));
  }
  kernel::RowYieldOp::create(body, loc, yielded);
  auto fusion = kernel::RowFusionOp::create(lowering.builder, loc, types, inputs, limit, numRows, wholeInputs,
                                            /*schedule=*/nullptr);
  fusion.getBody().takeBody(region);
  return fusion;
}

void RowProgram::finishAndReplace(ValueRange results) {
  SmallVector<Value> yielded;
  for (Value result : results) {
    ScaledPair row = rows.lookup(result);
    yielded.push_back(row.data);
    if (row.scales)
      yielded.push_back(row.scales);
  }
  ValueRange fused = finish(yielded).getResults();
  for (Value result : results) {
    if (auto type = dyn_cast<BlockScaledType>(result.getType())) {
      lowering.replaceScaled(result, {lowering.reshape(loc, fused[0], type.getDataType().getShape()),
                                      lowering.reshape(loc, fused[1], type.getScaleType().getShape())});
      fused = fused.drop_front(2);
      continue;
    }
    auto shape = cast<RankedTensorType>(result.getType()).getShape();
    result.replaceAllUsesWith(lowering.reshape(loc, fused[0], shape));
    fused = fused.drop_front();
  }
}

Value RowProgram::toElement(Value row, Type element) {
  unsigned from = cast<RankedTensorType>(row.getType()).getElementTypeBitWidth(), to = element.getIntOrFloatBitWidth();
  if (cast<RankedTensorType>(row.getType()).getElementType() == element)
    return row;
  if (from == to) // bf16 and f16: through f32
    row = arith::ExtFOp::create(body, loc, withElement(row, body.getF32Type()), row);
  if (from < to)
    return arith::ExtFOp::create(body, loc, withElement(row, element), row);
  return arith::TruncFOp::create(body, loc, withElement(row, element), row);
}

Value RowProgram::constant(Type type, double value) {
  auto tensor = cast<RankedTensorType>(type);
  return arith::ConstantOp::create(body, loc,
                                   DenseElementsAttr::get(tensor, body.getFloatAttr(tensor.getElementType(), value)));
}

Value RowProgram::index(int64_t value) {
  auto type = RankedTensorType::get({}, body.getI32Type());
  return arith::ConstantOp::create(body, loc, DenseElementsAttr::get(type, body.getI32IntegerAttr(value)));
}

Value RowProgram::broadcast(Value scalar, Type type) { return kernel::RowBroadcastOp::create(body, loc, type, scalar); }

Value RowProgram::reduceMean(Value row) {
  auto scalar = RankedTensorType::get({}, body.getF32Type());
  Value sum = kernel::RowReduceOp::create(body, loc, scalar, kernel::RowReduceKind::Add, row);
  double size = cast<RankedTensorType>(row.getType()).getNumElements();
  return arith::DivFOp::create(body, loc, sum, constant(scalar, size));
}
