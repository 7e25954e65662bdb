// RUN: deepseek-opt %s -convert-kernel-to-linalg -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @route
// CHECK-NOT:     kernel.
// CHECK:         math.exp
// CHECK:         return
func.func @route(%l: tensor<8x16xf32>, %b: tensor<16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return %w, %i : tensor<8x4xf32>, tensor<8x4xi32>
}

// -----

// CHECK-LABEL: func.func @choose
// CHECK-NOT:     kernel.
// CHECK:         return
func.func @choose(%x: tensor<4x50xf32>, %t: tensor<4xf32>, %s: tensor<4xi64>, %p: tensor<4xi32>, %c: tensor<8x2xi32>)
    -> (tensor<4x3xi32>, tensor<4xi32>, tensor<5xi32>, tensor<8x2xi32>, tensor<16xi32>) {
  %v, %i = kernel.top_k %x k 3 : tensor<4x50xf32> -> tensor<4x3xf32>, tensor<4x3xi32>
  %n = kernel.sample %x, %t, %p, %t, %s, %p : (tensor<4x50xf32>, tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi32>) -> tensor<4xi32>
  %o, %r, %k = kernel.sort_tokens %c groups 4 : tensor<8x2xi32> -> tensor<5xi32>, tensor<8x2xi32>, tensor<16xi32>
  return %i, %n, %o, %r, %k : tensor<4x3xi32>, tensor<4xi32>, tensor<5xi32>, tensor<8x2xi32>, tensor<16xi32>
}

// -----

// CHECK-LABEL: func.func @route_tokens
// CHECK-NOT:     kernel.
// CHECK:         return
func.func @route_tokens(%l: tensor<8x16xf32>, %x: tensor<8x32xbf16>) -> (tensor<8x4xf32>, tensor<17xi32>, tensor<32x32xbf16>) {
  %w, %i, %o, %r, %t, %g = kernel.route_tokens %l gather(%x) {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>, tensor<8x32xbf16>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>, tensor<32x32xbf16>)
  return %w, %o, %g : tensor<8x4xf32>, tensor<17xi32>, tensor<32x32xbf16>
}

// -----

// CHECK-LABEL: func.func @gate_tokens
// CHECK-NOT:     kernel.
// CHECK:         arith.mulf
// CHECK:         return
func.func @gate_tokens(%x: tensor<8x32xbf16>, %g: tensor<16x32xbf16>) -> (tensor<8x4xf32>, tensor<17xi32>) {
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x32xbf16>, tensor<16x32xbf16>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>)
  return %w, %o : tensor<8x4xf32>, tensor<17xi32>
}
