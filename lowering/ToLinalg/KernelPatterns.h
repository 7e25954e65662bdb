// The lowering of the kernel dialect to linalg, by family of operations.
#pragma once

#include "dialects/kernel/KernelOps.h"
#include "lowering/ToLinalg/LinalgEmitter.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::deepseek::kernel {

void populateMatmulToLinalgPatterns(RewritePatternSet &patterns);
void populateAttentionToLinalgPatterns(RewritePatternSet &patterns);
void populateRouterToLinalgPatterns(RewritePatternSet &patterns);
void populateRowToLinalgPatterns(RewritePatternSet &patterns);

inline Type elementOf(Value value) { return cast<ShapedType>(value.getType()).getElementType(); }

/// A pattern from a function that emits the results of `Op`.
template <typename Op> struct EmitKernelPattern : public OpRewritePattern<Op> {
  using Emit = SmallVector<Value> (*)(LinalgEmitter &, Op);
  EmitKernelPattern(MLIRContext *context, Emit emit) : OpRewritePattern<Op>(context), emit(emit) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    LinalgEmitter emitter(op.getLoc(), rewriter);
    rewriter.replaceOp(op, emit(emitter, op));
    return success();
  }
  Emit emit;
};

template <typename Op> void addEmitter(RewritePatternSet &patterns, typename EmitKernelPattern<Op>::Emit emit) {
  patterns.add<EmitKernelPattern<Op>>(patterns.getContext(), emit);
}

} // namespace mlir::deepseek::kernel
