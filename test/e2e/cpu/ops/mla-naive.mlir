// RUN: deepseek-compile %s --target=cpu --absorb=never -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --absorb=never --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// The naive form: of each cached latent c[j], kv_b makes a key (2) and a value (2) for each of 2 heads; scores (q . k + q_rope . k_rope) * scale over the positions
// j <= positions[t]; softmax; the weighted sum of the values. Pages hold 2 records.

// A chunk of three tokens on pages 2 and 0: token t sees t + 1 records.
// CHECK: mla_prefill.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: mla_prefill.result0 f32 [3, 2, 2]
// CHECK-NEXT: 2.25 -0.5
// CHECK-NEXT: 1.5 1.5
// CHECK-NEXT: 0.21454 2.214
// CHECK-NEXT: 3.1989 1.5
// CHECK-NEXT: 0.95925 0.66849
// CHECK-NEXT: 5.0977 1.4363
func.func @mla_prefill(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %kv_b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 1.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]> : tensor<8x2xbf16>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %y = deepseek.mla %q, %q_rope, %cache[0], %kv_b at %positions, %table scale 0.5
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<8x2xbf16>, tensor<3xi32>, tensor<1x2xi32> -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}

// Two sequences of two records each decode one token. The second looks at its first record only; the other one's and the later one's are none of its business.
// CHECK: mla_decode.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 3 1 2 2
// CHECK-NEXT: mla_decode.result0 f32 [2, 2, 2]
// CHECK-NEXT: 1.7489 0.1681
// CHECK-NEXT: 3.1989 1.5
// CHECK-NEXT: 0 -1.25
// CHECK-NEXT: -3 -0.75
func.func @mla_decode(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<2x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [3.0, 1.0]]> : tensor<4x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5], [2.0, 2.0]]> : tensor<4x2xf32>
  %written = arith.constant dense<[0, 1, 0, 1]> : tensor<4xi32>
  %table = arith.constant dense<[[1], [2]]> : tensor<2x1xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<4x2xf32>, tensor<4x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<4xi32>, tensor<2x1xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]]]> : tensor<2x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]]]> : tensor<2x2x2xf32>
  %kv_b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 1.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]> : tensor<8x2xbf16>
  %positions = arith.constant dense<[1, 0]> : tensor<2xi32>
  %y = deepseek.mla %q, %q_rope, %cache[0], %kv_b at %positions, %table scale 0.5
    : tensor<2x2x2xf32>, tensor<2x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<8x2xbf16>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// Padding gives zeros.
// CHECK: mla_padding.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 3 1 2 2
// CHECK-NEXT: mla_padding.result0 f32 [2, 2, 2]
// CHECK-NEXT: 0 0
// CHECK-NEXT: 0 0
// CHECK-NEXT: 5.4306 -1.8766
// CHECK-NEXT: 1.2347 2.6025
func.func @mla_padding(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<2x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0], [3.0, 1.0]]> : tensor<4x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5], [2.0, 2.0]]> : tensor<4x2xf32>
  %written = arith.constant dense<[0, 1, 0, 1]> : tensor<4xi32>
  %table = arith.constant dense<[[1], [2]]> : tensor<2x1xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<4x2xf32>, tensor<4x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<4xi32>, tensor<2x1xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]]]> : tensor<2x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]]]> : tensor<2x2x2xf32>
  %kv_b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 1.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]> : tensor<8x2xbf16>
  %positions = arith.constant dense<[-1, 1]> : tensor<2xi32>
  %y = deepseek.mla %q, %q_rope, %cache[0], %kv_b at %positions, %table scale 0.5
    : tensor<2x2x2xf32>, tensor<2x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<8x2xbf16>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// Latents normalised as they are read: by their root mean square,
