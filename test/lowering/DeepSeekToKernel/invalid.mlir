// RUN: deepseek-opt %s -convert-deepseek-to-kernel -split-input-file -verify-diagnostics

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
func.func @absorbed_with_norm(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>, %w: tensor<128xbf16>) -> tensor<8x4x128xbf16> {
  // expected-error@+1 {{has no kernel with latent_norm rms: keep the naive form where latents are normalised on reading}}
  %0 = deepseek.mla_absorbed %q, %r, %c[2] at %p, %b scale 0.125 norm(%w) {latentNorm = #deepseek<latent_norm rms>, normEps = 1.0e-6}
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32> norm(tensor<128xbf16>) -> tensor<8x4x128xbf16>
  return %0 : tensor<8x4x128xbf16>
}

// -----

func.func @concat_of_values(%x: tensor<8x4xbf16>) -> tensor<16x4xbf16> {
  // expected-error@+1 {{of values that are not checkpoint tensors has no kernel}}
  %0 = deepseek.concat %x, %x dim 0 : (tensor<8x4xbf16>, tensor<8x4xbf16>) -> tensor<16x4xbf16>
  return %0 : tensor<16x4xbf16>
}

// -----

func.func @collective(%x: tensor<8x4xbf16>) -> tensor<8x4xbf16> {
  // expected-error@+1 {{'deepseek.all_reduce' op has no kernel}}
  %0 = deepseek.all_reduce %x ranks 2 sum : tensor<8x4xbf16> -> tensor<8x4xbf16>
  return %0 : tensor<8x4xbf16>
}

// -----

func.func @loop(%x: tensor<8x4xbf16>, %n: index) -> tensor<8x4xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%y = %x) -> tensor<8x4xbf16> {
    // expected-error@+1 {{'deepseek.add' op is nested in 'scf.for'; only straight-line functions lower to kernels}}
    %1 = deepseek.add %y, %x : tensor<8x4xbf16>
    scf.yield %1 : tensor<8x4xbf16>
  }
  return %0 : tensor<8x4xbf16>
}
