// The lowering of the kernel dialect to linalg, by family of operations.
#pragma once

#include "dialects/kernel/KernelOps.h"
#include "lowering/ToLinalg/EmitPattern.h"

namespace mlir::deepseek::kernel {

void populateMatmulToLinalgPatterns(RewritePatternSet &patterns);
void populateAttentionToLinalgPatterns(RewritePatternSet &patterns);
void populateRouterToLinalgPatterns(RewritePatternSet &patterns);
void populateRowToLinalgPatterns(RewritePatternSet &patterns);

inline Type elementOf(Value value) { return cast<ShapedType>(value.getType()).getElementType(); }

} // namespace mlir::deepseek::kernel
