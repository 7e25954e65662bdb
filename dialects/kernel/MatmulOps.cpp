// Matmul operations: verifiers and folds.
#include "dialects/kernel/KernelOps.h"

using namespace mlir;
using namespace mlir::deepseek::kernel;

LogicalResult GemmOp::verify() { return success(); }
LogicalResult SkinnyGemmOp::verify() { return success(); }
LogicalResult GroupedGemmOp::verify() { return success(); }
LogicalResult TransposeOp::verify() { return success(); }
