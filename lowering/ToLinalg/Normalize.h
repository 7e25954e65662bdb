// Normalisation of the last dimension, in f32, rounded once to `element`.
#pragma once

#include "lowering/ToLinalg/LinalgEmitter.h"

namespace mlir::deepseek {
Value emitRmsNorm(LinalgEmitter &b, Value x, Value weight, double eps, Type element);
Value emitLayerNorm(LinalgEmitter &b, Value x, Value weight, Value bias, double eps, Type element);
} // namespace mlir::deepseek
