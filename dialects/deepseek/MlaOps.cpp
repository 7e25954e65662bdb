// Mla operations: verifiers and folds.
#include "dialects/deepseek/DeepSeekOps.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult RopeAnglesOp::verify() { return success(); }
LogicalResult RopeOp::verify() { return success(); }
LogicalResult LatentCacheAppendOp::verify() { return success(); }
LogicalResult MlaOp::verify() { return success(); }
LogicalResult MlaAbsorbedOp::verify() { return success(); }
