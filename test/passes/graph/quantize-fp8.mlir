// RUN: deepseek-opt %s -deepseek-quantize-fp8 -split-input-file | FileCheck %s --check-prefixes=CHECK,F32
// RUN: deepseek-opt %s -deepseek-quantize-fp8=scale-format=ue8m0 -split-input-file | FileCheck %s --check-prefixes=CHECK,UE8M0

deepseek.parameter @a : tensor<256x256xbf16>
deepseek.parameter @b : tensor<128x256xbf16>
// Weight in 128x128 blocks, input in 1x128; the input is quantised once for both projections.
// CHECK-LABEL: func.func @quantizes_projections
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x256xbf16>
// F32:           %[[Q:.+]] = deepseek.quantize %[[X]] : tensor<8x256xbf16> -> <8x256xf8E4M3FN, 1x128, f32>
// UE8M0:         %[[Q:.+]] = deepseek.quantize %[[X]] : tensor<8x256xbf16> -> <8x256xf8E4M3FN, 1x128, ue8m0>
// CHECK:         %[[A:.+]] = deepseek.quantize %{{.+}} : tensor<256x256xbf16>
// CHECK:         deepseek.linear %[[Q]], %[[A]]
// CHECK:         %[[B:.+]] = deepseek.quantize %{{.+}} : tensor<128x256xbf16>
// CHECK:         deepseek.linear %[[Q]], %[[B]]
func.func @quantizes_projections(%x: tensor<8x256xbf16>) -> (tensor<8x256xf32>, tensor<8x128xf32>) {
  %a = deepseek.load_parameter @a : tensor<256x256xbf16>
  %b = deepseek.load_parameter @b : tensor<128x256xbf16>
  %y = deepseek.linear %x, %a : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xf32>
  %z = deepseek.linear %x, %b : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xf32>
  %s = deepseek.add %y, %y : tensor<8x256xf32>
  %t = deepseek.add %z, %z : tensor<8x128xf32>
  return %s, %t : tensor<8x256xf32>, tensor<8x128xf32>
}

// -----

deepseek.parameter @gate : tensor<16x256xbf16>
// The gate's logits choose experts: they keep their precision.
// CHECK-LABEL: func.func @keeps_gate
// CHECK-NOT:     deepseek.quantize
// CHECK:         return
func.func @keeps_gate(%x: tensor<8x256xbf16>) -> (tensor<8x2xf32>, tensor<8x2xi32>) {
  %w = deepseek.load_parameter @gate : tensor<16x256xbf16>
  %l = deepseek.linear %x, %w : tensor<8x256xbf16>, tensor<16x256xbf16> -> tensor<8x16xf32>
  %v, %i = deepseek.moe_gate %l {topK = 2 : i64, nGroup = 1 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score none>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x2xf32>, tensor<8x2xi32>
  return %v, %i : tensor<8x2xf32>, tensor<8x2xi32>
}

// -----

deepseek.parameter @kv_b : tensor<256x128xbf16>
!cache = !deepseek.latent_cache<layers = 1, page = 64, latent = 128, rope = 16, element = bf16>
// kv_b of naive attention is quantised; the operation itself quantises the latents.
// CHECK-LABEL: func.func @quantizes_kv_b
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<8x4x32xbf16>
// CHECK:         %[[W:.+]] = deepseek.quantize %{{.+}} : tensor<256x128xbf16> -> <256x128xf8E4M3FN, 128x128
// CHECK-NOT:     deepseek.quantize
// CHECK:         deepseek.mla %[[Q]], %{{.+}}, %{{.+}}[0], %[[W]]
func.func @quantizes_kv_b(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>) -> tensor<8x4x32xbf16> {
  %w = deepseek.load_parameter @kv_b : tensor<256x128xbf16>
  %y = deepseek.mla %q, %r, %c[0], %w at %p, %b scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x32xbf16>
  %z = deepseek.add %y, %y : tensor<8x4x32xbf16>
  return %z : tensor<8x4x32xbf16>
}
