// Linear operations: verifiers and folds.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult EmbeddingOp::verify() { return success(); }
LogicalResult TakeRowsOp::verify() { return success(); }
LogicalResult RmsNormOp::verify() { return success(); }
LogicalResult LayerNormOp::verify() { return success(); }
LogicalResult LinearOp::verify() { return success(); }
LogicalResult HeadLinearOp::verify() { return success(); }
LogicalResult SwigluOp::verify() { return success(); }
