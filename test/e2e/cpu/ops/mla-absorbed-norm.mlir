// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// Latents normalised as they are read, in the absorbed form. The kernel level has this for the naive form only.

// CHECK: absorbed_rms.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: absorbed_rms.result0 f32 [3, 2, 2]
// CHECK-NEXT: 1.6499 -0.29463
// CHECK-NEXT: 1.6499 -0.29463
// CHECK-NEXT: 0.2269 -0.6045
// CHECK-NEXT: 0.15703 -0.61972
// CHECK-NEXT: 0.77815 -0.16636
// CHECK-NEXT: 1.2039 -0.24746
func.func @absorbed_rms(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %w = arith.constant dense<[1.75, -0.625]> : tensor<2xf32>
  %y = deepseek.mla_absorbed %q, %q_rope, %cache[0] at %positions, %table scale 0.5 norm(%w) {latentNorm = #deepseek<latent_norm rms>, normEps = 0.5 : f64}
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32> norm(tensor<2xf32>) -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}

// CHECK: absorbed_layer.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: absorbed_layer.result0 f32 [3, 2, 2]
// CHECK-NEXT: 0.83333 1.2083
// CHECK-NEXT: 0.83333 1.2083
// CHECK-NEXT: -0.37722 0.77599
// CHECK-NEXT: -0.5382 0.7185
// CHECK-NEXT: 0.56102 1.1111
// CHECK-NEXT: 0.96034 1.2537
func.func @absorbed_layer(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %w = arith.constant dense<[1.75, -0.625]> : tensor<2xf32>
  %b = arith.constant dense<[0.25, 1.0]> : tensor<2xf32>
  %y = deepseek.mla_absorbed %q, %q_rope, %cache[0] at %positions, %table scale 0.5 norm(%w, %b) {latentNorm = #deepseek<latent_norm layer>, normEps = 0.5 : f64}
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32> norm(tensor<2xf32>, tensor<2xf32>) -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}
