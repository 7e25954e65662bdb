// RUN: deepseek-opt %s -convert-deepseek-to-kernel | FileCheck %s

// CHECK-LABEL: func.func @plain
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x256xbf16>, %[[W:[^:]+]]: tensor<512x256xbf16>
// CHECK:         %[[D:.+]] = kernel.gemm %[[X]], %[[W]] : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16>
// CHECK:         return %[[D]]
func.func @plain(%x: tensor<8x256xbf16>, %w: tensor<512x256xbf16>) -> tensor<8x512xbf16> {
  %0 = deepseek.linear %x, %w : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16>
  return %0 : tensor<8x512xbf16>
}

// A block-scaled value is a pair of tensors; packing and unpacking are nothing.
// CHECK-LABEL: func.func @block_scaled
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x256xbf16>, %[[W:[^:]+]]: tensor<512x256xf8E4M3FN>, %[[S:[^:]+]]: tensor<4x2xf32>
// CHECK:         %[[Q:.+]]:2 = kernel.row_fusion rows 8 whole [](%[[X]]) : {{.*}} -> (tensor<8x256xf8E4M3FN>, tensor<8x2xf32>)
// CHECK:           %[[F:.+]] = arith.extf %{{.+}} : tensor<256xbf16> to tensor<256xf32>
// CHECK:           %[[DATA:.+]], %[[SCALES:.+]] = kernel.row_quantize %[[F]] :
// CHECK:           kernel.row_yield %[[DATA]], %[[SCALES]]
// CHECK:         %[[D:.+]] = kernel.gemm %[[Q]]#0, %[[W]] scales(%[[Q]]#1, %[[S]])
// CHECK:         return %[[D]], %[[Q]]#1
// CHECK-NOT:     deepseek
func.func @block_scaled(%x: tensor<8x256xbf16>, %w: tensor<512x256xf8E4M3FN>, %s: tensor<4x2xf32>) -> (tensor<8x512xbf16>, tensor<8x2xf32>) {
  %wp = deepseek.pack_scaled %w, %s : tensor<512x256xf8E4M3FN>, tensor<4x2xf32> -> !deepseek.block_scaled<512x256xf8E4M3FN, 128x128, f32>
  %q = deepseek.quantize %x : tensor<8x256xbf16> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  %0 = deepseek.linear %q, %wp : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<512x256xf8E4M3FN, 128x128, f32> -> tensor<8x512xbf16>
  %d, %scales = deepseek.unpack_scaled %q : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> -> tensor<8x256xf8E4M3FN>, tensor<8x2xf32>
  return %0, %scales : tensor<8x512xbf16>, tensor<8x2xf32>
}

// CHECK-LABEL: func.func @per_head
// CHECK:         kernel.gemm %{{.+}}, %{{.+}} : tensor<8x4x32xbf16>, tensor<4x128x32xbf16> -> tensor<8x4x128xbf16>
func.func @per_head(%x: tensor<8x4x32xbf16>, %w: tensor<4x128x32xbf16>) -> tensor<8x4x128xbf16> {
  %0 = deepseek.head_linear %x, %w : tensor<8x4x32xbf16>, tensor<4x128x32xbf16> -> tensor<8x4x128xbf16>
  return %0 : tensor<8x4x128xbf16>
}

// Blocks of 128x128 span rows: a kernel of their own.
// CHECK-LABEL: func.func @quantize_weight
// CHECK:         kernel.block_quantize %{{.+}} power_of_two : tensor<2x200x130xbf16> -> tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>
func.func @quantize_weight(%w: tensor<2x200x130xbf16>) -> (tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>) {
  %q = deepseek.quantize %w : tensor<2x200x130xbf16> -> !deepseek.block_scaled<2x200x130xf8E4M3FN, 128x128, ue8m0>
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<2x200x130xf8E4M3FN, 128x128, ue8m0> -> tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>
  return %d, %s : tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>
}

// The key half is a transposed view, the value half a view: nothing is copied.
// CHECK-LABEL: func.func @absorb
// CHECK-SAME:    %[[W:[^:]+]]: tensor<256x128xbf16>
// CHECK:         %[[H:.+]] = tensor.expand_shape %[[W]] {{.*}} into tensor<4x64x128xbf16>
// CHECK:         %[[K:.+]] = tensor.extract_slice %[[H]][0, 0, 0] [4, 40, 128] [1, 1, 1]
// CHECK:         %[[T:.+]] = kernel.transpose %[[K]] : tensor<4x40x128xbf16> -> tensor<4x128x40xbf16>
// CHECK:         %[[H2:.+]] = tensor.expand_shape %[[W]]
// CHECK:         %[[V:.+]] = tensor.extract_slice %[[H2]][0, 40, 0] [4, 24, 128] [1, 1, 1]
// CHECK:         return %[[T]], %[[V]]
func.func @absorb(%w: tensor<256x128xbf16>) -> (tensor<4x128x40xbf16>, tensor<4x24x128xbf16>) {
  %k = deepseek.absorb_key %w nope 40 value 24 : tensor<256x128xbf16> -> tensor<4x128x40xbf16>
  %v = deepseek.absorb_value %w nope 40 value 24 : tensor<256x128xbf16> -> tensor<4x24x128xbf16>
  return %k, %v : tensor<4x128x40xbf16>, tensor<4x24x128xbf16>
}

