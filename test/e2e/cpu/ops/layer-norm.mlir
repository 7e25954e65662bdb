// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// (x - mean(x)) * rsqrt(var(x) + eps) * weight + bias, in f32; the variance divides by n.

// CHECK: layer_norm_f32.result0 f32 [2, 4]
// CHECK-NEXT: 0.21056 0.26305 -2.4171 -1.2106
// CHECK-NEXT: -0.57735 0.71133 1.4047 4.1961
func.func @layer_norm_f32() -> tensor<2x4xf32> {
  %x = arith.constant dense<[[1.0, -2.0, 3.0, 0.5], [4.0, 4.0, 4.0, 8.0]]> : tensor<2x4xf32>
  %w = arith.constant dense<[1.0, 0.5, -2.0, 3.0]> : tensor<4xf32>
  %b = arith.constant dense<[0.0, 1.0, 0.25, -1.0]> : tensor<4xf32>
  %y = deepseek.layer_norm %x, %w, %b eps 1.0e-05 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// The variance does not cancel: values of 4096 that differ by 1. E[x^2] - E[x]^2 in f32 would have no digit left.
// CHECK: layer_norm_offset.result0 f32 [1, 4]
// CHECK-NEXT: -0.99998 0.99998 -0.99998 0.99998
func.func @layer_norm_offset() -> tensor<1x4xf32> {
  %x = arith.constant dense<[[4096.0, 4097.0, 4096.0, 4097.0]]> : tensor<1x4xf32>
  %w = arith.constant dense<1.0> : tensor<4xf32>
  %b = arith.constant dense<0.0> : tensor<4xf32>
  %y = deepseek.layer_norm %x, %w, %b eps 1.0e-05 : tensor<1x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// CHECK: layer_norm_bf16.result0 bf16 [1, 4]
// CHECK-NEXT: 0.19531 0.31445 -2.2344 -1.1953
func.func @layer_norm_bf16() -> tensor<1x4xbf16> {
  %x = arith.constant dense<[[1.0, -2.0, 3.0, 0.5]]> : tensor<1x4xbf16>
  %w = arith.constant dense<[1.0, 0.5, -2.0, 3.0]> : tensor<4xbf16>
  %b = arith.constant dense<[0.0, 1.0, 0.25, -1.0]> : tensor<4xbf16>
  %y = deepseek.layer_norm %x, %w, %b eps 0.5 : tensor<1x4xbf16>, tensor<4xbf16>, tensor<4xbf16> -> tensor<1x4xbf16>
  return %y : tensor<1x4xbf16>
}
