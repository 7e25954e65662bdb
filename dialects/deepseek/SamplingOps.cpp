// Sampling operations: verifiers and folds.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult ArgmaxOp::verify() { return success(); }
LogicalResult TopKOp::verify() { return success(); }
LogicalResult SampleOp::verify() { return success(); }
