// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// Concatenation along a dimension, and along a new leading one. The kernel level has them of parameters only: loading places those (bind-buffers).

// CHECK: concat_rows.result0 f32 [3, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 3 4
// CHECK-NEXT: 5 6
func.func @concat_rows() -> tensor<3x2xf32> {
  %a = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %b = arith.constant dense<[[3.0, 4.0], [5.0, 6.0]]> : tensor<2x2xf32>
  %y = deepseek.concat %a, %b dim 0 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// CHECK: concat_columns.result0 bf16 [2, 3]
// CHECK-NEXT: 1 2 5
// CHECK-NEXT: 3 4 6
func.func @concat_columns() -> tensor<2x3xbf16> {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xbf16>
  %b = arith.constant dense<[[5.0], [6.0]]> : tensor<2x1xbf16>
  %y = deepseek.concat %a, %b dim 1 : (tensor<2x2xbf16>, tensor<2x1xbf16>) -> tensor<2x3xbf16>
  return %y : tensor<2x3xbf16>
}

// CHECK: stack_matrices.result0 f32 [2, 2, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 3 4
// CHECK-NEXT: 5 6
// CHECK-NEXT: 7 8
func.func @stack_matrices() -> tensor<2x2x2xf32> {
  %a = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[5.0, 6.0], [7.0, 8.0]]> : tensor<2x2xf32>
  %y = deepseek.stack %a, %b : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}
