// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK: deepseek.parameter @model.norm.weight : tensor<256xbf16>
deepseek.parameter @"model.norm.weight" : tensor<256xbf16>
// CHECK: deepseek.parameter @model.layers.0.self_attn.qkv_a derived : tensor<272x256xbf16>
deepseek.parameter @"model.layers.0.self_attn.qkv_a" derived : tensor<272x256xbf16>
// CHECK: deepseek.parameter @"qkv a" derived : tensor<256x8xbf16>
deepseek.parameter @"qkv a" derived : tensor<256x8xbf16>

// CHECK-LABEL: func.func @parameters
func.func @parameters(%x: tensor<256x8xbf16>) -> tensor<256xbf16> {
  // CHECK: deepseek.load_parameter @model.norm.weight : tensor<256xbf16>
  %w = deepseek.load_parameter @"model.norm.weight" : tensor<256xbf16>
  // CHECK: deepseek.store_parameter %{{.+}}, @"qkv a" : tensor<256x8xbf16>
  deepseek.store_parameter %x, @"qkv a" : tensor<256x8xbf16>
  return %w : tensor<256xbf16>
}

// CHECK-LABEL: func.func @joined
func.func @joined(%q_a: tensor<128x256xbf16>, %kv_a: tensor<144x256xbf16>, %a: tensor<128x256xbf16>) -> (tensor<272x256xbf16>, tensor<2x128x256xbf16>) {
  // CHECK: deepseek.concat %{{.+}}, %{{.+}} dim 0 : (tensor<128x256xbf16>, tensor<144x256xbf16>) -> tensor<272x256xbf16>
  %qkv = deepseek.concat %q_a, %kv_a dim 0 : (tensor<128x256xbf16>, tensor<144x256xbf16>) -> tensor<272x256xbf16>
  // CHECK: deepseek.stack %{{.+}}, %{{.+}} : (tensor<128x256xbf16>, tensor<128x256xbf16>) -> tensor<2x128x256xbf16>
  %1 = deepseek.stack %a, %a : (tensor<128x256xbf16>, tensor<128x256xbf16>) -> tensor<2x128x256xbf16>
  return %qkv, %1 : tensor<272x256xbf16>, tensor<2x128x256xbf16>
}

// CHECK-LABEL: func.func @absorbed
func.func @absorbed(%w: tensor<256x64xbf16>, %s: !deepseek.block_scaled<256x64xf8E4M3FN, 128x128, f32>) -> (tensor<4x64x32xbf16>, tensor<4x32x64xbf16>) {
  // CHECK: deepseek.absorb_key %{{.+}} nope 32 value 32 : tensor<256x64xbf16> -> tensor<4x64x32xbf16>
  %0 = deepseek.absorb_key %w nope 32 value 32 : tensor<256x64xbf16> -> tensor<4x64x32xbf16>
  // CHECK: deepseek.absorb_value %{{.+}} nope 32 value 32 : !deepseek.block_scaled<256x64xf8E4M3FN, 128x128, f32> -> tensor<4x32x64xbf16>
  %1 = deepseek.absorb_value %s nope 32 value 32 : !deepseek.block_scaled<256x64xf8E4M3FN, 128x128, f32> -> tensor<4x32x64xbf16>
  return %0, %1 : tensor<4x64x32xbf16>, tensor<4x32x64xbf16>
}
