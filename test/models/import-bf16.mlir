// The graph of a V3-like checkpoint in bf16: one dense layer, then mixtures of experts.
// RUN: import-model %source_dir/models/tiny-shakespeare --decode=2,8 --prefill=16 | FileCheck %s
// RUN: import-model %source_dir/models/tiny-shakespeare --decode=2 --prefill=16 | deepseek-opt -verify-roundtrip -o %t.ignored

// CHECK:      module attributes {deepseek.config = "{\0A
// CHECK-SAME: deepseek.model = {activation_dtype = "f32", bos_token_id = 0 : i64, eos_token_id = [1],
// CHECK-SAME:   layers = 4 : i64, max_batch = 8 : i64, max_context = 1024 : i64, max_prefill = 16 : i64, page_size = 64 : i64,
// CHECK-SAME:   vocab_size = 1024 : i64}

// Tensors have the checkpoint's names, shapes and types, in the order of their first use.
// CHECK:      deepseek.parameter @model.embed_tokens.weight : tensor<1024x256xbf16>
// CHECK-NEXT: deepseek.parameter @model.layers.0.input_layernorm.weight : tensor<256xbf16>
// CHECK-NEXT: deepseek.parameter @model.layers.0.self_attn.q_a_proj.weight : tensor<128x256xbf16>
// CHECK:      deepseek.parameter @model.layers.1.mlp.gate.e_score_correction_bias : tensor<16xf32>
// CHECK-NEXT: deepseek.parameter @model.layers.1.mlp.experts.0.gate_proj.weight : tensor<128x256xbf16>

// A prefill attends within one sequence and computes the logits of chosen rows only.
// CHECK-LABEL: func.func @prefill_16(
// CHECK-SAME:    %[[TOKENS:[a-z_]+]]: tensor<16xi32> {deepseek.buffer = "tokens"}, %[[POSITIONS:[a-z_]+]]: tensor<16xi32> {deepseek.buffer = "positions"},
// CHECK-SAME:    %[[TABLE:[a-z_]+]]: tensor<1x16xi32> {deepseek.buffer = "block_table"},
// CHECK-SAME:    %[[CACHE:[a-z_]+]]: !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = f32> {deepseek.buffer = "cache"},
// CHECK-SAME:    %[[ROWS:[a-z_]+]]: tensor<8xi32> {deepseek.buffer = "logit_rows"}, %{{.+}}: tensor<8xf32> {deepseek.buffer = "temperature"},
// CHECK-SAME:    %{{.+}}: tensor<8xi32> {deepseek.buffer = "top_k"}, %{{.+}}: tensor<8xf32> {deepseek.buffer = "top_p"}, %{{.+}}: tensor<8xi64> {deepseek.buffer = "seed"})
// CHECK-SAME:    -> (tensor<8x1024xf32> {deepseek.buffer = "logits"}, tensor<8xi32> {deepseek.buffer = "next_tokens"})
// CHECK-SAME:    deepseek.entry = {kind = "prefill", rows = 8 : i64, tokens = 16 : i64}
// CHECK:         %[[ANGLES:.+]] = deepseek.rope_angles %[[POSITIONS]]
// CHECK:         %[[X:.+]] = deepseek.embedding %[[TOKENS]]
// CHECK:         %[[H:.+]] = deepseek.rms_norm %[[X]]
// CHECK:         %[[QA:.+]] = deepseek.linear %[[H]], %q_a_proj
// CHECK:         %[[QL:.+]] = deepseek.rms_norm %[[QA]], %q_a_layernorm
// CHECK:         %[[Q:.+]] = deepseek.linear %[[QL]], %q_b_proj
// CHECK:         %[[QH:.+]] = tensor.expand_shape %[[Q]] {{.+}} into tensor<16x8x48xf32>
// CHECK:         %[[QN:.+]] = tensor.extract_slice %[[QH]][0, 0, 0] [16, 8, 32]
// CHECK:         %[[QP:.+]] = tensor.extract_slice %[[QH]][0, 0, 32] [16, 8, 16]
// CHECK:         %[[QR:.+]] = deepseek.rope %[[QP]], %[[ANGLES]] interleaved
// CHECK:         %[[KV:.+]] = deepseek.linear %[[H]], %kv_a_proj_with_mqa
// CHECK:         %[[KC:.+]] = tensor.extract_slice %[[KV]][0, 0] [16, 128]
// CHECK:         %[[KL:.+]] = deepseek.rms_norm %[[KC]], %kv_a_layernorm
// CHECK:         %[[KP:.+]] = tensor.extract_slice %[[KV]][0, 128] [16, 16]
// CHECK:         %[[KR:.+]] = deepseek.rope %[[KP]], %[[ANGLES]] interleaved
// CHECK:         deepseek.latent_cache_append %[[KL]], %[[KR]] to %[[CACHE]][0] at %[[POSITIONS]], %[[TABLE]]
// CHECK:         %[[O:.+]] = deepseek.mla %[[QN]], %[[QR]], %[[CACHE]][0], %kv_b_proj at %[[POSITIONS]], %[[TABLE]] scale 0.144337567297406
// CHECK:         %[[OV:.+]] = tensor.collapse_shape %[[O]] {{.+}} into tensor<16x256xf32>
// CHECK:         %[[A:.+]] = deepseek.linear %[[OV]], %o_proj
// CHECK:         %[[X1:.+]] = deepseek.add %[[X]], %[[A]]
// CHECK:         %[[M:.+]] = deepseek.rms_norm %[[X1]], %post_attention_layernorm
// CHECK:         %[[G:.+]] = deepseek.linear %[[M]], %gate_proj
// CHECK:         %[[U:.+]] = deepseek.linear %[[M]], %up_proj
// CHECK:         %[[S:.+]] = deepseek.swiglu %[[G]], %[[U]]
// CHECK:         %[[D:.+]] = deepseek.linear %[[S]], %down_proj
// CHECK:         deepseek.add %[[X1]], %[[D]]

