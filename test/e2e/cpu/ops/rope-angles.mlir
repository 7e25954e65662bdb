// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// result[t, i] = (cos(a), sin(a)) * magnitude with a = positions[t] * inverse_frequency[i].

// Plain: theta^(-2i / dim) = 1, 0.1, 0.01.
// CHECK: rope_angles_plain.result0 f32 [3, 3, 2]
// CHECK-NEXT: 1 0
// CHECK-NEXT: 1 0
// CHECK-NEXT: 1 0
// CHECK-NEXT: 0.5403 0.84147
// CHECK-NEXT: 0.995 0.099833
// CHECK-NEXT: 0.99995 0.0099998
// CHECK-NEXT: 0.86232 -0.50637
// CHECK-NEXT: -0.83907 -0.54402
// CHECK-NEXT: 0.5403 0.84147
func.func @rope_angles_plain() -> tensor<3x3x2xf32> {
  %p = arith.constant dense<[0, 1, 100]> : tensor<3xi32>
  %y = deepseek.rope_angles %p <theta = 1.0e3 : f64, factor = 1.0 : f64, originalContext = 0, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.0 : f64> : tensor<3xi32> -> tensor<3x3x2xf32>
  return %y : tensor<3x3x2xf32>
}

// At the end of V3's context. In f32 the product and its reduction would leave four digits.
// CHECK: rope_angles_far.result0 f32 [2, 2, 2]
// CHECK-NEXT: 0.22868 -0.9735
// CHECK-NEXT: -0.18129 -0.98343
// CHECK-NEXT: 0.99438 0.10583
// CHECK-NEXT: 0.95293 0.30318
func.func @rope_angles_far() -> tensor<2x2x2xf32> {
  %p = arith.constant dense<[163839, 16777217]> : tensor<2xi32>
  %y = deepseek.rope_angles %p <theta = 7.0 : f64, factor = 1.0 : f64, originalContext = 0, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.0 : f64> : tensor<2xi32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// YaRN over 8 pairs: the first are kept, the last divided by the factor, those between blended; the magnitude multiplies both.
// dim * ln(4096 / (turns * 2 pi)) / (2 ln 10000) is 2.62 for 32 turns and 5.63 for 1: the blend runs from pair 2 to pair 6.
// CHECK: rope_angles_yarn.result0 f32 [2, 8, 2]
// CHECK-NEXT: 0.67538 1.0518
// CHECK-NEXT: 1.188 0.38873
// CHECK-NEXT: 1.2438 0.12479
// CHECK-NEXT: 1.2496 0.029891
// CHECK-NEXT: 1.25 0.0064062
// CHECK-NEXT: 1.25 0.0010623
// CHECK-NEXT: 1.25 3.125e-05
// CHECK-NEXT: 1.25 9.8821e-06
// CHECK-NEXT: 0.70297 1.0336
// CHECK-NEXT: -0.59676 1.0984
// CHECK-NEXT: 1.0779 -0.63296
// CHECK-NEXT: 0.43188 -1.173
// CHECK-NEXT: 0.50125 -1.1451
// CHECK-NEXT: 0.82511 0.93899
// CHECK-NEXT: 1.2496 0.031247
// CHECK-NEXT: 1.25 0.009882
func.func @rope_angles_yarn() -> tensor<2x8x2xf32> {
  %p = arith.constant dense<[1, 1000]> : tensor<2xi32>
  %y = deepseek.rope_angles %p <theta = 1.0e4 : f64, factor = 40.0 : f64, originalContext = 4096, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.25 : f64> : tensor<2xi32> -> tensor<2x8x2xf32>
  return %y : tensor<2x8x2xf32>
}
