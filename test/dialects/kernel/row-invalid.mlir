// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @row_fusion_c1(%x: tensor<8x4xf32>) {
  // expected-error@+1 {{whole must list inputs 0 to 1 (exclusive) in increasing order, got 1}}
  %y = kernel.row_fusion rows 8 whole [1] (%x) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%r: tensor<4xf32>):
    kernel.row_yield %r : tensor<4xf32>
  }
  return
}

// -----

func.func @row_fusion_c2(%x: tensor<8x4xf32>) {
  // expected-error@+1 {{input 0 is not whole, so its leading dimension must be 4, got 'tensor<8x4xf32>'}}
  %y = kernel.row_fusion rows 4 whole [] (%x) : (tensor<8x4xf32>) -> tensor<4x4xf32> {
  ^bb0(%r: tensor<4xf32>):
    kernel.row_yield %r : tensor<4xf32>
  }
  return
}

// -----

func.func @row_fusion_c3(%x: tensor<8x4xf32>, %w: tensor<4xf32>) {
  // expected-error@+1 {{argument 1 of the body is 'tensor<f32>', expected 'tensor<4xf32>'}}
  %y = kernel.row_fusion rows 8 whole [1] (%x, %w) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32> {
  ^bb0(%r: tensor<4xf32>, %s: tensor<f32>):
    kernel.row_yield %r : tensor<4xf32>
  }
  return
}

// -----

func.func @row_fusion_c4(%x: tensor<8x4xf32>) {
  // expected-error@+1 {{result 0 is 'tensor<8x5xf32>', which is not 8 rows of 'tensor<4xf32>'}}
  %y = kernel.row_fusion rows 8 whole [] (%x) : (tensor<8x4xf32>) -> tensor<8x5xf32> {
  ^bb0(%r: tensor<4xf32>):
    // expected-note@+1 {{yielded here}}
    kernel.row_yield %r : tensor<4xf32>
  }
  return
}

// -----

func.func @row_fusion_c5(%x: tensor<8x4xf32>, %n: tensor<3xi32>) {
  // expected-error@+1 {{the size of limit is 3, which does not divide rows 8}}
  %y = kernel.row_fusion rows 8 limit(%n : tensor<3xi32>) whole [] (%x) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%r: tensor<4xf32>):
    kernel.row_yield %r : tensor<4xf32>
  }
  return
}

// -----

func.func @row_fusion_c6(%x: tensor<8x4xf32>) {
  // expected-error@+1 {{a row program cannot hold 'tensor.expand_shape'}}
  %y = kernel.row_fusion rows 8 whole [] (%x) : (tensor<8x4xf32>) -> tensor<8x2x2xf32> {
  ^bb0(%r: tensor<4xf32>):
    // expected-note@+1 {{held here}}
    %e = tensor.expand_shape %r [[0, 1]] output_shape [2, 2] : tensor<4xf32> into tensor<2x2xf32>
    kernel.row_yield %e : tensor<2x2xf32>
  }
  return
}

// -----

func.func @row_fusion_c6_nested(%x: tensor<8x4xf32>) {
  // expected-error@+1 {{a row program cannot hold 'kernel.row_fusion'}}
  %y = kernel.row_fusion rows 8 whole [0] (%x) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
  ^bb0(%r: tensor<8x4xf32>):
    // expected-note@+1 {{held here}}
    %z = kernel.row_fusion rows 8 whole [] (%r) : (tensor<8x4xf32>) -> tensor<8x4xf32> {
    ^bb0(%q: tensor<4xf32>):
      kernel.row_yield %q : tensor<4xf32>
    }
    %i = kernel.row_index : tensor<i32>
    %g = kernel.row_gather %z[%i] : tensor<8x4xf32>, tensor<i32> -> tensor<4xf32>
    kernel.row_yield %g : tensor<4xf32>
  }
  return
}

// -----

func.func @row_reduce_c1(%x: tensor<4xf32>) {
  // expected-error@+1 {{result has 1 dimensions, expected 0}}
  %0 = kernel.row_reduce add %x : tensor<4xf32> -> tensor<1xf32>
  return
}