// Layer 1: the router reads the normalised row, in f32; shared experts are one MLP.
// CHECK:         %[[M1:mlp_norm.*]] = deepseek.rms_norm
// CHECK:         %[[LOGITS:.+]] = deepseek.linear %[[M1]], %gate{{.*}} -> tensor<16x16xf32>
// CHECK:         %[[W:.+]], %[[I:.+]] = deepseek.moe_gate %[[LOGITS]] bias %{{.+}} {groupScore = #deepseek<group_score top2_sum>, nGroup = 4 : i64, normalize = true, scale = 2.500000e+00 : f64, scoring = #deepseek<scoring sigmoid>, topK = 4 : i64, topkGroup = 2 : i64}
// CHECK:         %[[R:.+]], %[[OFF:.+]], %[[AT:.+]] = deepseek.moe_dispatch %[[M1]], %[[I]] experts 16
// CHECK-NEXT:    %[[E0:.+]] = deepseek.load_parameter @model.layers.1.mlp.experts.0.gate_proj.weight
// CHECK-NEXT:    %[[E1:.+]] = deepseek.load_parameter @model.layers.1.mlp.experts.1.gate_proj.weight
// CHECK:         %[[GW:.+]] = deepseek.stack %[[E0]], %[[E1]], {{.+}} -> tensor<16x128x256xbf16>
// CHECK:         %[[GR:.+]] = deepseek.grouped_linear %[[R]], %[[OFF]], %[[GW]]
// CHECK:         %[[UR:.+]] = deepseek.grouped_linear %[[R]], %[[OFF]]
// CHECK:         %[[SR:.+]] = deepseek.swiglu %[[GR]], %[[UR]]
// CHECK:         %[[DR:.+]] = deepseek.grouped_linear %[[SR]], %[[OFF]]
// CHECK:         %[[Y:.+]] = deepseek.moe_combine %[[DR]], %[[AT]], %[[W]]
// CHECK:         deepseek.linear %[[M1]], %gate_proj{{.*}} : tensor<16x256xf32>, tensor<128x256xbf16>
// CHECK:         deepseek.add %[[Y]], %mlp_out

// CHECK:         %[[L:.+]] = deepseek.take_rows %mlp_residual{{.*}}, %[[ROWS]]
// CHECK:         %[[P:.+]] = deepseek.take_rows %[[POSITIONS]], %[[ROWS]]
// CHECK:         %[[F:.+]] = deepseek.rms_norm %[[L]]
// CHECK:         %[[Z:.+]] = deepseek.linear %[[F]], %lm_head{{.*}} -> tensor<8x1024xf32>
// CHECK:         %[[N:.+]] = deepseek.sample %[[Z]], %temperature, %top_k, %top_p, %seed, %[[P]]
// CHECK:         return %[[Z]], %[[N]]

// A decode has a sequence for each token and wants all logits.
// CHECK-LABEL: func.func @decode_2(
// CHECK-SAME:    tensor<2x16xi32> {deepseek.buffer = "block_table"}
// CHECK-NOT:     logit_rows
// CHECK-SAME:    deepseek.entry = {kind = "decode", rows = 2 : i64, tokens = 2 : i64}
// CHECK-NOT:     deepseek.take_rows
// CHECK:         deepseek.sample %{{.+}}, %temperature, %top_k, %top_p, %seed, %positions
// CHECK-LABEL: func.func @decode_8(
