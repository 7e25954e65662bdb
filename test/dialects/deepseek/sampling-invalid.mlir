// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @argmax_c1(%x: tensor<8x256xf32>) {
  // expected-error @+1 {{result must be 8, got 256}}
  %r = deepseek.argmax %x : tensor<8x256xf32> -> tensor<256xi32>
  return
}

// -----

func.func @top_k_c1(%x: tensor<8x256xf32>) {
  // expected-error @+1 {{k must be in [1, 256], got 0}}
  %v, %i = deepseek.top_k %x k 0 : tensor<8x256xf32> -> tensor<8x1xf32>, tensor<8x1xi32>
  return
}

// -----

func.func @top_k_c2(%x: tensor<8x256xf32>) {
  // expected-error @+1 {{values must be 8x2, got 8x3}}
  %v, %i = deepseek.top_k %x k 2 : tensor<8x256xf32> -> tensor<8x3xf32>, tensor<8x2xi32>
  return
}

// -----

func.func @sample_c1(%l: tensor<256xf32>, %t: tensor<8xf32>, %k: tensor<8xi32>, %p: tensor<8xf32>, %s: tensor<8xi64>, %q: tensor<8xi32>) {
  // expected-error @+1 {{logits must have rank 2, got 1 (256)}}
  %r = deepseek.sample %l, %t, %k, %p, %s, %q : (tensor<256xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @sample_c2(%l: tensor<8x256xf32>, %t: tensor<8xf32>, %k: tensor<4xi32>, %p: tensor<8xf32>, %s: tensor<8xi64>, %q: tensor<8xi32>) {
  // expected-error @+1 {{top_k must be 8, got 4}}
  %r = deepseek.sample %l, %t, %k, %p, %s, %q : (tensor<8x256xf32>, tensor<8xf32>, tensor<4xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return
}
