// Which values depend on parameters alone.
#include "passes/graph/ParameterOnly.h"
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace mlir::deepseek;

bool mlir::deepseek::isParameterView(Operation *op) {
  return isa<PackScaledOp, UnpackScaledOp, tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op);
}

bool mlir::deepseek::dependsOnParametersOnly(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<LoadParameterOp>(op))
    return true;
  return op->getNumOperands() > 0 && op->getNumRegions() == 0 && isPure(op) &&
         llvm::all_of(op->getOperands(), dependsOnParametersOnly);
}
