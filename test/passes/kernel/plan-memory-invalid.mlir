// RUN: deepseek-opt %s -kernel-plan-memory -split-input-file -verify-diagnostics

// expected-error@+1 {{expected a function of one block without arguments or results (bind-buffers), got 1 arguments and 0 results}}
func.func @unbound(%x: tensor<8x256xbf16>) {
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
func.func @stored_twice() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  // expected-note@+1 {{stored here first}}
  kernel.store_buffer %x, @y : tensor<8x256xbf16>
  // expected-error@+1 {{@y is stored twice by one function}}
  kernel.store_buffer %x, @y : tensor<8x256xbf16>
  return
}

// -----

kernel.buffer @y output : tensor<1x8xi32>
func.func @no_buffer() {
  // expected-note@+1 {{it comes from here}}
  %x = arith.constant dense<1.0> : tensor<1x64xf32>
  // expected-error@+1 {{an operand comes from an operation that is no kernel and has no buffer}}
  %v, %i = kernel.top_k %x k 8 : tensor<1x64xf32> -> tensor<1x8xf32>, tensor<1x8xi32>
  kernel.store_buffer %i, @y : tensor<1x8xi32>
  return
}
