// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// a + b in f32, rounded once.

// CHECK: add_f32.result0 f32 [2, 2]
// CHECK-NEXT: 1.125 0
// CHECK-NEXT: 1 2e+30
func.func @add_f32() -> tensor<2x2xf32> {
  %a = arith.constant dense<[[1.0, 2.5], [-3.0, 1.0e30]]> : tensor<2x2xf32>
  %b = arith.constant dense<[[0.125, -2.5], [4.0, 1.0e30]]> : tensor<2x2xf32>
  %y = deepseek.add %a, %b : tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// 256 + 1 is a tie and stays 256, 258 + 1 is one that goes up to 260.
// CHECK: add_bf16.result0 bf16 [1, 3]
// CHECK-NEXT: 256 260 0.75
func.func @add_bf16() -> tensor<1x3xbf16> {
  %a = arith.constant dense<[[256.0, 258.0, 0.5]]> : tensor<1x3xbf16>
  %b = arith.constant dense<[[1.0, 1.0, 0.25]]> : tensor<1x3xbf16>
  %y = deepseek.add %a, %b : tensor<1x3xbf16>
  return %y : tensor<1x3xbf16>
}
