// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// The k largest, best first; the lower index wins a tie.

// CHECK: top_k_rows.result0 f32 [3, 3]
// CHECK-NEXT: 5 4 3
// CHECK-NEXT: 7 2 2
// CHECK-NEXT: -1 -3 -inf
// CHECK-NEXT: top_k_rows.result1 i32 [3, 3]
// CHECK-NEXT: 1 3 2
// CHECK-NEXT: 1 0 2
// CHECK-NEXT: 0 2 1
func.func @top_k_rows() -> (tensor<3x3xf32>, tensor<3x3xi32>) {
  %x = arith.constant dense<[[1.0, 5.0, 3.0, 4.0], [2.0, 7.0, 2.0, 2.0], [-1.0, 0xFF800000, -3.0, 0xFF800000]]> : tensor<3x4xf32>
  %v, %i = deepseek.top_k %x k 3 : tensor<3x4xf32> -> tensor<3x3xf32>, tensor<3x3xi32>
  return %v, %i : tensor<3x3xf32>, tensor<3x3xi32>
}

// All of them: a sort.
// CHECK: top_k_all.result0 f32 [1, 4]
// CHECK-NEXT: 1 0.5 0.5 0.25
// CHECK-NEXT: top_k_all.result1 i32 [1, 4]
// CHECK-NEXT: 3 0 2 1
func.func @top_k_all() -> (tensor<1x4xf32>, tensor<1x4xi32>) {
  %x = arith.constant dense<[[0.5, 0.25, 0.5, 1.0]]> : tensor<1x4xf32>
  %v, %i = deepseek.top_k %x k 4 : tensor<1x4xf32> -> tensor<1x4xf32>, tensor<1x4xi32>
  return %v, %i : tensor<1x4xf32>, tensor<1x4xi32>
}
