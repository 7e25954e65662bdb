// The views of a matrix product's operands, and its epilogue.
#include "lowering/hopper/Product.h"
#include "lowering/hopper/RowProgram.h"
#include "lowering/hopper/blocks/Convert.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

LogicalResult ProductViews::assign(const ProductOperands &operands) {
  scaled = static_cast<bool>(operands.aScales);
  epilogue = operands.epilogue;
  const std::pair<Value, DeviceView *> views[] = {{operands.a, &a},
                                                  {operands.b, &b},
                                                  {operands.d, &d},
                                                  {operands.plain, &plain},
                                                  {operands.aScales, &aScales},
                                                  {operands.bScales, &bScales}};
  for (auto [value, view] : views) {
    if (!value)
      continue;
    FailureOr<DeviceView> found = getDeviceView(value);
    if (failed(found))
      return failure();
    *view = *found;
  }
  if (!epilogue)
    return success();
  for (Operation &op : epilogue->front().without_terminator())
    if (!isa<arith::ConstantOp>(op) && !isRowElementwise(&op))
      return op.emitError("this operation cannot be part of an epilogue");
  return success();
}

Value hopper::emitEpilogue(KernelBuilder &k, Region &epilogue, ValueRange sums) {
  IRMapping map;
  map.map(epilogue.getArguments(), sums);
  for (Operation &op : epilogue.front().without_terminator()) {
    Values operands;
    for (Value operand : op.getOperands())
      operands.push_back(map.lookup(operand));
    Value result = isa<arith::TruncFOp>(op) ? fromF32(k, operands[0], op.getResult(0).getType())
                   : isa<arith::ExtFOp>(op) ? toF32(k, operands[0])
                                            : emitRowFunction(k, &op, operands, /*exact=*/false);
    map.map(op.getResult(0), result ? result : k.b.clone(op, map)->getResult(0));
  }
  return map.lookup(epilogue.front().back().getOperand(0));
}
