// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// x * rsqrt(mean(x^2) + eps) * weight, in f32, rounded once.

// CHECK: rms_norm_f32.result0 f32 [2, 4]
// CHECK-NEXT: 0.52981 -0.52981 -3.1789 0.79472
// CHECK-NEXT: 0 0 -0 2.6833
func.func @rms_norm_f32() -> tensor<2x4xf32> {
  %x = arith.constant dense<[[1.0, -2.0, 3.0, 0.5], [0.0, 0.0, 0.0, 0.001]]> : tensor<2x4xf32>
  %w = arith.constant dense<[1.0, 0.5, -2.0, 3.0]> : tensor<4xbf16>
  %y = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<2x4xf32>, tensor<4xbf16> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// eps counts: rsqrt(1 + 3) = 0.5.
// CHECK: rms_norm_eps.result0 f32 [1, 2]
// CHECK-NEXT: 0.5 -1.5
func.func @rms_norm_eps() -> tensor<1x2xf32> {
  %x = arith.constant dense<[[1.0, -1.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<[1.0, 3.0]> : tensor<2xf32>
  %y = deepseek.rms_norm %x, %w eps 3.0 : tensor<1x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// bf16 in and out: squares and sums are f32 (in bf16, 255 + 1 would be lost).
// CHECK: rms_norm_bf16.result0 bf16 [1, 4]
// CHECK-NEXT: 1.9922 0.12451 0.24902 0.49805
func.func @rms_norm_bf16() -> tensor<1x4xbf16> {
  %x = arith.constant dense<[[16.0, 1.0, 1.0, 1.0]]> : tensor<1x4xbf16>
  %w = arith.constant dense<[1.0, 1.0, 2.0, 4.0]> : tensor<4xbf16>
  %y = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<1x4xbf16>, tensor<4xbf16> -> tensor<1x4xbf16>
  return %y : tensor<1x4xbf16>
}

// The last dimension is normalised, whatever comes before it.
// CHECK: rms_norm_rank3.result0 f32 [2, 2, 2]
// CHECK-NEXT: 0.84853 2.2627
// CHECK-NEXT: 1.4142 0
// CHECK-NEXT: -1 2
// CHECK-NEXT: 0.54393 2.6109
func.func @rms_norm_rank3() -> tensor<2x2x2xf32> {
  %x = arith.constant dense<[[[3.0, 4.0], [1.0, 0.0]], [[-2.0, 2.0], [5.0, 12.0]]]> : tensor<2x2x2xf32>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<2x2x2xf32>, tensor<2xf32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}
