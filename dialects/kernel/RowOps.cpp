// Row operations: verifiers and folds.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult RowFusionOp::verify() { return success(); }
