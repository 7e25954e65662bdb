// Router operations: verifiers and folds.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult RouteOp::verify() { return success(); }
LogicalResult SortTokensOp::verify() { return success(); }
LogicalResult SampleOp::verify() { return success(); }
LogicalResult TopKOp::verify() { return success(); }
