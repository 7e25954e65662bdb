// The lowering of the deepseek dialect to linalg, by family of operations.
#pragma once

#include "dialects/deepseek/DeepSeekOps.h"
#include "lowering/ToLinalg/EmitPattern.h"

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

} // namespace mlir::deepseek
