// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @rope_angles_c1(%p: tensor<8xi32>) {
  // expected-error @+1 {{result must be 8x8x2, got 4x8x2}}
  %0 = deepseek.rope_angles %p <theta = 1.0e4 : f64, factor = 1.0 : f64, originalContext = 0, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.0 : f64> : tensor<8xi32> -> tensor<4x8x2xf32>
  return
}

// -----

func.func @rope_angles_c2(%p: tensor<8xi32>) {
  // expected-error @+1 {{originalContext must be positive with factor 4.000000e+00, got 0}}
  %0 = deepseek.rope_angles %p <theta = 1.0e4 : f64, factor = 4.0 : f64, originalContext = 0, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.0 : f64> : tensor<8xi32> -> tensor<8x8x2xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<8x15xbf16>, %a: tensor<8x7x2xf32>) {
  // expected-error @+1 {{the last dimension is rotated in pairs and must be even, got 15}}
  %0 = deepseek.rope %x, %a interleaved : tensor<8x15xbf16>, tensor<8x7x2xf32> -> tensor<8x15xbf16>
  return
}

// -----

func.func @rope_c2(%x: tensor<8x16xbf16>, %a: tensor<8x16x2xf32>) {
  // expected-error @+1 {{angles must be 8x8x2, got 8x16x2}}
  %0 = deepseek.rope %x, %a interleaved : tensor<8x16xbf16>, tensor<8x16x2xf32> -> tensor<8x16xbf16>
  return
}

// -----

func.func @rope_c3(%x: tensor<8x16xbf16>, %a: tensor<8x8x2xf32>) {
  // expected-error @+1 {{result must be 8x16, got 8x8}}
  %0 = deepseek.rope %x, %a interleaved : tensor<8x16xbf16>, tensor<8x8x2xf32> -> tensor<8x8xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @latent_cache_append_c1(%l: tensor<8x64xbf16>, %k: tensor<8x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{latent must be 8x128, got 8x64}}
  deepseek.latent_cache_append %l, %k to %c[0] at %p, %b : tensor<8x64xbf16>, tensor<8x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @latent_cache_append_c2(%l: tensor<8x128xbf16>, %k: tensor<8x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{layer must be in [0, 4), got 4}}
  deepseek.latent_cache_append %l, %k to %c[4] at %p, %b : tensor<8x128xbf16>, tensor<8x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @latent_cache_append_c3(%l: tensor<8x128xbf16>, %k: tensor<8x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<3x16xi32>) {
  // expected-error @+1 {{rows of the block table must divide the 8 tokens, got 3}}
  deepseek.latent_cache_append %l, %k to %c[0] at %p, %b : tensor<8x128xbf16>, tensor<8x16xbf16>, !cache, tensor<8xi32>, tensor<3x16xi32>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_c1(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %w: tensor<255x128xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{kv_b must be 256x128, got 255x128}}
  %0 = deepseek.mla %q, %r, %c[0], %w at %p, %b scale 0.1 : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<255x128xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x32xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_c2(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x8xbf16>, %c: !cache, %w: tensor<256x128xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{q_rope must be 8x4x16, got 8x4x8}}
  %0 = deepseek.mla %q, %r, %c[0], %w at %p, %b scale 0.1 : tensor<8x4x32xbf16>, tensor<8x4x8xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x32xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_c3(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %w: tensor<256x128xbf16>, %p: tensor<4xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{positions must be 8, got 4}}
  %0 = deepseek.mla %q, %r, %c[0], %w at %p, %b scale 0.1 : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<4xi32>, tensor<8x16xi32> -> tensor<8x4x32xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_c4(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %w: tensor<256x128xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>, %n: tensor<128xbf16>) {
  // expected-error @+1 {{latentNorm none needs no norm weight, bias or normEps}}
  %0 = deepseek.mla %q, %r, %c[0], %w at %p, %b scale 0.1 norm(%n) : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<8x16xi32> norm(tensor<128xbf16>) -> tensor<8x4x32xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_absorbed_c1(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{q_latent must be 8x4x128, got 8x4x32}}
  %0 = deepseek.mla_absorbed %q, %r, %c[0] at %p, %b scale 0.1 : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x32xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_absorbed_c2(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error @+1 {{layer must be in [0, 4), got -1}}
  %0 = deepseek.mla_absorbed %q, %r, %c[-1] at %p, %b scale 0.1 : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_absorbed_c3(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<5x16xi32>) {
  // expected-error @+1 {{rows of the block table must divide the 8 tokens, got 5}}
  %0 = deepseek.mla_absorbed %q, %r, %c[0] at %p, %b scale 0.1 : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<5x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @mla_absorbed_c4(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>, %n: tensor<64xbf16>) {
  // expected-error @+1 {{norm weight and bias must be 128, got 64}}
  %0 = deepseek.mla_absorbed %q, %r, %c[0] at %p, %b scale 0.1 norm(%n) {latentNorm = #deepseek<latent_norm rms>, normEps = 1.0e-6 : f64}
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32> norm(tensor<64xbf16>) -> tensor<8x4x128xbf16>
  return
}
