// Comm operations: verifiers and folds.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult AllReduceOp::verify() { return success(); }
LogicalResult AllReduceStartOp::verify() { return success(); }
LogicalResult AllGatherOp::verify() { return success(); }
LogicalResult AllGatherStartOp::verify() { return success(); }
LogicalResult ReduceScatterOp::verify() { return success(); }
LogicalResult ReduceScatterStartOp::verify() { return success(); }
LogicalResult AllToAllOp::verify() { return success(); }
LogicalResult AllToAllStartOp::verify() { return success(); }
LogicalResult WaitOp::verify() { return success(); }