// -----

func.func @row_broadcast_c1(%x: tensor<1xf32>) {
  // expected-error@+1 {{x has 1 dimensions, expected 0}}
  %0 = kernel.row_broadcast %x : tensor<1xf32> -> tensor<4xf32>
  return
}

// -----

func.func @row_extract_c1(%x: tensor<4xf32>) {
  // expected-error@+1 {{result has element type 'i32', expected 'f32'}}
  %0 = kernel.row_extract %x[0] : tensor<4xf32> -> tensor<i32>
  return
}

// -----

func.func @row_extract_c2(%x: tensor<4xf32>) {
  // expected-error@+1 {{index is 4, expected 0 to 3}}
  %0 = kernel.row_extract %x[4] : tensor<4xf32> -> tensor<f32>
  return
}

// -----

func.func @row_gather_c1(%t: tensor<10x4xf32>, %i: tensor<i32>) {
  // expected-error@+1 {{a row of 'tensor<10x4xf32>' is not 'tensor<5xf32>'}}
  %0 = kernel.row_gather %t[%i] : tensor<10x4xf32>, tensor<i32> -> tensor<5xf32>
  return
}

// -----

func.func @row_gather_c2(%t: tensor<10x4xf32>, %i: tensor<1xi32>) {
  // expected-error@+1 {{index has 1 dimensions, expected 0}}
  %0 = kernel.row_gather %t[%i] : tensor<10x4xf32>, tensor<1xi32> -> tensor<4xf32>
  return
}

// -----

func.func @row_quantize_c1(%x: tensor<200xf32>) {
  // expected-error@+1 {{scales has shape [1], expected [2]}}
  %d, %s = kernel.row_quantize %x : tensor<200xf32> -> tensor<200xf8E4M3FN>, tensor<1xf32>
  return
}

// -----

func.func @row_dequantize_c1(%d: tensor<200xf8E4M3FN>, %s: tensor<1xf32>) {
  // expected-error@+1 {{scales has shape [1], expected [2]}}
  %0 = kernel.row_dequantize %d, %s : tensor<200xf8E4M3FN>, tensor<1xf32> -> tensor<200xf32>
  return
}

// -----

func.func @row_angles_c1(%p: tensor<i32>) {
  // expected-error@+1 {{result has shape [3, 2], expected [2, 2]}}
  %0 = kernel.row_angles %p {frequencies = array<f64: 1.0, 0.1>, magnitude = 1.0} : tensor<i32> -> tensor<3x2xf32>
  return
}

// -----

func.func @row_rope_c1(%x: tensor<3x6xf32>, %a: tensor<2x2xf32>) {
  // expected-error@+1 {{angles has shape [2, 2], expected [3, 2]}}
  %0 = kernel.row_rope %x, %a interleaved : tensor<3x6xf32>, tensor<2x2xf32> -> tensor<3x6xf32>
  return
}

// -----

func.func @row_cache_store_c1(%l: tensor<6x8xf32>, %k: tensor<6x4xf32>, %c: memref<?x2x64x12xf32>, %p: tensor<6xi32>, %b: tensor<2x5xi32>) {
  kernel.row_fusion rows 6 whole [2, 4] (%l, %k, %c, %p, %b) : (tensor<6x8xf32>, tensor<6x4xf32>, memref<?x2x64x12xf32>, tensor<6xi32>, tensor<2x5xi32>) -> () {
  ^bb0(%latent: tensor<8xf32>, %key: tensor<4xf32>, %cache: memref<?x2x64x12xf32>, %position: tensor<i32>, %blocks: tensor<2x5xi32>):
    // expected-error@+1 {{layer is 2, but the cache has 2 layers}}
    kernel.row_cache_store %latent, %key, %cache[2] at %position, %blocks : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xf32>, tensor<i32>, tensor<2x5xi32>
    kernel.row_yield
  }
  return
}

// -----

