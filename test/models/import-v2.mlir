// V2's routing, projections and softmax scale.
// RUN: import-model %source_dir/test/checkpoints/rand-v2-lite --decode=2 --prefill=16 | FileCheck %s --check-prefix=LITE
// RUN: import-model %source_dir/test/checkpoints/rand-v2 --decode=2 --prefill=16 | FileCheck %s --check-prefix=V2
// RUN: import-model %source_dir/models/deepseek-inference/config_16B.json --inference-names --decode=2 --prefill=16 | FileCheck %s --check-prefix=NAMES

// Without q_lora_rank there is one query projection and no norm; greedy routing has no groups.
// LITE-LABEL: func.func @decode_2(
// LITE:         deepseek.rope_angles %positions <theta = 1.000000e+04 : f64, factor = 4.000000e+01 : f64, originalContext = 64, betaFast = 3.200000e+01 : f64, betaSlow = 1.000000e+00 : f64, magnitude = 1.000000e+00 : f64>
// LITE:         %[[H:.+]] = deepseek.rms_norm
// LITE-NEXT:    %[[W:.+]] = deepseek.load_parameter @model.layers.0.self_attn.q_proj.weight
// LITE-NEXT:    deepseek.linear %[[H]], %[[W]] : tensor<2x256xf32>, tensor<768x256xbf16>
// LITE:         deepseek.mla {{.+}} scale 0.114721386
// LITE:         deepseek.moe_gate %gate_logits {groupScore = #deepseek<group_score none>, nGroup = 1 : i64, normalize = false, scale = 1.000000e+00 : f64, scoring = #deepseek<scoring softmax>, topK = 3 : i64, topkGroup = 1 : i64}
// Two shared experts are one MLP of twice the width.
// LITE:         deepseek.load_parameter @model.layers.1.mlp.shared_experts.gate_proj.weight : tensor<192x256xbf16>

// V2-LABEL: func.func @decode_2(
// V2:         deepseek.moe_gate %gate_logits {groupScore = #deepseek<group_score max>, nGroup = 4 : i64, normalize = false, scale = 4.000000e+00 : f64, scoring = #deepseek<scoring softmax>, topK = 5 : i64, topkGroup = 2 : i64}

// NAMES: deepseek.parameter @embed.weight : tensor<102400x2048xbf16>
// NAMES: deepseek.parameter @layers.0.attn.wq.weight : tensor<3072x2048xbf16>
// NAMES: deepseek.parameter @layers.1.ffn.experts.63.w2.weight : tensor<2048x1408xbf16>
// NAMES: deepseek.parameter @head.weight
