// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{a cache is a memref of 4 dimensions, dynamic in its first only; got 'tensor<4x4xf32>'}}
kernel.buffer @buffer_c1 cache : tensor<4x4xf32>

// -----

// expected-error@+1 {{the type must be a static tensor, got 'tensor<?x4xf32>'}}
kernel.buffer @buffer_c1_dynamic input : tensor<?x4xf32>

// -----

// expected-error@+1 {{only a parameter has sources, role is derived}}
kernel.buffer @buffer_c2 derived sources [#kernel.source<"w" at 0 : tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// expected-error@+1 {{source "w" has element type 'bf16', the buffer 'f32'}}
kernel.buffer @buffer_c2_element parameter sources [#kernel.source<"w" at 0 : tensor<4x4xbf16>>] : tensor<4x4xf32>

// -----

// expected-error@+1 {{source "w" occupies bytes 16 to 80 of a buffer of 64}}
kernel.buffer @buffer_c2_bounds parameter sources [#kernel.source<"w" at 16 : tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// expected-error@+1 {{sources "a" and "b" overlap}}
kernel.buffer @buffer_c2_overlap parameter sources [#kernel.source<"b" at 16 : tensor<2x4xf32>>, #kernel.source<"a" at 0 : tensor<2x4xf32>>] : tensor<4x4xf32>

// -----

func.func @load_buffer_c1_unknown() {
  // expected-error@+1 {{names @x, which is no kernel.buffer of this module}}
  %x = kernel.load_buffer @x : tensor<8xi32>
  return
}

// -----

// expected-note@+1 {{buffer declared here}}
kernel.buffer @x input : tensor<4xi32>
func.func @load_buffer_c1() {
  // expected-error@+1 {{has type 'tensor<8xi32>', which is no prefix of 'tensor<4xi32>'}}
  %x = kernel.load_buffer @x : tensor<8xi32>
  return
}

// -----

// expected-note@+1 {{buffer declared here}}
kernel.buffer @x output : tensor<8xi32>
func.func @load_buffer_c2() {
  // expected-error@+1 {{loads a buffer whose role is output}}
  %x = kernel.load_buffer @x : tensor<8xi32>
  return
}

// -----

kernel.buffer @cache cache : memref<?x4x64x144xbf16>
func.func @buffer_memref_c1() {
  // expected-error@+1 {{has element type 'f32', the buffer 'bf16'}}
  %x = kernel.buffer_memref @cache : memref<?x4x64x144xf32>
  return
}

// -----

// expected-note@+1 {{buffer declared here}}
kernel.buffer @cache cache : memref<?x4x64x144xbf16>
func.func @buffer_memref_c2() {
  // expected-error@+1 {{layer is 4, but the buffer has 4}}
  %x = kernel.buffer_memref @cache layer 4 : memref<?x1x64x144xbf16, strided<[36864, 9216, 144, 1], offset: ?>>
  return
}

// -----

// Only a cache has layers.
// expected-note@+1 {{buffer declared here}}
kernel.buffer @x output : tensor<8xi32>
func.func @buffer_memref_c2_tensor() {
  // expected-error@+1 {{layer is 1, but the buffer has 1}}
  %x = kernel.buffer_memref @x layer 1 : memref<8xi32>
  return
}

// -----

// expected-note@+1 {{buffer declared here}}
kernel.buffer @x output : tensor<8xi32>
func.func @store_buffer_c1(%v: tensor<8xf32>) {
  // expected-error@+1 {{has type 'tensor<8xf32>', which is no prefix of 'tensor<8xi32>'}}
  kernel.store_buffer %v, @x : tensor<8xf32>
  return
}

// -----

// expected-note@+1 {{buffer declared here}}
kernel.buffer @x parameter : tensor<8xi32>
func.func @store_buffer_c2(%v: tensor<8xi32>) {
  // expected-error@+1 {{stores to a buffer whose role is parameter}}
  kernel.store_buffer %v, @x : tensor<8xi32>
  return
}

// -----

// expected-error@+1 {{registers is -1, expected 0 or more}}
kernel.binary @binary_c1 shared 0 registers -1 : "cubin"

// -----

kernel.binary @k shared 0 registers 32 : "cubin"
func.func @launch_c1() {
  // expected-error@+1 {{grid must be three positive sizes}}
  kernel.launch @k grid [1, 1] threads 32 cluster 1 shared 0 args []
  return
}

// -----

kernel.binary @k shared 0 registers 32 : "cubin"
func.func @launch_c1_threads() {
  // expected-error@+1 {{threads is 2048, expected 1 to 1024}}
  kernel.launch @k grid [1, 1, 1] threads 2048 cluster 1 shared 0 args []
  return
}

// -----

kernel.binary @k shared 0 registers 32 : "cubin"
func.func @launch_c1_cluster() {
  // expected-error@+1 {{cluster is 2, which does not divide grid x 3}}
  kernel.launch @k grid [3, 1, 1] threads 128 cluster 2 shared 0 args []
  return
}

// -----

kernel.binary @k shared 0 registers 32 : "cubin"
func.func @launch_c2() {
  // expected-error@+1 {{argument 7 : i64 is no #kernel.pointer, #kernel.int or #kernel.tensor_map}}
  kernel.launch @k grid [1, 1, 1] threads 128 cluster 1 shared 0 args [7]
  return
}

// -----

func.func @launch_c3() {
  // expected-error@+1 {{names @k, which is no symbol of this module}}
  kernel.launch @k grid [1, 1, 1] threads 128 cluster 1 shared 0 args []
  return
}
