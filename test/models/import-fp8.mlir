// The graph of an FP8 checkpoint: linear weights are block-scaled, and each of their inputs is quantised once.
// RUN: import-model %source_dir/models/tiny-shakespeare-fp8 --decode=2 --prefill=16 | FileCheck %s --check-prefixes=CHECK,F32
// RUN: import-model %source_dir/models/tiny-shakespeare-fp8 --decode=2 --prefill=16 --bf16 | FileCheck %s --check-prefixes=CHECK,BF16
// RUN: import-model %source_dir/test/checkpoints/rand-v3-ue8m0 --decode=2 --prefill=16 | FileCheck %s --check-prefix=UE8M0

// CHECK:         deepseek.parameter @model.embed_tokens.weight : tensor<1024x256xbf16>
// CHECK:         deepseek.parameter @model.layers.0.self_attn.q_a_proj.weight : tensor<128x256xf8E4M3FN>
// CHECK-NEXT:    deepseek.parameter @model.layers.0.self_attn.q_a_proj.weight_scale_inv : tensor<1x2xf32>
// CHECK:         deepseek.parameter @model.layers.0.self_attn.kv_a_proj_with_mqa.weight_scale_inv : tensor<2x2xf32>
// CHECK:         deepseek.parameter @model.layers.1.mlp.gate.weight : tensor<16x256xbf16>

// CHECK-LABEL: func.func @decode_2(
// F32-SAME:      latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = f32>
// BF16-SAME:     latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>
// CHECK:         %[[H:.+]] = deepseek.rms_norm
// F32:           %[[Q:.+]] = deepseek.quantize %[[H]] : tensor<2x256xf32> -> <2x256xf8E4M3FN, 1x128, f32>
// BF16:          %[[Q:.+]] = deepseek.quantize %[[H]] : tensor<2x256xbf16> -> <2x256xf8E4M3FN, 1x128, f32>
// CHECK:         %[[W:.+]] = deepseek.pack_scaled %q_a_proj, %q_a_proj{{.*}} -> <128x256xf8E4M3FN, 128x128, f32>
// CHECK:         deepseek.linear %[[Q]], %[[W]]
// CHECK:         deepseek.linear %[[Q]], {{.+}}<144x256xf8E4M3FN
// The cache is read in its own type; attention quantises what it reads.
// CHECK:         deepseek.mla %{{.+}}, %{{.+}}, %cache[0], %{{.+}} : {{.+}}<512x128xf8E4M3FN, 128x128, f32>

// The router sees the unquantised row; experts and shared experts share one quantised copy.
// CHECK:         %[[M:mlp_norm.*]] = deepseek.rms_norm %attn_residual{{.*}}, %post_attention_layernorm
// CHECK:         %[[M1:mlp_norm.*]] = deepseek.rms_norm %attn_residual
// CHECK:         %[[MQ:.+]] = deepseek.quantize %[[M1]]
// CHECK:         deepseek.linear %[[M1]], %gate{{.*}}tensor<16x256xbf16>
// CHECK:         %[[R:.+]], %[[OFF:.+]], %{{.+}} = deepseek.moe_dispatch %[[MQ]]
// CHECK:         %[[DATA:.+]] = deepseek.stack {{.+}} -> tensor<16x128x256xf8E4M3FN>
// CHECK:         %[[SCALES:.+]] = deepseek.stack {{.+}} -> tensor<16x1x2xf32>
// CHECK:         %[[GW:.+]] = deepseek.pack_scaled %[[DATA]], %[[SCALES]]
// CHECK:         deepseek.grouped_linear %[[R]], %[[OFF]], %[[GW]]
// CHECK:         %[[S:.+]] = deepseek.swiglu
// CHECK:         %[[SQ:.+]] = deepseek.quantize %[[S]]
// CHECK:         deepseek.grouped_linear %[[SQ]], %[[OFF]]
// CHECK:         deepseek.linear %[[MQ]]

// UE8M0: deepseek.quantize {{.+}}1x128, ue8m0>
// UE8M0: deepseek.pack_scaled {{.+}}128x128, ue8m0>
