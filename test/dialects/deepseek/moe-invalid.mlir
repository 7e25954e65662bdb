// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @moe_gate_c1(%l: tensor<16xf32>) {
  // expected-error @+1 {{logits must have rank 2, got 1 (16)}}
  %w, %i = deepseek.moe_gate %l {topK = 4 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c2(%l: tensor<8x16xf32>) {
  // expected-error @+1 {{topK must be in [1, 16], got 17}}
  %w, %i = deepseek.moe_gate %l {topK = 17 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c3(%l: tensor<8x16xf32>) {
  // expected-error @+1 {{nGroup must divide the 16 experts, got 3}}
  %w, %i = deepseek.moe_gate %l {topK = 4 : i64, nGroup = 3 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c3_kept(%l: tensor<8x16xf32>) {
  // expected-error @+1 {{topkGroup must be in [1, 4], got 5}}
  %w, %i = deepseek.moe_gate %l {topK = 4 : i64, nGroup = 4 : i64, topkGroup = 5 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c4(%l: tensor<8x16xf32>) {
  // expected-error @+1 {{topK = 5 is more than the 4 experts of 1 groups}}
  %w, %i = deepseek.moe_gate %l {topK = 5 : i64, nGroup = 4 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c4_top2_sum(%l: tensor<8x16xf32>) {
  // expected-error @+1 {{top2_sum needs groups of at least 2 experts, got 1}}
  %w, %i = deepseek.moe_gate %l {topK = 1 : i64, nGroup = 16 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c5(%l: tensor<8x16xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{bias must be 16, got 8}}
  %w, %i = deepseek.moe_gate %l bias %b {topK = 4 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32>, tensor<8xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_gate_c6(%l: tensor<8x16xf32>) {
  // expected-error @+1 {{indices must be 8x4, got 8x5}}
  %w, %i = deepseek.moe_gate %l {topK = 4 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 1.0 : f64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x5xi32>
  return
}

// -----

func.func @moe_dispatch_c1(%x: tensor<8x256xbf16>, %i: tensor<7x4xi32>) {
  // expected-error @+1 {{x has 8 tokens but indices has 7}}
  %r, %o, %f = deepseek.moe_dispatch %x, %i experts 16 : tensor<8x256xbf16>, tensor<7x4xi32> -> tensor<28x256xbf16>, tensor<17xi32>, tensor<7x4xi32>
  return
}

// -----

func.func @moe_dispatch_c2(%x: tensor<8x256xbf16>, %i: tensor<8x4xi32>) {
  // expected-error @+1 {{rows must be 32x256, got 8x256}}
  %r, %o, %f = deepseek.moe_dispatch %x, %i experts 16 : tensor<8x256xbf16>, tensor<8x4xi32> -> tensor<8x256xbf16>, tensor<17xi32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_dispatch_c2_format(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, %i: tensor<8x4xi32>) {
  // expected-error @+1 {{x and rows must be block-scaled 1x128 with one scale format}}
  %r, %o, %f = deepseek.moe_dispatch %x, %i experts 16 : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, tensor<8x4xi32> -> !deepseek.block_scaled<32x256xf8E4M3FN, 1x128, ue8m0>, tensor<17xi32>, tensor<8x4xi32>
  return
}

// -----

func.func @moe_dispatch_c3(%x: tensor<8x256xbf16>, %i: tensor<8x4xi32>) {
  // expected-error @+1 {{offsets must be 17, got 16}}
  %r, %o, %f = deepseek.moe_dispatch %x, %i experts 16 : tensor<8x256xbf16>, tensor<8x4xi32> -> tensor<32x256xbf16>, tensor<16xi32>, tensor<8x4xi32>
  return
}

// -----

func.func @grouped_linear_c1(%x: tensor<32x256xbf16>, %o: tensor<17xi32>, %w: tensor<16x64x128xbf16>) {
  // expected-error @+1 {{rows have 256 input features but the weight expects 128}}
  %r = deepseek.grouped_linear %x, %o, %w : tensor<32x256xbf16>, tensor<17xi32>, tensor<16x64x128xbf16> -> tensor<32x64xbf16>
  return
}

// -----

func.func @grouped_linear_c2(%x: tensor<32x256xbf16>, %o: tensor<16xi32>, %w: tensor<16x64x256xbf16>) {
  // expected-error @+1 {{offsets must be 17, got 16}}
  %r = deepseek.grouped_linear %x, %o, %w : tensor<32x256xbf16>, tensor<16xi32>, tensor<16x64x256xbf16> -> tensor<32x64xbf16>
  return
}

// -----

func.func @grouped_linear_c3(%x: tensor<32x256xbf16>, %o: tensor<17xi32>, %w: tensor<16x64x256xbf16>) {
  // expected-error @+1 {{result must be 32x64, got 32x128}}
  %r = deepseek.grouped_linear %x, %o, %w : tensor<32x256xbf16>, tensor<17xi32>, tensor<16x64x256xbf16> -> tensor<32x128xbf16>
  return
}

// -----

func.func @grouped_linear_c4(%x: tensor<32x256xbf16>, %o: tensor<17xi32>, %w: !deepseek.block_scaled<16x64x256xf8E4M3FN, 128x128, f32>) {
  // expected-error @+1 {{input and weight must both be block-scaled or both plain}}
  %r = deepseek.grouped_linear %x, %o, %w : tensor<32x256xbf16>, tensor<17xi32>, !deepseek.block_scaled<16x64x256xf8E4M3FN, 128x128, f32> -> tensor<32x64xbf16>
  return
}

// -----

func.func @moe_combine_c1(%x: tensor<31x256xbf16>, %f: tensor<8x4xi32>, %w: tensor<8x4xf32>) {
  // expected-error @+1 {{rows must be one for each of the 32 (token, choice) pairs, got 31}}
  %r = deepseek.moe_combine %x, %f, %w : tensor<31x256xbf16>, tensor<8x4xi32>, tensor<8x4xf32> -> tensor<8x256xbf16>
  return
}

// -----

func.func @moe_combine_c2(%x: tensor<32x256xbf16>, %f: tensor<8x4xi32>, %w: tensor<8x3xf32>) {
  // expected-error @+1 {{weights must be 8x4, got 8x3}}
  %r = deepseek.moe_combine %x, %f, %w : tensor<32x256xbf16>, tensor<8x4xi32>, tensor<8x3xf32> -> tensor<8x256xbf16>
  return
}
