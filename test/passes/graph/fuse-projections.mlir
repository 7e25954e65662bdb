// RUN: deepseek-opt %s -deepseek-fuse-projections -split-input-file | FileCheck %s --check-prefixes=CHECK,ON
// RUN: deepseek-opt %s -deepseek-fuse-projections=disable=projections -split-input-file | FileCheck %s --check-prefixes=CHECK,OFF

deepseek.parameter @q_a : tensor<128x256xbf16>
deepseek.parameter @kv_a : tensor<144x256xbf16>
// Two projections of one input become one, of the concatenated weight.
// CHECK-LABEL: func.func @joins_shared_input
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x256xbf16>
// ON-DAG:        %[[Q:.+]] = deepseek.load_parameter @q_a
// ON-DAG:        %[[K:.+]] = deepseek.load_parameter @kv_a
// ON:            %[[W:.+]] = deepseek.concat %[[Q]], %[[K]] dim 0 : {{.*}} -> tensor<272x256xbf16>
// ON:            %[[Y:.+]] = deepseek.linear %[[X]], %[[W]] : {{.*}} -> tensor<8x272xbf16>
// ON:            %[[A:.+]] = tensor.extract_slice %[[Y]][0, 0] [8, 128] [1, 1]
// ON:            %[[B:.+]] = tensor.extract_slice %[[Y]][0, 128] [8, 144] [1, 1]
// ON:            return %[[A]], %[[B]]
// OFF-COUNT-2:   deepseek.linear
func.func @joins_shared_input(%x: tensor<8x256xbf16>) -> (tensor<8x128xbf16>, tensor<8x144xbf16>) {
  %q = deepseek.load_parameter @q_a : tensor<128x256xbf16>
  %a = deepseek.linear %x, %q : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xbf16>
  %k = deepseek.load_parameter @kv_a : tensor<144x256xbf16>
  %b = deepseek.linear %x, %k : tensor<8x256xbf16>, tensor<144x256xbf16> -> tensor<8x144xbf16>
  return %a, %b : tensor<8x128xbf16>, tensor<8x144xbf16>
}

// -----

deepseek.parameter @router : tensor<16x256xbf16>
deepseek.parameter @shared_gate : tensor<128x256xbf16>
deepseek.parameter @shared_up : tensor<128x256xbf16>
// A router that reads the same input first does not keep the shared experts' gate and up apart.
// CHECK-LABEL: func.func @joins_beside_another_type
// ON-DAG:        deepseek.linear %{{.+}} -> tensor<8x16xf32>
// ON-DAG:        deepseek.linear %{{.+}} -> tensor<8x256xbf16>
// OFF-COUNT-3:   deepseek.linear
func.func @joins_beside_another_type(%x: tensor<8x256xbf16>) -> (tensor<8x16xf32>, tensor<8x128xbf16>, tensor<8x128xbf16>) {
  %r = deepseek.load_parameter @router : tensor<16x256xbf16>
  %g = deepseek.load_parameter @shared_gate : tensor<128x256xbf16>
  %u = deepseek.load_parameter @shared_up : tensor<128x256xbf16>
  %a = deepseek.linear %x, %r : tensor<8x256xbf16>, tensor<16x256xbf16> -> tensor<8x16xf32>
  %b = deepseek.linear %x, %g : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xbf16>
  %c = deepseek.linear %x, %u : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xbf16>
  return %a, %b, %c : tensor<8x16xf32>, tensor<8x128xbf16>, tensor<8x128xbf16>
}

// -----

deepseek.parameter @up : tensor<128x256xbf16>
deepseek.parameter @gate : tensor<16x256xbf16>
// Results of different types stay apart: the gate's logits are f32.
// CHECK-LABEL: func.func @keeps_different_result_types
// CHECK-COUNT-2: deepseek.linear
func.func @keeps_different_result_types(%x: tensor<8x256xbf16>) -> (tensor<8x128xbf16>, tensor<8x16xf32>) {
  %u = deepseek.load_parameter @up : tensor<128x256xbf16>
  %g = deepseek.load_parameter @gate : tensor<16x256xbf16>
  %a = deepseek.linear %x, %u : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xbf16>
  %b = deepseek.linear %x, %g : tensor<8x256xbf16>, tensor<16x256xbf16> -> tensor<8x16xf32>
  return %a, %b : tensor<8x128xbf16>, tensor<8x16xf32>
}

