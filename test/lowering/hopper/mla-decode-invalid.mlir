// RUN: deepseek-opt %s -convert-kernel-to-nvvm -split-input-file -verify-diagnostics
// What the verifier lets pass and the kernel cannot be built with is an error that names field, value and expectation.

// What does not fit names what it is made of.
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @shared_memory() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: needs 247552 bytes of shared memory (3 stages of 64 records, 16 query rows, their scores), 232448 fit}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 64], stages = 3, warps = 8> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @registers() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: a thread would need about 320 registers, 255 fit; take fewer rows or keys, or more warps}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 2, warps = 1> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

// Sixteen warps share the registers of a multiprocessor.
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @registers_of_many_warps() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: a thread would need about 152 registers, 128 fit; take fewer rows or keys, or more warps}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 64], stages = 2, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @tile_count() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: tile has 1 sizes, expected two: rows, keys}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16], stages = 2> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @rows() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: tile has 48 rows, expected 16, 32 or 64}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [48, 32], stages = 2> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @negative_rows() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: tile has -16 rows, expected 16, 32 or 64}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [-16, 32], stages = 2> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @keys() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: tile has 48 keys, expected 16, 32 or 64 that divide the page of 64}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 48], stages = 2> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x32x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @keys_of_page() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x32x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: tile has 64 keys, expected 16, 32 or 64 that divide the page of 32}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 64], stages = 2> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x32x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @warps() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: warps is 3, expected 1, 2, 4, 8 or 16}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 2, warps = 3> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @warps_zero() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: warps is 0, expected 1, 2, 4, 8 or 16}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 2, warps = 0> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

// The default of the attribute is one stage.
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @stages() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: stages is 1, expected 2 to 64}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32]> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

// Sizes that overflow must not look as if they fitted.
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @stages_without_end() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: stages is 4611686018427387904, expected 2 to 64}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 4611686018427387904, warps = 8> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @cluster() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: cluster is 2, expected 1}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 2, cluster = 2, warps = 8> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @scale() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{scale must be positive and finite, got 0.0}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.0 {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

// No tile divides the page.
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x24x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @page() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x24x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{the cache has pages of 24 positions, expected a multiple of 16}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x24x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

// Records that no schedule holds.
kernel.buffer @q input : tensor<1x16x4096xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x4160xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @width() {
  %q = kernel.load_buffer @q : tensor<1x16x4096xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x4160xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{no schedule holds records of 4160 elements: 2 stages of 16 need 406272 bytes of shared memory, 232448 fit, and a thread about 308 registers, 255 fit}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x4096xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x4160xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x4096xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x0xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @no_tokens() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x0xi32>
  // expected-error@+2 {{needs at least one token, head, latent element, page and part; got 1 tokens, 16 heads, latent 512, 0 pages of 64 positions, 1 parts}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x0xi32> -> tensor<1x16x512xbf16>
  return
}
