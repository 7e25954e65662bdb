// The lowering of the deepseek dialect to linalg, by family of operations.
#pragma once

#include "dialects/deepseek/DeepSeekOps.h"
#include "lowering/ToLinalg/LinalgEmitter.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::deepseek {

void populateLinearToLinalgPatterns(RewritePatternSet &patterns);
void populateMlaToLinalgPatterns(RewritePatternSet &patterns);
void populateMoeToLinalgPatterns(RewritePatternSet &patterns);
void populateParameterToLinalgPatterns(RewritePatternSet &patterns);
void populateQuantToLinalgPatterns(RewritePatternSet &patterns);
void populateSamplingToLinalgPatterns(RewritePatternSet &patterns);

/// Data and scales of a block-scaled value, through `deepseek.unpack_scaled`, which folds away.
ScaledTensor unpackScaled(LinalgEmitter &b, Value value);

/// Weights or activations, plain or block-scaled, as plain tensor; block-scaled ones are dequantised to f32.
Value plainTensor(LinalgEmitter &b, Value value);

/// x W^T in f32, for plain or block-scaled operands.
Value emitLinear(LinalgEmitter &b, Value x, Value weight);

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
