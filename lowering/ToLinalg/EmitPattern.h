// Rewrite patterns from functions that emit what replaces one operation; both dialects are lowered with them.
#pragma once

#include "lowering/ToLinalg/LinalgEmitter.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::deepseek {

/// A pattern from a function that emits the results of `Op`.
template <typename Op> struct EmitPattern : public OpRewritePattern<Op> {
  using Emit = SmallVector<Value> (*)(LinalgEmitter &, Op);
  EmitPattern(MLIRContext *context, Emit emit) : OpRewritePattern<Op>(context), emit(emit) {}
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    LinalgEmitter emitter(op.getLoc(), rewriter);
    rewriter.replaceOp(op, emit(emitter, op));
    return success();
  }
  Emit emit;
};

template <typename Op> void addEmitter(RewritePatternSet &patterns, typename EmitPattern<Op>::Emit emit) {
  patterns.add<EmitPattern<Op>>(patterns.getContext(), emit);
}

} // namespace mlir::deepseek
