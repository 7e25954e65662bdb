// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @mla_decode_c1(%q: tensor<8x4x128xbf16>, %r: tensor<8x3x16xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{q_rope has shape [8, 3, 16], expected [8, 4, 16]}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x3x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x32xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{records of the cache have 144 elements, latent and key together 160}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x32xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2_layer(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{layer is 2, but the cache has 2 layers}}
  %0 = kernel.mla_decode %q, %r, %c[2] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2_quantized_bytes(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x160xi8>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{records of the cache have 160 bytes, latent, scales and key together 164}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x160xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2_quantized_latent(%q: tensor<8x4x192xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x232xi8>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{quantised records have a latent in steps of 128 and a key of an even number of elements, got 192 and 16}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x192xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x232xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x192xbf16>
  return
}

// -----

func.func @mla_decode_c2_quantized_key(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x15xbf16>, %c: memref<?x2x64x162xi8>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{quantised records have a latent in steps of 128 and a key of an even number of elements, got 128 and 15}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x15xbf16>, memref<?x2x64x162xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2_quantized_rank(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x164xi8>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{cache has 3 dimensions, expected 4}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x164xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2_element(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x144xi32>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{cache has element type 'i32', expected a float, or i8 for quantised records}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xi32>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c2_static(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<7x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{cache must be dynamic in its first dimension only, got 'memref<7x2x64x144xbf16>'}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<7x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c3(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<3x16xi32>) {
  // expected-error@+1 {{the number of sequences is 3, which does not divide the number of tokens 8}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<3x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_decode_c4(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{partial result has element type 'bf16', expected 'f32'}}
  %0, %l = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<3x8x4x128xbf16> lse tensor<3x8x4xf32>
  return
}

// -----

func.func @mla_decode_c5(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{schedule splits in 2 parts, but the results have 3}}
  %0, %l = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125 schedule <tile = [16, 32], split = 2>
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<3x8x4x128xf32> lse tensor<3x8x4xf32>
  return
}

// -----

func.func @mla_decode_c5_no_lse(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) {
  // expected-error@+1 {{schedule splits in 2 parts, but there is no lse}}
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125 schedule <tile = [16, 32], split = 2>
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @mla_combine_c1(%p: tensor<3x8x4x128xf32>, %l: tensor<2x8x4xf32>) {
  // expected-error@+1 {{lse has shape [2, 8, 4], expected [3, 8, 4]}}
  %0 = kernel.mla_combine %p, %l : tensor<3x8x4x128xf32>, tensor<2x8x4xf32> -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @cache_gather_c1(%c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<2x16xi32>) {
  // expected-error@+1 {{records of the cache have 144 elements, latent and key together 160}}
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<2048x128xbf16>, tensor<2048x32xbf16>, tensor<2xi32>
  return
}

// -----

func.func @cache_gather_c2(%c: memref<?x2x64x144xbf16>, %p: tensor<7xi32>, %b: tensor<2x16xi32>) {
  // expected-error@+1 {{the number of sequences is 2, which does not divide the number of tokens 7}}
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x2x64x144xbf16>, tensor<7xi32>, tensor<2x16xi32> -> tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>
  return
}

// -----

func.func @cache_gather_c3(%c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<2x16xi32>) {
  // expected-error@+1 {{latents has shape [1024, 128], expected [2048, 128]}}
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<1024x128xbf16>, tensor<1024x16xbf16>, tensor<2xi32>
  return
}

// -----

func.func @mla_prefill_c1(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %kv: tensor<2048x4x64xbf16>, %k: tensor<2048x16xbf16>, %p: tensor<4xi32>) {
  // expected-error@+1 {{positions has shape [4], expected [8]}}
  %0 = kernel.mla_prefill %q, %r, %kv, %k at %p sequences 2 scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, tensor<2048x4x64xbf16>, tensor<2048x16xbf16>, tensor<4xi32> -> tensor<8x4x32xbf16>
  return
}

// -----

func.func @mla_prefill_c2(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %kv: tensor<2048x4x64xbf16>, %k: tensor<2048x16xbf16>, %p: tensor<8xi32>) {
  // expected-error@+1 {{kv has shape [2048, 4, 64], expected [2048, 4, 56]}}
  %0 = kernel.mla_prefill %q, %r, %kv, %k at %p sequences 2 scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, tensor<2048x4x64xbf16>, tensor<2048x16xbf16>, tensor<8xi32> -> tensor<8x4x24xbf16>
  return
}

// -----

func.func @mla_prefill_c3(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %kv: tensor<2048x4x64xbf16>, %k: tensor<2048x16xbf16>, %p: tensor<8xi32>) {
  // expected-error@+1 {{sequences is 3, which does not divide the number of tokens 8}}
  %0 = kernel.mla_prefill %q, %r, %kv, %k at %p sequences 3 scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, tensor<2048x4x64xbf16>, tensor<2048x16xbf16>, tensor<8xi32> -> tensor<8x4x32xbf16>
  return
}
