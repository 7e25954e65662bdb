// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// For each block: s = max(max|x|, 1e-4) / 448, with ue8m0 2^ceil(log2 s); data = e4m3(x / s), to nearest even.

// Rows of one partial block. 448 / s are integers here, so that ties are exact: 17 lies between 16 and 18 and goes to 16, 19 to 20; the row of zeros takes the
// smallest scale.
// CHECK: quantize_f32.result0 f8E4M3FN [3, 4]
// CHECK-NEXT: 448 -16 20 0.0039062
// CHECK-NEXT: 0 0 0 0
// CHECK-NEXT: 448 -128 22 0.4375
// CHECK-NEXT: quantize_f32.result1 f32 [3, 1]
// CHECK-NEXT: 1
// CHECK-NEXT: 2.2321e-07
// CHECK-NEXT: 0.0022321
func.func @quantize_f32() -> (tensor<3x4xf8E4M3FN>, tensor<3x1xf32>) {
  %x = arith.constant dense<[[448.0, -17.0, 19.0, 0.00390625], [0.0, 0.0, 0.0, 0.0], [1.0, -0.3, 0.05, 0.001]]> : tensor<3x4xf32>
  %q = deepseek.quantize %x : tensor<3x4xf32> -> !deepseek.block_scaled<3x4xf8E4M3FN, 1x128, f32>
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<3x4xf8E4M3FN, 1x128, f32> -> tensor<3x4xf8E4M3FN>, tensor<3x1xf32>
  return %d, %s : tensor<3x4xf8E4M3FN>, tensor<3x1xf32>
}

// Scales are powers of two: 448 / 448 = 1 stays 1, 449 / 448 becomes 2, 1e-4 / 448 = 2^-22.09 becomes 2^-22.
// CHECK: quantize_ue8m0.result0 f8E4M3FN [3, 2]
// CHECK-NEXT: 448 3.25
// CHECK-NEXT: 224 -48
// CHECK-NEXT: 40 0
// CHECK-NEXT: quantize_ue8m0.result1 f32 [3, 1]
// CHECK-NEXT: 1
// CHECK-NEXT: 2
// CHECK-NEXT: 2.3842e-07
func.func @quantize_ue8m0() -> (tensor<3x2xf8E4M3FN>, tensor<3x1xf32>) {
  %x = arith.constant dense<[[448.0, 3.3], [449.0, -100.0], [0.00001, 0.0]]> : tensor<3x2xf32>
  %q = deepseek.quantize %x : tensor<3x2xf32> -> !deepseek.block_scaled<3x2xf8E4M3FN, 1x128, ue8m0>
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<3x2xf8E4M3FN, 1x128, ue8m0> -> tensor<3x2xf8E4M3FN>, tensor<3x1xf32>
  return %d, %s : tensor<3x2xf8E4M3FN>, tensor<3x1xf32>
}

// 130 columns of ones but for the last three: a whole block and a partial one, each with its scale. Columns 126 to 129 of the data.
// CHECK: quantize_blocks.result0 f8E4M3FN [2, 4]
// CHECK-NEXT: 224 448 -32 448
// CHECK-NEXT: 128 448 448 64
// CHECK-NEXT: quantize_blocks.result1 f32 [2, 2]
// CHECK-NEXT: 0.0044643 0.015625
// CHECK-NEXT: 0.0078125 0.22321
func.func @quantize_blocks() -> (tensor<2x4xf8E4M3FN>, tensor<2x2xf32>) {
  %ones = arith.constant dense<1.0> : tensor<2x130xbf16>
  %tail = arith.constant dense<[[2.0, -0.5, 7.0], [3.5, 100.0, 14.0]]> : tensor<2x3xbf16>
  %y = tensor.insert_slice %tail into %ones[0, 127] [2, 3] [1, 1] : tensor<2x3xbf16> into tensor<2x130xbf16>
  %q = deepseek.quantize %y : tensor<2x130xbf16> -> !deepseek.block_scaled<2x130xf8E4M3FN, 1x128, f32>
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<2x130xf8E4M3FN, 1x128, f32> -> tensor<2x130xf8E4M3FN>, tensor<2x2xf32>
  %part = tensor.extract_slice %d[0, 126] [2, 4] [1, 1] : tensor<2x130xf8E4M3FN> to tensor<2x4xf8E4M3FN>
  return %part, %s : tensor<2x4xf8E4M3FN>, tensor<2x2xf32>
}

// Blocks of 128 x 128, as of weights: one scale for all rows.
// CHECK: quantize_weight.result0 f8E4M3FN [2, 3]
// CHECK-NEXT: 128 -256 96
// CHECK-NEXT: 448 13 -1.25
// CHECK-NEXT: quantize_weight.result1 f32 [1, 1]
// CHECK-NEXT: 0.0078125
func.func @quantize_weight() -> (tensor<2x3xf8E4M3FN>, tensor<1x1xf32>) {
  %x = arith.constant dense<[[1.0, -2.0, 0.75], [3.5, 0.1, -0.01]]> : tensor<2x3xbf16>
  %q = deepseek.quantize %x : tensor<2x3xbf16> -> !deepseek.block_scaled<2x3xf8E4M3FN, 128x128, f32>
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<2x3xf8E4M3FN, 128x128, f32> -> tensor<2x3xf8E4M3FN>, tensor<1x1xf32>
  return %d, %s : tensor<2x3xf8E4M3FN>, tensor<1x1xf32>
}