func.func @row_cache_store_c2(%l: tensor<6x8xf32>, %k: tensor<6x4xf32>, %c: memref<?x2x64x12xbf16>, %p: tensor<6xi32>, %b: tensor<2x5xi32>) {
  kernel.row_fusion rows 6 whole [2, 4] (%l, %k, %c, %p, %b) : (tensor<6x8xf32>, tensor<6x4xf32>, memref<?x2x64x12xbf16>, tensor<6xi32>, tensor<2x5xi32>) -> () {
  ^bb0(%latent: tensor<8xf32>, %key: tensor<4xf32>, %cache: memref<?x2x64x12xbf16>, %position: tensor<i32>, %blocks: tensor<2x5xi32>):
    // expected-error@+1 {{latent has element type 'f32', expected 'bf16'}}
    kernel.row_cache_store %latent, %key, %cache[1] at %position, %blocks : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xbf16>, tensor<i32>, tensor<2x5xi32>
    kernel.row_yield
  }
  return
}

// -----

func.func @row_cache_store_c3(%l: tensor<6x8xf32>, %k: tensor<6x4xf32>, %c: memref<?x2x64x12xf32>, %p: tensor<6x1xi32>, %b: tensor<2x5xi32>) {
  kernel.row_fusion rows 6 whole [2, 4] (%l, %k, %c, %p, %b) : (tensor<6x8xf32>, tensor<6x4xf32>, memref<?x2x64x12xf32>, tensor<6x1xi32>, tensor<2x5xi32>) -> () {
  ^bb0(%latent: tensor<8xf32>, %key: tensor<4xf32>, %cache: memref<?x2x64x12xf32>, %position: tensor<1xi32>, %blocks: tensor<2x5xi32>):
    // expected-error@+1 {{position has 1 dimensions, expected 0}}
    kernel.row_cache_store %latent, %key, %cache[1] at %position, %blocks : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xf32>, tensor<1xi32>, tensor<2x5xi32>
    kernel.row_yield
  }
  return
}

// -----

// A sequence would have no whole number of rows.
func.func @row_cache_store_c3_sequences(%l: tensor<6x8xf32>, %k: tensor<6x4xf32>, %c: memref<?x2x64x12xf32>, %p: tensor<6xi32>, %b: tensor<4x5xi32>) {
  kernel.row_fusion rows 6 whole [2, 4] (%l, %k, %c, %p, %b) : (tensor<6x8xf32>, tensor<6x4xf32>, memref<?x2x64x12xf32>, tensor<6xi32>, tensor<4x5xi32>) -> () {
  ^bb0(%latent: tensor<8xf32>, %key: tensor<4xf32>, %cache: memref<?x2x64x12xf32>, %position: tensor<i32>, %blocks: tensor<4x5xi32>):
    // expected-error@+1 {{the number of sequences is 4, which does not divide rows 6}}
    kernel.row_cache_store %latent, %key, %cache[1] at %position, %blocks : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xf32>, tensor<i32>, tensor<4x5xi32>
    kernel.row_yield
  }
  return
}

// -----

// Which record, depends on the row.
func.func @row_cache_store_parent(%l: tensor<8xf32>, %k: tensor<4xf32>, %c: memref<?x2x64x12xf32>, %p: tensor<i32>, %b: tensor<2x5xi32>) {
  // expected-error@+1 {{expects parent op 'kernel.row_fusion'}}
  kernel.row_cache_store %l, %k, %c[1] at %p, %b : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xf32>, tensor<i32>, tensor<2x5xi32>
  return
}

// -----

func.func @row_index_c1(%x: tensor<8x4xf32>) {
  kernel.row_fusion rows 8 whole [] (%x) : (tensor<8x4xf32>) -> () {
  ^bb0(%r: tensor<4xf32>):
    // expected-error@+1 {{result has 1 dimensions, expected 0}}
    %i = kernel.row_index : tensor<4xi32>
    kernel.row_yield
  }
  return
}

// -----

func.func @row_index_parent() {
  // expected-error@+1 {{expects parent op 'kernel.row_fusion'}}
  %i = kernel.row_index : tensor<i32>
  return
}
