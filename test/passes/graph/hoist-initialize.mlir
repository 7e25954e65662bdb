// RUN: deepseek-opt %s -deepseek-hoist-initialize -split-input-file | FileCheck %s

deepseek.parameter @q_a : tensor<128x256xbf16>
deepseek.parameter @kv_a : tensor<144x256xbf16>
// Two entries need the same concatenation: it is made once, and both load it.
// CHECK:       deepseek.parameter @"concat(q_a, kv_a)" derived : tensor<272x256xbf16>
// CHECK-LABEL: func.func @initialize() attributes {deepseek.entry = {kind = "initialize"}}
// CHECK:         %[[W:.+]] = deepseek.concat
// CHECK-NEXT:    deepseek.store_parameter %[[W]], @"concat(q_a, kv_a)"
// CHECK-NEXT:    return
// CHECK-LABEL: func.func @prefill
// CHECK-NOT:     deepseek.concat
// CHECK:         %[[L:.+]] = deepseek.load_parameter @"concat(q_a, kv_a)"
// CHECK:         deepseek.linear %{{.+}}, %[[L]]
func.func @prefill(%x: tensor<8x256xbf16>) -> tensor<8x272xbf16> {
  %q = deepseek.load_parameter @q_a : tensor<128x256xbf16>
  %k = deepseek.load_parameter @kv_a : tensor<144x256xbf16>
  %w = deepseek.concat %q, %k dim 0 : (tensor<128x256xbf16>, tensor<144x256xbf16>) -> tensor<272x256xbf16>
  %y = deepseek.linear %x, %w : tensor<8x256xbf16>, tensor<272x256xbf16> -> tensor<8x272xbf16>
  return %y : tensor<8x272xbf16>
}
// CHECK-LABEL: func.func @decode
// CHECK:         deepseek.load_parameter @"concat(q_a, kv_a)"
func.func @decode(%x: tensor<1x256xbf16>) -> tensor<1x272xbf16> {
  %q = deepseek.load_parameter @q_a : tensor<128x256xbf16>
  %k = deepseek.load_parameter @kv_a : tensor<144x256xbf16>
  %w = deepseek.concat %q, %k dim 0 : (tensor<128x256xbf16>, tensor<144x256xbf16>) -> tensor<272x256xbf16>
  %y = deepseek.linear %x, %w : tensor<1x256xbf16>, tensor<272x256xbf16> -> tensor<1x272xbf16>
  return %y : tensor<1x272xbf16>
}

// -----

deepseek.parameter @w : tensor<256x256xbf16>
// A weight quantised at load is kept as data and scales.
// CHECK-DAG:   deepseek.parameter @"quantize(w)" derived : tensor<256x256xf8E4M3FN>
// CHECK-DAG:   deepseek.parameter @"quantize(w).scale" derived : tensor<2x2xf32>
// CHECK-LABEL: func.func @initialize
// CHECK:         %[[Q:.+]] = deepseek.quantize
// CHECK:         %[[D:[^,]+]], %[[S:.+]] = deepseek.unpack_scaled %[[Q]]
// CHECK-DAG:     deepseek.store_parameter %[[D]], @"quantize(w)"
// CHECK-DAG:     deepseek.store_parameter %[[S]], @"quantize(w).scale"
// CHECK-LABEL: func.func @decode
// CHECK:         deepseek.pack_scaled
// CHECK-NOT:     deepseek.quantize %{{.+}} : tensor<256x256xbf16>
func.func @decode(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) -> tensor<8x256xbf16> {
  %w = deepseek.load_parameter @w : tensor<256x256xbf16>
  %q = deepseek.quantize %w : tensor<256x256xbf16> -> !deepseek.block_scaled<256x256xf8E4M3FN, 128x128, f32>
  %y = deepseek.linear %x, %q : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<256x256xf8E4M3FN, 128x128, f32> -> tensor<8x256xbf16>
  return %y : tensor<8x256xbf16>
}

// -----

deepseek.parameter @norm : tensor<256xbf16>
// Nothing depends on parameters alone: no @initialize appears.
// CHECK-NOT:   @initialize
// CHECK-LABEL: func.func @keeps_plain_use
// CHECK:         deepseek.load_parameter @norm
func.func @keeps_plain_use(%x: tensor<8x256xbf16>) -> tensor<8x256xbf16> {
  %w = deepseek.load_parameter @norm : tensor<256xbf16>
  %y = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  return %y : tensor<8x256xbf16>
}
