// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @fusion
func.func @fusion(%x: tensor<8x256xbf16>, %a: tensor<8x256xbf16>, %w: tensor<256xbf16>) -> (tensor<8x256xbf16>, tensor<8x256xbf16>) {
  // CHECK: deepseek.fusion "add_norm" -> tensor<8x256xbf16>, tensor<8x256xbf16> {
  %h, %y = deepseek.fusion "add_norm" -> tensor<8x256xbf16>, tensor<8x256xbf16> {
    %0 = deepseek.add %x, %a : tensor<8x256xbf16>
    %1 = deepseek.rms_norm %0, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
    // CHECK: deepseek.yield %{{.+}}, %{{.+}} : tensor<8x256xbf16>, tensor<8x256xbf16>
    deepseek.yield %0, %1 : tensor<8x256xbf16>, tensor<8x256xbf16>
  }
  return %h, %y : tensor<8x256xbf16>, tensor<8x256xbf16>
}
