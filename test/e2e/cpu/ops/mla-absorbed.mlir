// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// The absorbed form: scores (q_latent . c[j] + q_rope . k_rope[j]) * scale over the positions j <= positions[t]; softmax; the weighted sum of the latents c[j]. Pages hold 2 records.

// A chunk of three tokens on pages 2 and 0: token t sees t + 1 records.
// CHECK: absorbed_prefill.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: absorbed_prefill.result0 f32 [3, 2, 2]
// CHECK-NEXT: 1 0.5
// CHECK-NEXT: 1 0.5
// CHECK-NEXT: -0.35698 1.857
// CHECK-NEXT: -0.27793 1.7779
// CHECK-NEXT: 0.25 0.91849
// CHECK-NEXT: 0.57138 -0.055419
func.func @absorbed_prefill(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %y = deepseek.mla_absorbed %q, %q_rope, %cache[0] at %positions, %table scale 0.5
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32> -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}

// Two sequences of two records each decode one token; the second looks at its first record only.
// CHECK: absorbed_decode.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 3 1 2 2
// CHECK-NEXT: absorbed_decode.result0 f32 [2, 2, 2]
// CHECK-NEXT: 0.66595 0.83405
// CHECK-NEXT: -0.19728 1.6973
// CHECK-NEXT: 0.25 -1
// CHECK-NEXT: 0.25 -1
func.func @absorbed_decode(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<2x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [3.0, 1.0]]> : tensor<4x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5], [2.0, 2.0]]> : tensor<4x2xf32>
  %written = arith.constant dense<[0, 1, 0, 1]> : tensor<4xi32>
  %table = arith.constant dense<[[1], [2]]> : tensor<2x1xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<4x2xf32>, tensor<4x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<4xi32>, tensor<2x1xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]]]> : tensor<2x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]]]> : tensor<2x2x2xf32>
  %positions = arith.constant dense<[1, 0]> : tensor<2xi32>
  %y = deepseek.mla_absorbed %q, %q_rope, %cache[0] at %positions, %table scale 0.5
    : tensor<2x2x2xf32>, tensor<2x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// Padding gives zeros.
// CHECK: absorbed_padding.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 3 1 2 2
// CHECK-NEXT: absorbed_padding.result0 f32 [2, 2, 2]
// CHECK-NEXT: 0 0
// CHECK-NEXT: 0 0
// CHECK-NEXT: 2.5476 0.67097
// CHECK-NEXT: 2.4983 0.63515
func.func @absorbed_padding(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<2x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [3.0, 1.0]]> : tensor<4x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5], [2.0, 2.0]]> : tensor<4x2xf32>
  %written = arith.constant dense<[0, 1, 0, 1]> : tensor<4xi32>
  %table = arith.constant dense<[[1], [2]]> : tensor<2x1xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<4x2xf32>, tensor<4x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<4xi32>, tensor<2x1xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]]]> : tensor<2x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]]]> : tensor<2x2x2xf32>
  %positions = arith.constant dense<[-1, 1]> : tensor<2xi32>
  %y = deepseek.mla_absorbed %q, %q_rope, %cache[0] at %positions, %table scale 0.5
    : tensor<2x2x2xf32>, tensor<2x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// Scores far apart: the softmax subtracts the largest first, exp(400) would overflow.
// CHECK: absorbed_large_scores.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 3 1 2 2
// CHECK-NEXT: absorbed_large_scores.result0 f32 [2, 2, 2]
// CHECK-NEXT: 1 0.5
// CHECK-NEXT: -0.5 2
// CHECK-NEXT: 3 1
// CHECK-NEXT: 3 1
func.func @absorbed_large_scores(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<2x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [3.0, 1.0]]> : tensor<4x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5], [2.0, 2.0]]> : tensor<4x2xf32>
  %written = arith.constant dense<[0, 1, 0, 1]> : tensor<4xi32>
  %table = arith.constant dense<[[1], [2]]> : tensor<2x1xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<4x2xf32>, tensor<4x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<4xi32>, tensor<2x1xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]]]> : tensor<2x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]]]> : tensor<2x2x2xf32>
  %positions = arith.constant dense<[1, 1]> : tensor<2xi32>
  %y = deepseek.mla_absorbed %q, %q_rope, %cache[0] at %positions, %table scale 400.0
    : tensor<2x2x2xf32>, tensor<2x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}