// CHECK: mla_rms.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: mla_rms.result0 f32 [3, 2, 2]
// CHECK-NEXT: 2.2392 -1.4142
// CHECK-NEXT: -0.70711 0.94281
// CHECK-NEXT: 0.25145 -0.70593
// CHECK-NEXT: -1.3947 -0.22613
// CHECK-NEXT: 0.94515 -0.65836
// CHECK-NEXT: 0.099649 0.41187
func.func @mla_rms(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %kv_b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 1.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]> : tensor<8x2xbf16>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %w = arith.constant dense<[1.25, -0.5]> : tensor<2xf32>
  %y = deepseek.mla %q, %q_rope, %cache[0], %kv_b at %positions, %table scale 0.5 norm(%w) {latentNorm = #deepseek<latent_norm rms>, normEps = 0.5 : f64}
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<8x2xbf16>, tensor<3xi32>, tensor<1x2xi32> norm(tensor<2xf32>) -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}

// or by mean and variance, with a bias.
// CHECK: mla_layer.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: mla_layer.result0 f32 [3, 2, 2]
// CHECK-NEXT: 1.9167 0.5
// CHECK-NEXT: 3.5 1.8333
// CHECK-NEXT: 0.13727 0.98529
// CHECK-NEXT: 2.3556 0.4982
// CHECK-NEXT: 1.3399 0.65731
// CHECK-NEXT: 3.2242 1.5115
func.func @mla_layer(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %kv_b = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 1.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]> : tensor<8x2xbf16>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %w = arith.constant dense<[1.25, -0.5]> : tensor<2xf32>
  %b = arith.constant dense<[0.25, 1.0]> : tensor<2xf32>
  %y = deepseek.mla %q, %q_rope, %cache[0], %kv_b at %positions, %table scale 0.5 norm(%w, %b) {latentNorm = #deepseek<latent_norm layer>, normEps = 0.5 : f64}
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<8x2xbf16>, tensor<3xi32>, tensor<1x2xi32> norm(tensor<2xf32>, tensor<2xf32>) -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}

// Block-scaled kv_b: the latents are quantised with block 1x128 first.
// CHECK: mla_scaled.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0.25 -1 0.5 -0.5
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 0.5 1 0
// CHECK-NEXT: -0.5 2 0 1
// CHECK-NEXT: mla_scaled.result0 f32 [3, 2, 2]
// CHECK-NEXT: 1.6875 -0.375
// CHECK-NEXT: 1.125 1.125
// CHECK-NEXT: 0.26343 1.5238
// CHECK-NEXT: 2.7072 1.125
// CHECK-NEXT: 0.70378 0.47006
// CHECK-NEXT: 3.4872 1.0328
func.func @mla_scaled(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<3x2x2xf32> {
  %latent = arith.constant dense<[[1.0, 0.5], [-0.5, 2.0], [0.25, -1.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]> : tensor<3x2xf32>
  %written = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %written, %table : tensor<3x2xf32>, tensor<3x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  %q = arith.constant dense<[[[1.0, 0.0], [0.5, 1.0]], [[-1.0, 2.0], [0.0, 1.0]], [[0.5, 0.5], [2.0, -1.0]]]> : tensor<3x2x2xf32>
  %q_rope = arith.constant dense<[[[1.0, 0.0], [0.0, 2.0]], [[0.5, 0.5], [-1.0, 1.0]], [[1.0, 1.0], [0.0, 0.5]]]> : tensor<3x2x2xf32>
  %data = arith.constant dense<[[1.0, 0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 1.0], [0.5, 0.5], [1.0, -1.0], [0.0, 3.0], [1.0, 1.0]]> : tensor<8x2xf8E4M3FN>
  %scales = arith.constant dense<[[0.75]]> : tensor<1x1xf32>
  %kv_b = deepseek.pack_scaled %data, %scales : tensor<8x2xf8E4M3FN>, tensor<1x1xf32> -> !deepseek.block_scaled<8x2xf8E4M3FN, 128x128, f32>
  %positions = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %y = deepseek.mla %q, %q_rope, %cache[0], %kv_b at %positions, %table scale 0.5
    : tensor<3x2x2xf32>, tensor<3x2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, !deepseek.block_scaled<8x2xf8E4M3FN, 128x128, f32>, tensor<3xi32>, tensor<1x2xi32> -> tensor<3x2x2xf32>
  return %y : tensor<3x2x2xf32>
}
