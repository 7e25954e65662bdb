// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @embedding
func.func @embedding(%tokens: tensor<8xi32>, %table: tensor<1024x256xbf16>) -> tensor<8x256xf32> {
  // CHECK: deepseek.embedding %{{.+}}, %{{.+}} : tensor<8xi32>, tensor<1024x256xbf16> -> tensor<8x256xf32>
  %0 = deepseek.embedding %tokens, %table : tensor<8xi32>, tensor<1024x256xbf16> -> tensor<8x256xf32>
  return %0 : tensor<8x256xf32>
}

// CHECK-LABEL: func.func @take_rows
func.func @take_rows(%x: tensor<128x256xbf16>, %rows: tensor<8xi32>) -> tensor<8x256xbf16> {
  // CHECK: deepseek.take_rows %{{.+}}, %{{.+}} : tensor<128x256xbf16>, tensor<8xi32> -> tensor<8x256xbf16>
  %0 = deepseek.take_rows %x, %rows : tensor<128x256xbf16>, tensor<8xi32> -> tensor<8x256xbf16>
  return %0 : tensor<8x256xbf16>
}

// CHECK-LABEL: func.func @norms
func.func @norms(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>, %b: tensor<256xbf16>) -> (tensor<8x256xbf16>, tensor<8x256xbf16>) {
  // CHECK: deepseek.rms_norm %{{.+}}, %{{.+}} eps {{.+}} : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  %0 = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  // CHECK: deepseek.layer_norm %{{.+}}, %{{.+}}, %{{.+}} eps
  %1 = deepseek.layer_norm %x, %w, %b eps 1.0e-05 : tensor<8x256xbf16>, tensor<256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  return %0, %1 : tensor<8x256xbf16>, tensor<8x256xbf16>
}

// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<8x256xf32>, %w: tensor<128x256xbf16>) -> tensor<8x128xf32> {
  // CHECK: deepseek.linear %{{.+}}, %{{.+}} : tensor<8x256xf32>, tensor<128x256xbf16> -> tensor<8x128xf32>
  %0 = deepseek.linear %x, %w : tensor<8x256xf32>, tensor<128x256xbf16> -> tensor<8x128xf32>
  return %0 : tensor<8x128xf32>
}

// CHECK-LABEL: func.func @linear_block_scaled
func.func @linear_block_scaled(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, ue8m0>,
                               %w: !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, ue8m0>) -> tensor<8x96xbf16> {
  // CHECK: deepseek.linear {{.*}} !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, ue8m0>, !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, ue8m0>
  %0 = deepseek.linear %x, %w : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, ue8m0>, !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, ue8m0> -> tensor<8x96xbf16>
  return %0 : tensor<8x96xbf16>
}

// CHECK-LABEL: func.func @head_linear
func.func @head_linear(%x: tensor<8x4x32xbf16>, %w: tensor<4x64x32xbf16>) -> tensor<8x4x64xbf16> {
  // CHECK: deepseek.head_linear
  %0 = deepseek.head_linear %x, %w : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
  return %0 : tensor<8x4x64xbf16>
}

// CHECK-LABEL: func.func @elementwise
func.func @elementwise(%x: tensor<8x256xbf16>, %y: tensor<8x256xbf16>) -> tensor<8x256xbf16> {
  // CHECK: deepseek.add %{{.+}}, %{{.+}} : tensor<8x256xbf16>
  %0 = deepseek.add %x, %y : tensor<8x256xbf16>
  // CHECK: deepseek.swiglu %{{.+}}, %{{.+}} : tensor<8x256xbf16>, tensor<8x256xbf16> -> tensor<8x256xbf16>
  %1 = deepseek.swiglu %0, %y : tensor<8x256xbf16>, tensor<8x256xbf16> -> tensor<8x256xbf16>
  return %1 : tensor<8x256xbf16>
}
