// The tutorial variant of MLA: LayerNorm on the latents, half-split rotary pairs, normalisation when the cache is read.
// RUN: import-model %S/Inputs/tutorial.json --decode=2 --prefill=16 | FileCheck %s
// RUN: import-model %S/Inputs/tutorial.json --decode=2 --prefill=16 | deepseek-opt -verify-roundtrip -o %t.ignored

// CHECK: deepseek.parameter @model.layers.0.self_attn.q_a_layernorm.weight : tensor<24xbf16>
// CHECK: deepseek.parameter @model.layers.0.self_attn.q_a_layernorm.bias : tensor<24xbf16>
// CHECK: deepseek.parameter @model.layers.0.self_attn.kv_a_layernorm.bias : tensor<32xbf16>

// CHECK-LABEL: func.func @decode_2(
// Frequencies of a head of 32 elements, cut to 16: the base is sqrt(10000).
// CHECK:         deepseek.rope_angles %positions <theta = 1.000000e+02 : f64, factor = 1.000000e+00 : f64
// CHECK:         deepseek.layer_norm %q_a, %{{.+}}, %{{.+}} eps 1.0{{0*}}e-05
// CHECK:         deepseek.rope %q_pe, %{{.+}} half_split
// The raw latent goes to the cache.
// CHECK:         %[[C:.+]] = tensor.extract_slice %kv_a
// CHECK-NOT:     deepseek.layer_norm
// CHECK:         %[[K:.+]] = deepseek.rope %k_pe, %{{.+}} half_split
// CHECK:         deepseek.latent_cache_append %[[C]], %[[K]]
// CHECK:         %[[W:.+]] = deepseek.load_parameter @model.layers.0.self_attn.kv_a_layernorm.weight
// CHECK:         %[[B:.+]] = deepseek.load_parameter @model.layers.0.self_attn.kv_a_layernorm.bias
// CHECK:         deepseek.mla {{.+}} scale 0.176776695296{{[0-9]*}} norm(%[[W]], %[[B]]) {latentNorm = #deepseek<latent_norm layer>, normEps = 1.0{{0*}}e-05 : f64}
