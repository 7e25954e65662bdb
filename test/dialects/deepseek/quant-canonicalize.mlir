// RUN: deepseek-opt %s -canonicalize | FileCheck %s

// Packing and unpacking again is nothing.
// CHECK-LABEL: func.func @unpack_of_pack
// CHECK-SAME:    %[[D:[^:]+]]: tensor<8x256xf8E4M3FN>, %[[S:[^:]+]]: tensor<8x2xf32>
// CHECK-NEXT:    return %[[D]], %[[S]]
func.func @unpack_of_pack(%d: tensor<8x256xf8E4M3FN>, %s: tensor<8x2xf32>) -> (tensor<8x256xf8E4M3FN>, tensor<8x2xf32>) {
  %0 = deepseek.pack_scaled %d, %s : tensor<8x256xf8E4M3FN>, tensor<8x2xf32> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  %1, %2 = deepseek.unpack_scaled %0 : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> -> tensor<8x256xf8E4M3FN>, tensor<8x2xf32>
  return %1, %2 : tensor<8x256xf8E4M3FN>, tensor<8x2xf32>
}

// What came from elsewhere is unpacked for real.
// CHECK-LABEL: func.func @keeps_unpack_of_argument
// CHECK:         deepseek.unpack_scaled
func.func @keeps_unpack_of_argument(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) -> tensor<8x256xf8E4M3FN> {
  %1, %2 = deepseek.unpack_scaled %x : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> -> tensor<8x256xf8E4M3FN>, tensor<8x2xf32>
  return %1 : tensor<8x256xf8E4M3FN>
}
