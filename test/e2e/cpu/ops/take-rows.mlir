// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// result[i] = x[rows[i]]; an index outside [0, T) gives row 0.

// CHECK: take_rows_matrix.result0 f32 [4, 2]
// CHECK-NEXT: 5 6
// CHECK-NEXT: 5 6
// CHECK-NEXT: 1 2
// CHECK-NEXT: 1 2
func.func @take_rows_matrix() -> tensor<4x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %rows = arith.constant dense<[2, 2, 3, -7]> : tensor<4xi32>
  %y = deepseek.take_rows %x, %rows : tensor<3x2xf32>, tensor<4xi32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// CHECK: take_rows_vector.result0 i32 [3]
// CHECK-NEXT: 40 10 20
func.func @take_rows_vector() -> tensor<3xi32> {
  %x = arith.constant dense<[10, 20, 30, 40]> : tensor<4xi32>
  %rows = arith.constant dense<[3, 0, 1]> : tensor<3xi32>
  %y = deepseek.take_rows %x, %rows : tensor<4xi32>, tensor<3xi32> -> tensor<3xi32>
  return %y : tensor<3xi32>
}