// -----

deepseek.parameter @w : tensor<128x256xbf16>
// A weight that is no parameter cannot be joined once and for all.
// CHECK-LABEL: func.func @keeps_computed_weight
// CHECK-COUNT-2: deepseek.linear
func.func @keeps_computed_weight(%x: tensor<8x256xbf16>, %v: tensor<128x256xbf16>) -> (tensor<8x128xbf16>, tensor<8x128xbf16>) {
  %w = deepseek.load_parameter @w : tensor<128x256xbf16>
  %a = deepseek.linear %x, %w : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xbf16>
  %b = deepseek.linear %x, %v : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x128xbf16>
  return %a, %b : tensor<8x128xbf16>, tensor<8x128xbf16>
}

// -----

deepseek.parameter @a : tensor<256x256xf8E4M3FN>
deepseek.parameter @a.scale : tensor<2x2xf32>
deepseek.parameter @b : tensor<96x256xf8E4M3FN>
deepseek.parameter @b.scale : tensor<1x2xf32>
// Data and scales are joined alike; 256 rows are two whole blocks, only the last part may end in a partial one.
// CHECK-LABEL: func.func @joins_block_scaled
// ON-DAG:        %[[D:.+]] = deepseek.concat %{{.+}}, %{{.+}} dim 0 : {{.*}} -> tensor<352x256xf8E4M3FN>
// ON-DAG:        %[[S:.+]] = deepseek.concat %{{.+}}, %{{.+}} dim 0 : {{.*}} -> tensor<3x2xf32>
// ON:            deepseek.pack_scaled %[[D]], %[[S]]
// ON:            deepseek.linear {{.*}} -> tensor<8x352xbf16>
func.func @joins_block_scaled(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) -> (tensor<8x256xbf16>, tensor<8x96xbf16>) {
  %ad = deepseek.load_parameter @a : tensor<256x256xf8E4M3FN>
  %as = deepseek.load_parameter @a.scale : tensor<2x2xf32>
  %aw = deepseek.pack_scaled %ad, %as : tensor<256x256xf8E4M3FN>, tensor<2x2xf32> -> !deepseek.block_scaled<256x256xf8E4M3FN, 128x128, f32>
  %bd = deepseek.load_parameter @b : tensor<96x256xf8E4M3FN>
  %bs = deepseek.load_parameter @b.scale : tensor<1x2xf32>
  %bw = deepseek.pack_scaled %bd, %bs : tensor<96x256xf8E4M3FN>, tensor<1x2xf32> -> !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, f32>
  %y = deepseek.linear %x, %aw : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<256x256xf8E4M3FN, 128x128, f32> -> tensor<8x256xbf16>
  %z = deepseek.linear %x, %bw : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, f32> -> tensor<8x96xbf16>
  return %y, %z : tensor<8x256xbf16>, tensor<8x96xbf16>
}

// -----

deepseek.parameter @a : tensor<96x256xf8E4M3FN>
deepseek.parameter @a.scale : tensor<1x2xf32>
// The first part ends inside a block: rows of the second would need scales that do not line up.
// CHECK-LABEL: func.func @keeps_partial_blocks
// CHECK-COUNT-2: deepseek.linear
func.func @keeps_partial_blocks(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) -> (tensor<8x96xbf16>, tensor<8x96xbf16>) {
  %d = deepseek.load_parameter @a : tensor<96x256xf8E4M3FN>
  %s = deepseek.load_parameter @a.scale : tensor<1x2xf32>
  %w = deepseek.pack_scaled %d, %s : tensor<96x256xf8E4M3FN>, tensor<1x2xf32> -> !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, f32>
  %y = deepseek.linear %x, %w : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, f32> -> tensor<8x96xbf16>
  %z = deepseek.linear %x, %w : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<96x256xf8E4M3FN, 128x128, f32> -> tensor<8x96xbf16>
  return %y, %z : tensor<8x96xbf16>, tensor<8x96xbf16>
}

