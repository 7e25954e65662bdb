// mma.sync: matrix products of one warp, operands in registers.
#pragma once

#include "lowering/hopper/blocks/KernelBuilder.h"

namespace mlir::deepseek::hopper {

/// D (16x8, four f32) = A (16x16, four i32) B (16x8, two i32) + C. `element` is bf16 or f16. Fragments, with g = lane /
/// 4, t = lane % 4, two elements to an i32: A[0] row g, columns 2t and 2t+1; A[1] row g + 8; A[2], A[3] as A[0], A[1]
/// with columns + 8. B[0] rows (k) 2t and 2t+1 of column g; B[1] rows + 8. D[0], D[1] row g, columns 2t and 2t+1; D[2],
/// D[3] row g + 8.
Values mma16816(KernelBuilder &k, Type element, ValueRange a, ValueRange b, ValueRange c);

} // namespace mlir::deepseek::hopper
