// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// result[t] = table[tokens[t]], converted to the result's type.

// Ids outside [0, V), negative ones included, give row 0.
// CHECK: embedding_rows.result0 f32 [5, 3]
// CHECK-NEXT: -0.5 0.25 7
// CHECK-NEXT: 1 2 3
// CHECK-NEXT: 8 -9 10
// CHECK-NEXT: 1 2 3
// CHECK-NEXT: 1 2 3
func.func @embedding_rows() -> tensor<5x3xf32> {
  %tokens = arith.constant dense<[2, 0, 3, -1, 4]> : tensor<5xi32>
  %table = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [-0.5, 0.25, 7.0], [8.0, -9.0, 10.0]]> : tensor<4x3xbf16>
  %y = deepseek.embedding %tokens, %table : tensor<5xi32>, tensor<4x3xbf16> -> tensor<5x3xf32>
  return %y : tensor<5x3xf32>
}

// To bf16 with ties to even: 1 + 2^-8 lies halfway and goes down, 1 + 3*2^-8 goes up.
// CHECK: embedding_rounds.result0 bf16 [1, 3]
// CHECK-NEXT: 1 1.0156 -1
func.func @embedding_rounds() -> tensor<1x3xbf16> {
  %tokens = arith.constant dense<[1]> : tensor<1xi32>
  %table = arith.constant dense<[[0.0, 0.0, 0.0], [1.00390625, 1.01171875, -1.00390625]]> : tensor<2x3xf32>
  %y = deepseek.embedding %tokens, %table : tensor<1xi32>, tensor<2x3xf32> -> tensor<1x3xbf16>
  return %y : tensor<1x3xbf16>
}