// -----

deepseek.parameter @e0.gate : tensor<64x256xbf16>
deepseek.parameter @e1.gate : tensor<64x256xbf16>
deepseek.parameter @e0.up : tensor<64x256xbf16>
deepseek.parameter @e1.up : tensor<64x256xbf16>
// The experts' gate and up are joined expert by expert: along dimension 1.
// CHECK-LABEL: func.func @joins_experts
// CHECK:         deepseek.concat %{{.+}}, %{{.+}} dim 1 : {{.*}} -> tensor<2x128x256xbf16>
// CHECK:         deepseek.grouped_linear {{.*}} -> tensor<8x128xbf16>
// CHECK-NOT:     deepseek.grouped_linear
func.func @joins_experts(%x: tensor<8x256xbf16>, %o: tensor<3xi32>) -> (tensor<8x64xbf16>, tensor<8x64xbf16>) {
  %g0 = deepseek.load_parameter @e0.gate : tensor<64x256xbf16>
  %g1 = deepseek.load_parameter @e1.gate : tensor<64x256xbf16>
  %u0 = deepseek.load_parameter @e0.up : tensor<64x256xbf16>
  %u1 = deepseek.load_parameter @e1.up : tensor<64x256xbf16>
  %g = deepseek.stack %g0, %g1 : (tensor<64x256xbf16>, tensor<64x256xbf16>) -> tensor<2x64x256xbf16>
  %u = deepseek.stack %u0, %u1 : (tensor<64x256xbf16>, tensor<64x256xbf16>) -> tensor<2x64x256xbf16>
  %y = deepseek.grouped_linear %x, %o, %g : tensor<8x256xbf16>, tensor<3xi32>, tensor<2x64x256xbf16> -> tensor<8x64xbf16>
  %z = deepseek.grouped_linear %x, %o, %u : tensor<8x256xbf16>, tensor<3xi32>, tensor<2x64x256xbf16> -> tensor<8x64xbf16>
  return %y, %z : tensor<8x64xbf16>, tensor<8x64xbf16>
}

// -----

deepseek.parameter @gate : tensor<128x256xbf16>
deepseek.parameter @up : tensor<128x256xbf16>
// Weights that are quantised at load are joined before they are: their blocks are the same, and only parameters are concatenated.
// CHECK-LABEL: func.func @joins_before_quantising
// ON:            %[[W:.+]] = deepseek.concat %{{.+}}, %{{.+}} dim 0 : {{.*}} -> tensor<256x256xbf16>
// ON:            %[[Q:.+]] = deepseek.quantize %[[W]] : tensor<256x256xbf16> -> <256x256xf8E4M3FN, 128x128, f32>
// ON:            deepseek.linear %{{.+}}, %[[Q]] : {{.*}} -> tensor<8x256xbf16>
// OFF-COUNT-2:   deepseek.linear
func.func @joins_before_quantising(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) -> (tensor<8x128xbf16>, tensor<8x128xbf16>) {
  %g = deepseek.load_parameter @gate : tensor<128x256xbf16>
  %u = deepseek.load_parameter @up : tensor<128x256xbf16>
  %gq = deepseek.quantize %g : tensor<128x256xbf16> -> !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32>
  %uq = deepseek.quantize %u : tensor<128x256xbf16> -> !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32>
  %a = deepseek.linear %x, %gq : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32> -> tensor<8x128xbf16>
  %b = deepseek.linear %x, %uq : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32> -> tensor<8x128xbf16>
  return %a, %b : tensor<8x128xbf16>, tensor<8x128xbf16>
}
