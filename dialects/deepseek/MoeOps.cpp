// Moe operations: verifiers and folds.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult MoeGateOp::verify() { return success(); }
LogicalResult MoeDispatchOp::verify() { return success(); }
LogicalResult GroupedLinearOp::verify() { return success(); }
LogicalResult MoeCombineOp::verify() { return success(); }
