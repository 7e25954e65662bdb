// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// A pair (a, b) becomes (a cos - b sin, a sin + b cos), in f32, rounded once.

// Pairs are neighbours; every head turns by the token's angles. (1, 0) turns to the angle itself.
// CHECK: rope_interleaved.result0 f32 [2, 2, 4]
// CHECK-NEXT: 0.8 0.6 -3 2
// CHECK-NEXT: -0.6 0.8 -4 -1
// CHECK-NEXT: 2.2 0.4 -3 -4
// CHECK-NEXT: -0.8 4.4 2 -1
func.func @rope_interleaved() -> tensor<2x2x4xf32> {
  %x = arith.constant dense<[[[1.0, 0.0, 2.0, 3.0], [0.0, 1.0, -1.0, 4.0]], [[1.0, 2.0, 3.0, 4.0], [-4.0, 2.0, -2.0, 1.0]]]> : tensor<2x2x4xf32>
  %angles = arith.constant dense<[[[0.8, 0.6], [0.0, 1.0]], [[0.6, -0.8], [-1.0, 0.0]]]> : tensor<2x2x2xf32>
  %y = deepseek.rope %x, %angles interleaved : tensor<2x2x4xf32>, tensor<2x2x2xf32> -> tensor<2x2x4xf32>
  return %y : tensor<2x2x4xf32>
}

// Pairs are (i, i + dr/2).
// CHECK: rope_half_split.result0 f32 [2, 2, 4]
// CHECK-NEXT: 0.8 -3 0.6 2
// CHECK-NEXT: -0.6 -4 0.8 -1
// CHECK-NEXT: 2.2 -3 0.4 -4
// CHECK-NEXT: -0.8 2 4.4 -1
func.func @rope_half_split() -> tensor<2x2x4xf32> {
  %x = arith.constant dense<[[[1.0, 2.0, 0.0, 3.0], [0.0, -1.0, 1.0, 4.0]], [[1.0, 3.0, 2.0, 4.0], [-4.0, -2.0, 2.0, 1.0]]]> : tensor<2x2x4xf32>
  %angles = arith.constant dense<[[[0.8, 0.6], [0.0, 1.0]], [[0.6, -0.8], [-1.0, 0.0]]]> : tensor<2x2x2xf32>
  %y = deepseek.rope %x, %angles half_split : tensor<2x2x4xf32>, tensor<2x2x2xf32> -> tensor<2x2x4xf32>
  return %y : tensor<2x2x4xf32>
}

// The shared key has no heads.
// CHECK: rope_rank2.result0 bf16 [2, 4]
// CHECK-NEXT: -0.40039 2.2031 -3 4
// CHECK-NEXT: -0.2002 1.1016 2.4844 7.625
func.func @rope_rank2() -> tensor<2x4xbf16> {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [-1.0, 0.5, 0.25, 8.0]]> : tensor<2x4xbf16>
  %angles = arith.constant dense<[[[0.8, 0.6], [0.28, 0.96]], [[0.6, -0.8], [0.96, -0.28]]]> : tensor<2x2x2xf32>
  %y = deepseek.rope %x, %angles interleaved : tensor<2x4xbf16>, tensor<2x2x2xf32> -> tensor<2x4xbf16>
  return %y : tensor<2x4xbf16>
}
