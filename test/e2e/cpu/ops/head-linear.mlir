// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// result[t, h, n] = sum_k x[t, h, k] * w[h, n, k], with f32 sums.

// CHECK: head_linear_f32.result0 f32 [2, 2, 3]
// CHECK-NEXT: 1 2 3
// CHECK-NEXT: 2 3.5 16
// CHECK-NEXT: -1 0.5 -0.5
// CHECK-NEXT: -2 1 8
func.func @head_linear_f32() -> tensor<2x2x3xf32> {
  %x = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[-1.0, 0.5], [0.0, 2.0]]]> : tensor<2x2x2xf32>
  %w = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[2.0, -1.0], [0.5, 0.5], [0.0, 4.0]]]> : tensor<2x3x2xbf16>
  %y = deepseek.head_linear %x, %w : tensor<2x2x2xf32>, tensor<2x3x2xbf16> -> tensor<2x2x3xf32>
  return %y : tensor<2x2x3xf32>
}

// CHECK: head_linear_bf16.result0 bf16 [1, 2, 1]
// CHECK-NEXT: 260
// CHECK-NEXT: 3
func.func @head_linear_bf16() -> tensor<1x2x1xbf16> {
  %x = arith.constant dense<[[[256.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.00390625]]]> : tensor<1x2x4xbf16>
  %w = arith.constant dense<1.0> : tensor<2x1x4xbf16>
  %y = deepseek.head_linear %x, %w : tensor<1x2x4xbf16>, tensor<2x1x4xbf16> -> tensor<1x2x1xbf16>
  return %y : tensor<1x2x1xbf16>
}
