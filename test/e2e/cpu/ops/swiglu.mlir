// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// gate / (1 + exp(-gate)) * up in f32, rounded once.

// CHECK: swiglu_f32.result0 f32 [2, 3]
// CHECK-NEXT: 0 1.4621 -0.95362
// CHECK-NEXT: 2.8577 -1.5102 -0.56218
func.func @swiglu_f32() -> tensor<2x3xf32> {
  %gate = arith.constant dense<[[0.0, 1.0, -2.0], [3.0, -0.5, 0.25]]> : tensor<2x3xf32>
  %up = arith.constant dense<[[5.0, 2.0, 4.0], [1.0, 8.0, -4.0]]> : tensor<2x3xf32>
  %y = deepseek.swiglu %gate, %up : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// exp(-gate) overflows to infinity at -100: the quotient is -0, never NaN.
// CHECK: swiglu_extreme.result0 f32 [1, 2]
// CHECK-NEXT: -0 200
func.func @swiglu_extreme() -> tensor<1x2xf32> {
  %gate = arith.constant dense<[[-100.0, 100.0]]> : tensor<1x2xf32>
  %up = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %y = deepseek.swiglu %gate, %up : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// CHECK: swiglu_bf16.result0 bf16 [1, 3]
// CHECK-NEXT: 0.73047 -0.82031 -1.0156
func.func @swiglu_bf16() -> tensor<1x3xbf16> {
  %gate = arith.constant dense<[[1.0, -1.5, 0.75]]> : tensor<1x3xbf16>
  %up = arith.constant dense<[[1.0, 3.0, -2.0]]> : tensor<1x3xbf16>
  %y = deepseek.swiglu %gate, %up : tensor<1x3xbf16>, tensor<1x3xbf16> -> tensor<1x3xbf16>
  return %y : tensor<1x3xbf16>
}
