// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// result[t] = sum_k weights[t, k] * rows[rowOf[t, k]], in f32 in the order of k, rounded once.

// CHECK: combine_f32.result0 f32 [2, 2]
// CHECK-NEXT: 2.75 3.5
// CHECK-NEXT: -1 0
func.func @combine_f32() -> tensor<2x2xf32> {
  %rows = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]> : tensor<4x2xf32>
  %where = arith.constant dense<[[2, 0], [3, 1]]> : tensor<2x2xi32>
  %weights = arith.constant dense<[[0.5, 0.25], [-1.0, 2.0]]> : tensor<2x2xf32>
  %y = deepseek.moe_combine %rows, %where, %weights : tensor<4x2xf32>, tensor<2x2xi32>, tensor<2x2xf32> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// 256 + 1 + 1 + 1 = 260 in bf16, once.
// CHECK: combine_bf16.result0 bf16 [1, 1]
// CHECK-NEXT: 260
func.func @combine_bf16() -> tensor<1x1xbf16> {
  %rows = arith.constant dense<[[256.0], [1.0], [1.0], [1.0]]> : tensor<4x1xbf16>
  %where = arith.constant dense<[[0, 1, 2, 3]]> : tensor<1x4xi32>
  %weights = arith.constant dense<1.0> : tensor<1x4xf32>
  %y = deepseek.moe_combine %rows, %where, %weights : tensor<4x1xbf16>, tensor<1x4xi32>, tensor<1x4xf32> -> tensor<1x1xbf16>
  return %y : tensor<1x1xbf16>
}
