// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// result[i] = w[e] rows[i] for offsets[e] <= i < offsets[e + 1].

// The second of three experts has no rows.
// CHECK: grouped_plain.result0 f32 [3, 2]
// CHECK-NEXT: 1 2
// CHECK-NEXT: 3 4
// CHECK-NEXT: -4 0
func.func @grouped_plain() -> tensor<3x2xf32> {
  %rows = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]]> : tensor<3x2xf32>
  %offsets = arith.constant dense<[0, 2, 2, 3]> : tensor<4xi32>
  %w = arith.constant dense<[[[1.0, 0.0], [0.0, 1.0]], [[100.0, 100.0], [100.0, 100.0]], [[2.0, -4.0], [0.5, 1.0]]]> : tensor<3x2x2xbf16>
  %y = deepseek.grouped_linear %rows, %offsets, %w : tensor<3x2xf32>, tensor<4xi32>, tensor<3x2x2xbf16> -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// f32 sums, one rounding: 256 + 1 + 1 + 1 = 260 in bf16.
// CHECK: grouped_bf16.result0 bf16 [1, 1]
// CHECK-NEXT: 260
func.func @grouped_bf16() -> tensor<1x1xbf16> {
  %rows = arith.constant dense<[[256.0, 1.0, 1.0, 1.0]]> : tensor<1x4xbf16>
  %offsets = arith.constant dense<[0, 1]> : tensor<2xi32>
  %w = arith.constant dense<1.0> : tensor<1x1x4xbf16>
  %y = deepseek.grouped_linear %rows, %offsets, %w : tensor<1x4xbf16>, tensor<2xi32>, tensor<1x1x4xbf16> -> tensor<1x1xbf16>
  return %y : tensor<1x1xbf16>
}

// Each expert has its own scales.
// CHECK: grouped_scaled.result0 f32 [2, 2]
// CHECK-NEXT: -4.5 6.375
// CHECK-NEXT: 2.6895 0.905
func.func @grouped_scaled() -> tensor<2x2xf32> {
  %d = arith.constant dense<[[1.0, -2.0, 0.5], [448.0, 1.5, 3.0]]> : tensor<2x3xf8E4M3FN>
  %s = arith.constant dense<[[0.5], [0.01]]> : tensor<2x1xf32>
  %offsets = arith.constant dense<[0, 1, 2]> : tensor<3xi32>
  %wd = arith.constant dense<[[[1.0, 1.0, -4.0], [0.25, 2.0, 16.0]], [[3.0, 0.5, 0.0], [1.0, 1.0, 1.0]]]> : tensor<2x2x3xf8E4M3FN>
  %ws = arith.constant dense<[[[3.0]], [[0.2]]]> : tensor<2x1x1xf32>
  %rows = deepseek.pack_scaled %d, %s : tensor<2x3xf8E4M3FN>, tensor<2x1xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>
  %w = deepseek.pack_scaled %wd, %ws : tensor<2x2x3xf8E4M3FN>, tensor<2x1x1xf32> -> !deepseek.block_scaled<2x2x3xf8E4M3FN, 128x128, f32>
  %y = deepseek.grouped_linear %rows, %offsets, %w : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>, tensor<3xi32>, !deepseek.block_scaled<2x2x3xf8E4M3FN, 128x128, f32> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}
