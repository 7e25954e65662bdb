// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print --pages 3 --range arg0=0:0 | FileCheck %s --match-full-lines
// The latent's norm, the key's rotation and the query's, and the record's way into the cache, as one region with a side effect.

// CHECK: fusion_rope_append.arg0 f32 [3, 1, 2, 4]
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 1 -2 0.8 0.6
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 0.84853 2.2627 2 -1
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: fusion_rope_append.result0 f32 [2, 1, 2]
// CHECK-NEXT: -0.6 0.8
// CHECK-NEXT: -5 -10
func.func @fusion_rope_append(%cache: !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>) -> tensor<2x1x2xf32> {
  %latent = arith.constant dense<[[1.0, -1.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %key = arith.constant dense<[[1.0, 0.0], [2.0, 1.0]]> : tensor<2x2xf32>
  %q = arith.constant dense<[[[0.0, 1.0]], [[5.0, -10.0]]]> : tensor<2x1x2xf32>
  %angles = arith.constant dense<[[[0.8, 0.6]], [[0.6, -0.8]]]> : tensor<2x1x2xf32>
  %positions = arith.constant dense<[1, 2]> : tensor<2xi32>
  %table = arith.constant dense<[[0, 2]]> : tensor<1x2xi32>
  %r = deepseek.fusion "rope_append" -> tensor<2x1x2xf32> {
    %0 = deepseek.rms_norm %latent, %w eps 1.0e-06 : tensor<2x2xf32>, tensor<2xf32> -> tensor<2x2xf32>
    %1 = deepseek.rope %key, %angles interleaved : tensor<2x2xf32>, tensor<2x1x2xf32> -> tensor<2x2xf32>
    %2 = deepseek.rope %q, %angles interleaved : tensor<2x1x2xf32>, tensor<2x1x2xf32> -> tensor<2x1x2xf32>
    deepseek.latent_cache_append %0, %1 to %cache[0] at %positions, %table : tensor<2x2xf32>, tensor<2x2xf32>, !deepseek.latent_cache<layers = 1, page = 2, latent = 2, rope = 2, element = f32>, tensor<2xi32>, tensor<1x2xi32>
    deepseek.yield %2 : tensor<2x1x2xf32>
  }
  return %r : tensor<2x1x2xf32>
}
