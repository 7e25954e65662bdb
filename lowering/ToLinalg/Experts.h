// Products of grouped rows and the weighted sum of a token's rows.
#pragma once

#include "lowering/ToLinalg/LinalgEmitter.h"

namespace mlir::deepseek {
/// rows [M, K], offsets [E + 1] i32, weights [E, N, K] -> [M, N] f32.
Value emitGroupedProduct(LinalgEmitter &b, Value rows, Value offsets, Value weights);
Value emitGroupedProduct(LinalgEmitter &b, const ScaledTensor &rows, Value offsets, const ScaledTensor &weights);
/// sum over k of weights[t, k] * rows[rowOf[t, k]], f32.
Value emitCombine(LinalgEmitter &b, Value rows, Value rowOf, Value weights);
} // namespace mlir::deepseek