// A block-scaled kv_b is dequantised row by row, each row with the scales of its block row, and rounded once.
// CHECK-LABEL: func.func @absorb_scaled
// CHECK-SAME:    %[[W:[^:]+]]: tensor<256x128xf8E4M3FN>, %[[S:[^:]+]]: tensor<2x1xf32>
// CHECK:         %[[D:.+]] = kernel.row_fusion rows 256 whole [1](%[[W]], %[[S]])
// CHECK:         ^bb0(%[[ROW:.+]]: tensor<128xf8E4M3FN>, %[[TABLE:.+]]: tensor<2x1xf32>):
// CHECK:           %[[I:.+]] = kernel.row_index
// CHECK:           %[[C:.+]] = arith.constant dense<128> : tensor<i32>
// CHECK:           %[[B:.+]] = arith.divui %[[I]], %[[C]]
// CHECK:           %[[SCALES:.+]] = kernel.row_gather %[[TABLE]][%[[B]]]
// CHECK:           %[[F:.+]] = kernel.row_dequantize %[[ROW]], %[[SCALES]]
// CHECK:           arith.truncf %[[F]] : tensor<128xf32> to tensor<128xbf16>
// CHECK:         %[[H:.+]] = tensor.expand_shape %[[D]]
// CHECK:         %[[K:.+]] = tensor.extract_slice %[[H]]
// CHECK:         kernel.transpose %[[K]]
func.func @absorb_scaled(%w: tensor<256x128xf8E4M3FN>, %s: tensor<2x1xf32>) -> tensor<4x128x40xbf16> {
  %wp = deepseek.pack_scaled %w, %s : tensor<256x128xf8E4M3FN>, tensor<2x1xf32> -> !deepseek.block_scaled<256x128xf8E4M3FN, 128x128, f32>
  %k = deepseek.absorb_key %wp nope 40 value 24 : !deepseek.block_scaled<256x128xf8E4M3FN, 128x128, f32> -> tensor<4x128x40xbf16>
  return %k : tensor<4x128x40xbf16>
}

// Parameters of another element type (the CPU path) are converted first.
// CHECK-LABEL: func.func @absorb_converts
// CHECK:         kernel.row_fusion rows 256
// CHECK:           arith.extf %{{.+}} : tensor<128xbf16> to tensor<128xf32>
// CHECK:         kernel.transpose %{{.+}} : tensor<4x40x128xf32>
func.func @absorb_converts(%w: tensor<256x128xbf16>) -> tensor<4x128x40xf32> {
  %k = deepseek.absorb_key %w nope 40 value 24 : tensor<256x128xbf16> -> tensor<4x128x40xf32>
  return %k : tensor<4x128x40xf32>
}

// The experts' matrices: the row of matrix e = i / N, block row (i mod N) / 128 of it.
// CHECK-LABEL: func.func @dequantize_experts
// CHECK-SAME:    %[[W:[^:]+]]: tensor<3x200x64xf8E4M3FN>, %[[S:[^:]+]]: tensor<3x2x1xf32>
// CHECK:         %[[T:.+]] = tensor.collapse_shape %[[S]] {{.*}} into tensor<6x1xf32>
// CHECK:         %[[R:.+]] = tensor.collapse_shape %[[W]] {{.*}} into tensor<600x64xf8E4M3FN>
// CHECK:         kernel.row_fusion rows 600 whole [1](%[[R]], %[[T]])
// CHECK:           arith.divui
// CHECK:           arith.muli
// CHECK:           arith.remui
// CHECK:           arith.divui
// CHECK:           arith.addi
// CHECK:         tensor.expand_shape %{{.+}} into tensor<3x200x64xbf16>
func.func @dequantize_experts(%w: tensor<3x200x64xf8E4M3FN>, %s: tensor<3x2x1xf32>) -> tensor<3x200x64xbf16> {
  %wp = deepseek.pack_scaled %w, %s : tensor<3x200x64xf8E4M3FN>, tensor<3x2x1xf32> -> !deepseek.block_scaled<3x200x64xf8E4M3FN, 128x128, f32>
  %d = deepseek.dequantize %wp : !deepseek.block_scaled<3x200x64xf8E4M3FN, 128x128, f32> -> tensor<3x200x64xbf16>
  return %d : tensor<3x200x64xbf16>
}
