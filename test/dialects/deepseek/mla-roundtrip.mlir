// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>

// CHECK-LABEL: func.func @rope_angles
func.func @rope_angles(%positions: tensor<8xi32>) -> tensor<8x8x2xf32> {
  // CHECK: deepseek.rope_angles %{{.+}} <theta = {{.+}}, factor = {{.+}}, originalContext = 4096, betaFast = {{.+}}, betaSlow = {{.+}}, magnitude = {{.+}}> : tensor<8xi32> -> tensor<8x8x2xf32>
  %0 = deepseek.rope_angles %positions <theta = 1.0e4 : f64, factor = 40.0 : f64, originalContext = 4096, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.0 : f64> : tensor<8xi32> -> tensor<8x8x2xf32>
  return %0 : tensor<8x8x2xf32>
}

// CHECK-LABEL: func.func @rope
func.func @rope(%q: tensor<8x4x16xbf16>, %angles: tensor<8x8x2xf32>) -> tensor<8x4x16xbf16> {
  // CHECK: deepseek.rope %{{.+}}, %{{.+}} interleaved : tensor<8x4x16xbf16>, tensor<8x8x2xf32> -> tensor<8x4x16xbf16>
  %0 = deepseek.rope %q, %angles interleaved : tensor<8x4x16xbf16>, tensor<8x8x2xf32> -> tensor<8x4x16xbf16>
  // CHECK: deepseek.rope %{{.+}}, %{{.+}} half_split
  %1 = deepseek.rope %0, %angles half_split : tensor<8x4x16xbf16>, tensor<8x8x2xf32> -> tensor<8x4x16xbf16>
  return %1 : tensor<8x4x16xbf16>
}

// CHECK-LABEL: func.func @append
func.func @append(%latent: tensor<8x128xbf16>, %k_rope: tensor<8x16xbf16>, %cache: !cache, %positions: tensor<8xi32>, %block_table: tensor<8x16xi32>) {
  // CHECK: deepseek.latent_cache_append %{{.+}}, %{{.+}} to %{{.+}}[0] at %{{.+}}, %{{.+}} :
  deepseek.latent_cache_append %latent, %k_rope to %cache[0] at %positions, %block_table
    : tensor<8x128xbf16>, tensor<8x16xbf16>, !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>,
      tensor<8xi32>, tensor<8x16xi32>
  return
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q_nope: tensor<8x4x32xbf16>, %q_rope: tensor<8x4x16xbf16>, %q_latent: tensor<8x4x128xbf16>, %cache: !cache,
    %kv_b: tensor<256x128xbf16>, %positions: tensor<8xi32>, %block_table: tensor<2x16xi32>) -> (tensor<8x4x32xbf16>, tensor<8x4x128xbf16>) {
  // CHECK: deepseek.mla %{{.+}}, %{{.+}}, %{{.+}}[1], %{{.+}} at %{{.+}}, %{{.+}} scale {{.+}} : {{.*}} -> tensor<8x4x32xbf16>
  %0 = deepseek.mla %q_nope, %q_rope, %cache[1], %kv_b at %positions, %block_table scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<8x4x32xbf16>
  // CHECK: deepseek.mla_absorbed %{{.+}}, %{{.+}}, %{{.+}}[1] at %{{.+}}, %{{.+}} scale {{.+}} : {{.*}} -> tensor<8x4x128xbf16>
  %1 = deepseek.mla_absorbed %q_latent, %q_rope, %cache[1] at %positions, %block_table scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<2x16xi32> -> tensor<8x4x128xbf16>
  return %0, %1 : tensor<8x4x32xbf16>, tensor<8x4x128xbf16>
}

// The tutorial variant: latents are normalised when the cache is read.
// CHECK-LABEL: func.func @norm_on_read
func.func @norm_on_read(%q_latent: tensor<8x4x128xbf16>, %q_rope: tensor<8x4x16xbf16>, %cache: !cache, %positions: tensor<8xi32>,
    %block_table: tensor<2x16xi32>, %w: tensor<128xbf16>, %b: tensor<128xbf16>) -> tensor<8x4x128xbf16> {
  // CHECK: deepseek.mla_absorbed {{.*}} norm(%{{.+}}, %{{.+}}) {latentNorm = #deepseek<latent_norm layer>, normEps = {{.+}}}
  %0 = deepseek.mla_absorbed %q_latent, %q_rope, %cache[1] at %positions, %block_table scale 0.125 norm(%w, %b)
    {latentNorm = #deepseek<latent_norm layer>, normEps = 1.0e-5 : f64}
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<2x16xi32> norm(tensor<128xbf16>, tensor<128xbf16>) -> tensor<8x4x128xbf16>
  return %0 : tensor<8x4x128xbf16>
}
