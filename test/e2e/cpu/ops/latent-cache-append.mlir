// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// Record (latent, rope) of token t goes to page block_table[t / (T / S), positions[t] / page], row positions[t] % page of its layer. Pages hold 2 records here, the cache starts
// as zeros.

// A chunk of one sequence: positions 1 and 2 on pages 2 and 0; position -1 writes nothing; the other layer is untouched.
// CHECK: append_prefill.arg0 f32 [3, 2, 2, 3]
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 3 4 20
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 1 2 10
func.func @append_prefill(%cache: !deepseek.latent_cache<layers = 2, page = 2, latent = 2, rope = 1, element = f32>) {
  %latent = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %key = arith.constant dense<[[10.0], [20.0], [30.0]]> : tensor<3x1xf32>
  %positions = arith.constant dense<[1, 2, -1]> : tensor<3xi32>
  %table = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[1] at %positions, %table : tensor<3x2xf32>, tensor<3x1xf32>, !deepseek.latent_cache<layers = 2, page = 2, latent = 2, rope = 1, element = f32>, tensor<3xi32>, tensor<1x2xi32>
  return
}

// Decoding two sequences: each token by its own row of the table.
// CHECK: append_decode.arg0 f32 [3, 2, 2, 3]
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 3 4 20
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 1 2 10
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
// CHECK-NEXT: 0 0 0
func.func @append_decode(%cache: !deepseek.latent_cache<layers = 2, page = 2, latent = 2, rope = 1, element = f32>) {
  %latent = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %key = arith.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32>
  %positions = arith.constant dense<[0, 3]> : tensor<2xi32>
  %table = arith.constant dense<[[1, 0], [2, 0]]> : tensor<2x2xi32>
  deepseek.latent_cache_append %latent, %key to %cache[0] at %positions, %table : tensor<2x2xf32>, tensor<2x1xf32>, !deepseek.latent_cache<layers = 2, page = 2, latent = 2, rope = 1, element = f32>, tensor<2xi32>, tensor<2x2xi32>
  return
}
