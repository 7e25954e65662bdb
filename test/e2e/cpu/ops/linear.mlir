// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// x W^T with f32 sums, rounded once.

// CHECK: linear_plain.result0 f32 [2, 2]
// CHECK-NEXT: -2 5.5
// CHECK-NEXT: -5 2.125
func.func @linear_plain() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]]> : tensor<2x3xf32>
  %w = arith.constant dense<[[1.0, 0.0, -1.0], [2.0, 0.25, 1.0]]> : tensor<2x3xbf16>
  %y = deepseek.linear %x, %w : tensor<2x3xf32>, tensor<2x3xbf16> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// 256 + 1 + 1 + 1: bf16 sums would stay at 256; rounding once gives 260 (259 lies halfway between 258 and 260, to even).
// CHECK: linear_bf16.result0 bf16 [1, 1]
// CHECK-NEXT: 260
func.func @linear_bf16() -> tensor<1x1xbf16> {
  %x = arith.constant dense<[[256.0, 1.0, 1.0, 1.0]]> : tensor<1x4xbf16>
  %w = arith.constant dense<1.0> : tensor<1x4xbf16>
  %y = deepseek.linear %x, %w : tensor<1x4xbf16>, tensor<1x4xbf16> -> tensor<1x1xbf16>
  return %y : tensor<1x1xbf16>
}

// Block-scaled: (x * its scale) (w * its scale)^T.
// CHECK: linear_scaled.result0 f32 [2, 2]
// CHECK-NEXT: -4.5 6.375
// CHECK-NEXT: 13.125 4.89
func.func @linear_scaled() -> tensor<2x2xf32> {
  %x = arith.constant dense<[[1.0, -2.0, 0.5], [448.0, 1.5, 3.0]]> : tensor<2x3xf8E4M3FN>
  %xs = arith.constant dense<[[0.5], [0.01]]> : tensor<2x1xf32>
  %w = arith.constant dense<[[1.0, 1.0, -4.0], [0.25, 2.0, 16.0]]> : tensor<2x3xf8E4M3FN>
  %ws = arith.constant dense<[[3.0]]> : tensor<1x1xf32>
  %a = deepseek.pack_scaled %x, %xs : tensor<2x3xf8E4M3FN>, tensor<2x1xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>
  %b = deepseek.pack_scaled %w, %ws : tensor<2x3xf8E4M3FN>, tensor<1x1xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 128x128, f32>
  %y = deepseek.linear %a, %b : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<2x3xf8E4M3FN, 128x128, f32> -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// Two blocks of channels (128 and 2) and two of output features (128 and 1), each with its scale: columns 126 to 128 of the result.
// CHECK: linear_scaled_blocks.result0 f32 [1, 3]
// CHECK-NEXT: 64 64 20
func.func @linear_scaled_blocks() -> tensor<1x3xf32> {
  %x = arith.constant dense<2.0> : tensor<1x130xf8E4M3FN>
  %xs = arith.constant dense<[[0.5, 8.0]]> : tensor<1x2xf32>
  %w = arith.constant dense<0.25> : tensor<129x130xf8E4M3FN>
  %ws = arith.constant dense<[[1.0, 4.0], [0.125, 2.0]]> : tensor<2x2xf32>
  %a = deepseek.pack_scaled %x, %xs : tensor<1x130xf8E4M3FN>, tensor<1x2xf32> -> !deepseek.block_scaled<1x130xf8E4M3FN, 1x128, ue8m0>
  %b = deepseek.pack_scaled %w, %ws : tensor<129x130xf8E4M3FN>, tensor<2x2xf32> -> !deepseek.block_scaled<129x130xf8E4M3FN, 128x128, ue8m0>
  %y = deepseek.linear %a, %b : !deepseek.block_scaled<1x130xf8E4M3FN, 1x128, ue8m0>, !deepseek.block_scaled<129x130xf8E4M3FN, 128x128, ue8m0> -> tensor<1x129xf32>
  %part = tensor.extract_slice %y[0, 126] [1, 3] [1, 1] : tensor<1x129xf32> to tensor<1x3xf32>
  return %part : tensor<1x3xf32>
}
