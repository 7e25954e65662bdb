// Attention operations: verifiers and folds.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult MlaDecodeOp::verify() { return success(); }
LogicalResult MlaCombineOp::verify() { return success(); }
LogicalResult CacheGatherOp::verify() { return success(); }
LogicalResult MlaPrefillOp::verify() { return success(); }
