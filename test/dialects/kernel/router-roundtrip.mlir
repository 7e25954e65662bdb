// RUN: deepseek-opt %s | deepseek-opt | FileCheck %s
// RUN: deepseek-opt %s --mlir-print-op-generic | deepseek-opt | FileCheck %s

// CHECK-LABEL: func.func @choose
// CHECK:         kernel.route %{{.+}} bias %{{.+}} {group = #kernel<route_group top2_sum>
// CHECK-SAME:      : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
// CHECK:         kernel.sort_tokens %{{.+}} groups 16 : tensor<8x4xi32> -> tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>
// CHECK:         kernel.top_k %{{.+}} k 3 : tensor<8x16xf32> -> tensor<8x3xf32>, tensor<8x3xi32>
// CHECK:         kernel.sample
func.func @choose(%logits: tensor<8x16xf32>, %bias: tensor<16xf32>, %temperature: tensor<8xf32>, %topK: tensor<8xi32>, %topP: tensor<8xf32>, %seed: tensor<8xi64>, %positions: tensor<8xi32>) {
  %weights, %indices = kernel.route %logits bias %bias {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  %offsets, %rowOf, %tokenOf = kernel.sort_tokens %indices groups 16 : tensor<8x4xi32> -> tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>
  %values, %places = kernel.top_k %logits k 3 : tensor<8x16xf32> -> tensor<8x3xf32>, tensor<8x3xi32>
  %next = kernel.sample %logits, %temperature, %topK, %topP, %seed, %positions
    : (tensor<8x16xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return
}

// CHECK-LABEL: func.func @route_tokens
// CHECK:         kernel.route_tokens %{{.+}} bias %{{.+}} gather(%{{[^ ,]+}}) {group
// CHECK:         kernel.route_tokens %{{[^ ]+}} gather(%{{.+}}, %{{.+}}) schedule <tile = [8, 16], warps = 8> {group
// CHECK:         kernel.route_tokens %{{[^ ]+}} {group
func.func @route_tokens(%logits: tensor<8x16xf32>, %bias: tensor<16xf32>, %x: tensor<8x256xbf16>, %s: tensor<8x2xf32>) {
  %weights, %indices, %offsets, %rowOf, %tokenOf, %rows = kernel.route_tokens %logits bias %bias gather(%x) {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>, tensor<16xf32>, tensor<8x256xbf16>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>, tensor<32x256xbf16>)
  %w, %i, %o, %r, %t, %g:2 = kernel.route_tokens %logits gather(%x, %s) schedule <tile = [8, 16], warps = 8> {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>, tensor<8x256xbf16>, tensor<8x2xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>, tensor<32x256xbf16>, tensor<32x2xf32>)
  %w1, %i1, %o1, %r1, %t1 = kernel.route_tokens %logits {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>)
  return
}

// CHECK-LABEL: func.func @gate_tokens
// CHECK:         kernel.gate_tokens %{{[^ ,]+}}, %{{[^ ,]+}} bias %{{[^ ]+}} {group
// CHECK:         kernel.gate_tokens %{{[^ ,]+}}, %{{[^ ,]+}} schedule <tile = [8, 16, 32], split = 8, warps = 8> {group
func.func @gate_tokens(%x: tensor<8x256xbf16>, %gate: tensor<16x256xbf16>, %bias: tensor<16xf32>) {
  %weights, %indices, %offsets, %rowOf, %tokenOf = kernel.gate_tokens %x, %gate bias %bias {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<8x256xbf16>, tensor<16x256xbf16>, tensor<16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>)
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %gate schedule <tile = [8, 16, 32], split = 8, warps = 8> {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x256xbf16>, tensor<16x256xbf16>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>)
  return
}
