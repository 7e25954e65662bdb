// What the parts of the deepseek -> kernel lowering share. Private to this folder.
#pragma once

#include "dialects/deepseek/DeepSeekOps.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"

namespace mlir::deepseek {

/// Below this level a block-scaled value is a pair of tensors.
struct ScaledPair {
  Value data, scales;
};

/// The state of one function's lowering. Every operation is lowered in program order, right before itself: plain
/// results are replaced at once, block-scaled ones are remembered here for the operations that read them.
class Lowering {
public:
  explicit Lowering(MLIRContext *context) : builder(context) {}

  void replaceScaled(Value value, ScaledPair pair) { scaled[value] = pair; }
  bool isScaled(Value value) const { return isa<BlockScaledType>(value.getType()); }
  /// The pair that a block-scaled value became. Every producer of such values is lowered before its users.
  ScaledPair getScaled(Value value) const { return scaled.lookup(value); }

  /// `value` viewed with another shape of as many elements (collapse and expand only, never a copy).
  Value reshape(Location loc, Value value, ArrayRef<int64_t> shape);
  /// The cache memref behind a latent cache.
  Value cacheMemRef(Location loc, Value cache);

  OpBuilder builder;

private:
  llvm::DenseMap<Value, ScaledPair> scaled;
};

/// Lowers a single operation to kernels and views; an error says why it has none.
LogicalResult lowerOperation(Operation *op, Lowering &lowering);

LogicalResult lowerLinear(LinearOp op, Lowering &lowering);
LogicalResult lowerHeadLinear(HeadLinearOp op, Lowering &lowering);
LogicalResult lowerGroupedLinear(GroupedLinearOp op, Lowering &lowering);
LogicalResult lowerQuantizeBlocks(QuantizeOp op, Lowering &lowering);
LogicalResult lowerAbsorbKey(AbsorbKeyOp op, Lowering &lowering);
LogicalResult lowerAbsorbValue(AbsorbValueOp op, Lowering &lowering);
LogicalResult lowerMla(MlaOp op, Lowering &lowering);
LogicalResult lowerMlaAbsorbed(MlaAbsorbedOp op, Lowering &lowering);
LogicalResult lowerMoeGate(MoeGateOp op, Lowering &lowering);
LogicalResult lowerMoeDispatch(MoeDispatchOp op, Lowering &lowering);

} // namespace mlir::deepseek
