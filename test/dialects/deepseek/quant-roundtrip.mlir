// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @quantize
func.func @quantize(%x: tensor<8x300xbf16>) -> tensor<8x300xbf16> {
  // CHECK: deepseek.quantize %{{.+}} : tensor<8x300xbf16> -> <8x300xf8E4M3FN, 1x128, f32>
  %0 = deepseek.quantize %x : tensor<8x300xbf16> -> !deepseek.block_scaled<8x300xf8E4M3FN, 1x128, f32>
  // CHECK: deepseek.dequantize %{{.+}} : <8x300xf8E4M3FN, 1x128, f32> -> tensor<8x300xbf16>
  %1 = deepseek.dequantize %0 : !deepseek.block_scaled<8x300xf8E4M3FN, 1x128, f32> -> tensor<8x300xbf16>
  return %1 : tensor<8x300xbf16>
}

// CHECK-LABEL: func.func @pack
func.func @pack(%d: tensor<4x200x300xf8E4M3FN>, %s: tensor<4x2x3xf32>) -> (tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32>) {
  // CHECK: deepseek.pack_scaled %{{.+}}, %{{.+}} : tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32> -> <4x200x300xf8E4M3FN, 128x128, ue8m0>
  %0 = deepseek.pack_scaled %d, %s : tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32> -> !deepseek.block_scaled<4x200x300xf8E4M3FN, 128x128, ue8m0>
  // CHECK: deepseek.unpack_scaled
  %1, %2 = deepseek.unpack_scaled %0 : !deepseek.block_scaled<4x200x300xf8E4M3FN, 128x128, ue8m0> -> tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32>
  return %1, %2 : tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32>
}
