// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// The index of the largest; the lower one wins a tie.

// CHECK: argmax_rows.result0 i32 [4]
// CHECK-NEXT: 1 0 1 1
func.func @argmax_rows() -> tensor<4xi32> {
  %x = arith.constant dense<[[1.0, 5.0, 3.0], [2.0, 2.0, 2.0], [-4.0, -2.0, -2.0], [0xFF800000, -1.0e30, 0xFF800000]]> : tensor<4x3xf32>
  %y = deepseek.argmax %x : tensor<4x3xf32> -> tensor<4xi32>
  return %y : tensor<4xi32>
}
