// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^cache-gather$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Rows past a sequence are
// undefined, so the results are compared where the sequences fill their tables.

// Pieces of 16 bytes. The cache layer is not the first.
// range: v2_lite.arg1=191:191 v2_lite.arg2=0:7
func.func @v2_lite(%c: memref<?x2x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> (tensor<384x512xbf16>, tensor<384x64xbf16>, tensor<2xi32>) {
  %l, %k, %n = kernel.cache_gather %c[1] at %p, %b : memref<?x2x64x576xbf16>, tensor<2xi32>, tensor<2x3xi32> -> tensor<384x512xbf16>, tensor<384x64xbf16>, tensor<2xi32>
  return %l, %k, %n : tensor<384x512xbf16>, tensor<384x64xbf16>, tensor<2xi32>
}

// More tokens than threads.
// range: many_tokens.arg1=127:127 many_tokens.arg2=0:7
func.func @many_tokens(%c: memref<?x1x64x144xbf16>, %p: tensor<600xi32>, %b: tensor<2x2xi32>) -> (tensor<256x128xbf16>, tensor<256x16xbf16>, tensor<2xi32>) {
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x1x64x144xbf16>, tensor<600xi32>, tensor<2x2xi32> -> tensor<256x128xbf16>, tensor<256x16xbf16>, tensor<2xi32>
  return %l, %k, %n : tensor<256x128xbf16>, tensor<256x16xbf16>, tensor<2xi32>
}

// Rows of 80 and 16 elements.
// range: small.arg1=127:127 small.arg2=0:7
func.func @small(%c: memref<?x1x64x96xbf16>, %p: tensor<3xi32>, %b: tensor<3x2xi32>) -> (tensor<384x80xbf16>, tensor<384x16xbf16>, tensor<3xi32>) {
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x1x64x96xbf16>, tensor<3xi32>, tensor<3x2xi32> -> tensor<384x80xbf16>, tensor<384x16xbf16>, tensor<3xi32>
  return %l, %k, %n : tensor<384x80xbf16>, tensor<384x16xbf16>, tensor<3xi32>
}

// Element by element.
// range: odd_sizes.arg1=127:127 odd_sizes.arg2=0:7
func.func @odd_sizes(%c: memref<?x1x64x84xbf16>, %p: tensor<2xi32>, %b: tensor<2x2xi32>) -> (tensor<256x77xbf16>, tensor<256x7xbf16>, tensor<2xi32>) {
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x1x64x84xbf16>, tensor<2xi32>, tensor<2x2xi32> -> tensor<256x77xbf16>, tensor<256x7xbf16>, tensor<2xi32>
  return %l, %k, %n : tensor<256x77xbf16>, tensor<256x7xbf16>, tensor<2xi32>
}

// Short and empty sequences: what is read of the gathered rows is what mla_prefill may read.
// range: partial.arg1=-1:191 partial.arg2=0:7
func.func @partial(%c: memref<?x1x64x144xbf16>, %p: tensor<4xi32>, %b: tensor<2x3xi32>, %q: tensor<4x2x32xbf16>, %r: tensor<4x2x16xbf16>) -> (tensor<4x2x32xbf16>, tensor<2xi32>) {
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b : memref<?x1x64x144xbf16>, tensor<4xi32>, tensor<2x3xi32> -> tensor<384x128xbf16>, tensor<384x16xbf16>, tensor<2xi32>
  %kv = tensor.expand_shape %l [[0], [1, 2]] output_shape [384, 2, 64] : tensor<384x128xbf16> into tensor<384x2x64xbf16>
  %0 = kernel.mla_prefill %q, %r, %kv, %k at %p sequences 2 scale 0.1
    : tensor<4x2x32xbf16>, tensor<4x2x16xbf16>, tensor<384x2x64xbf16>, tensor<384x16xbf16>, tensor<4xi32> -> tensor<4x2x32xbf16>
  return %0, %n : tensor<4x2x32xbf16>, tensor<2xi32>
}
