// RUN: deepseek-opt %s -kernel-fuse-routing -split-input-file | FileCheck %s

// Sixteen tokens: one kernel; the rows that were gathered are its last result.
// CHECK-LABEL: func.func @decode
// CHECK-SAME:    %[[L:[^:]+]]: tensor<16x64xf32>, %[[B:[^:]+]]: tensor<64xf32>, %[[X:[^:]+]]: tensor<16x2048xbf16>
// CHECK:         %[[W:.+]], %{{.+}}, %[[O:.+]], %[[R:.+]], %{{.+}}, %[[G:.+]] = kernel.route_tokens %[[L]] bias %[[B]] gather(%[[X]]) schedule <tile = [16, 64], warps = 16>
// CHECK-SAME:      normalize = true, scale = 2.500000e+00 : f64, score = #kernel<route_score sigmoid>, topK = 6
// CHECK-NOT:     kernel.
// CHECK:         return %[[W]], %[[O]], %[[R]], %[[G]]
func.func @decode(%l: tensor<16x64xf32>, %b: tensor<64xf32>, %x: tensor<16x2048xbf16>) -> (tensor<16x6xf32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96x2048xbf16>) {
  %w, %i = kernel.route %l bias %b {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : tensor<16x64xf32>, tensor<64xf32> -> tensor<16x6xf32>, tensor<16x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<16x6xi32> -> tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>
  %g = kernel.row_fusion rows 96 whole [1] (%t, %x) : (tensor<96xi32>, tensor<16x2048xbf16>) -> tensor<96x2048xbf16> {
  ^bb0(%token: tensor<i32>, %table: tensor<16x2048xbf16>):
    %row = kernel.row_gather %table[%token] : tensor<16x2048xbf16>, tensor<i32> -> tensor<2048xbf16>
    kernel.row_yield %row : tensor<2048xbf16>
  }
  return %w, %o, %r, %g : tensor<16x6xf32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96x2048xbf16>
}

// -----

// A fusion that computes is none that gathers.
// CHECK-LABEL: func.func @keeps_arithmetic
// CHECK:         kernel.route_tokens %{{[^ ]+}} schedule
// CHECK:         kernel.row_fusion
func.func @keeps_arithmetic(%l: tensor<1x64xf32>, %x: tensor<1x256xf32>) -> (tensor<1x6xf32>, tensor<65xi32>, tensor<6x256xf32>) {
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0} : tensor<1x64xf32> -> tensor<1x6xf32>, tensor<1x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<1x6xi32> -> tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>
  %g = kernel.row_fusion rows 6 whole [1] (%t, %x) : (tensor<6xi32>, tensor<1x256xf32>) -> tensor<6x256xf32> {
  ^bb0(%token: tensor<i32>, %table: tensor<1x256xf32>):
    %row = kernel.row_gather %table[%token] : tensor<1x256xf32>, tensor<i32> -> tensor<256xf32>
    %twice = arith.addf %row, %row : tensor<256xf32>
    kernel.row_yield %twice : tensor<256xf32>
  }
  return %w, %o, %g : tensor<1x6xf32>, tensor<65xi32>, tensor<6x256xf32>
}

// -----

// Too many tokens for every CTA to route them all.
// CHECK-LABEL: func.func @keeps_prefill
// CHECK:         kernel.route
// CHECK:         kernel.sort_tokens
func.func @keeps_prefill(%l: tensor<512x64xf32>) -> (tensor<512x6xf32>, tensor<65xi32>) {
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0} : tensor<512x64xf32> -> tensor<512x6xf32>, tensor<512x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<512x6xi32> -> tensor<65xi32>, tensor<512x6xi32>, tensor<3072xi32>
  return %w, %o : tensor<512x6xf32>, tensor<65xi32>
}

// -----

// The indices came from elsewhere.
// CHECK-LABEL: func.func @keeps_other_indices
// CHECK:         kernel.sort_tokens
func.func @keeps_other_indices(%i: tensor<1x6xi32>) -> tensor<65xi32> {
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<1x6xi32> -> tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>
  return %o : tensor<65xi32>
}

// -----

// No rows are gathered: the product of few tokens is a part of the kernel.
// CHECK-LABEL: func.func @product
// CHECK-NOT:     kernel.gemm
// CHECK:         %[[W:.+]], %[[I:.+]], %[[O:.+]], %[[R:.+]], %{{.+}} = kernel.gate_tokens %{{.+}}, %{{.+}} schedule <tile = [2, 16, 256], split = 8, warps = 8>
// CHECK:         return %[[W]], %[[I]], %[[O]], %[[R]]
func.func @product(%x: tensor<8x2048xbf16>, %g: tensor<64x2048xbf16>) -> (tensor<8x6xf32>, tensor<8x6xi32>, tensor<65xi32>, tensor<8x6xi32>) {
  %l = kernel.gemm %x, %g : tensor<8x2048xbf16>, tensor<64x2048xbf16> -> tensor<8x64xf32>
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0} : tensor<8x64xf32> -> tensor<8x6xf32>, tensor<8x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<8x6xi32> -> tensor<65xi32>, tensor<8x6xi32>, tensor<48xi32>
  return %w, %i, %o, %r : tensor<8x6xf32>, tensor<8x6xi32>, tensor<65xi32>, tensor<8x6xi32>
}

// -----

// The logits are wanted elsewhere, too.
// CHECK-LABEL: func.func @keeps_used_product
// CHECK:         kernel.gemm
// CHECK:         kernel.route_tokens
func.func @keeps_used_product(%x: tensor<8x2048xbf16>, %g: tensor<64x2048xbf16>) -> (tensor<8x64xf32>, tensor<65xi32>) {
  %l = kernel.gemm %x, %g : tensor<8x2048xbf16>, tensor<64x2048xbf16> -> tensor<8x64xf32>
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0} : tensor<8x64xf32> -> tensor<8x6xf32>, tensor<8x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<8x6xi32> -> tensor<65xi32>, tensor<8x6xi32>, tensor<48xi32>
  return %l, %o : tensor<8x64xf32>, tensor<65xi32>
}

// -----

// More tokens than one kernel takes.
// CHECK-LABEL: func.func @keeps_many_rows
// CHECK:         kernel.gemm
// CHECK:         kernel.sort_tokens
func.func @keeps_many_rows(%x: tensor<65x2048xbf16>, %g: tensor<64x2048xbf16>) -> tensor<65xi32> {
  %l = kernel.gemm %x, %g : tensor<65x2048xbf16>, tensor<64x2048xbf16> -> tensor<65x64xf32>
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0} : tensor<65x64xf32> -> tensor<65x6xf32>, tensor<65x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<65x6xi32> -> tensor<65xi32>, tensor<65x6xi32>, tensor<390xi32>
  return %o : tensor<65xi32>
}
