// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @route_c1(%l: tensor<8x16xf32>, %bias: tensor<8xf32>) {
  // expected-error@+1 {{bias has shape [8], expected [16]}}
  %w, %i = kernel.route %l bias %bias {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : tensor<8x16xf32>, tensor<8xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @route_c2(%l: tensor<8x16xf32>) {
  // expected-error@+1 {{nGroup is 3, which does not divide the number of experts 16}}
  %w, %i = kernel.route %l {topK = 4, nGroup = 3, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group max>, normalize = true, scale = 2.5}
    : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @route_c2_chosen(%l: tensor<8x16xf32>) {
  // expected-error@+1 {{topkGroup is 5, expected 1 to 4}}
  %w, %i = kernel.route %l {topK = 4, nGroup = 4, topkGroup = 5, score = #kernel<route_score sigmoid>, group = #kernel<route_group max>, normalize = true, scale = 2.5}
    : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @route_c2_members(%l: tensor<8x16xf32>) {
  // expected-error@+1 {{a group scored by its two best members has 1 member}}
  %w, %i = kernel.route %l {topK = 4, nGroup = 16, topkGroup = 8, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return
}

// -----

func.func @route_c3(%l: tensor<8x16xf32>) {
  // expected-error@+1 {{topK is 5, expected 1 to 4}}
  %w, %i = kernel.route %l {topK = 5, nGroup = 4, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group max>, normalize = true, scale = 2.5}
    : tensor<8x16xf32> -> tensor<8x5xf32>, tensor<8x5xi32>
  return
}

// -----

func.func @sort_tokens_c1(%i: tensor<8x4xi32>) {
  // expected-error@+1 {{offsets has shape [16], expected [17]}}
  %o, %r, %t = kernel.sort_tokens %i groups 16 : tensor<8x4xi32> -> tensor<16xi32>, tensor<8x4xi32>, tensor<32xi32>
  return
}

// -----

func.func @sort_tokens_c1_groups(%i: tensor<8x4xi32>) {
  // expected-error@+1 {{groups is 0, expected a positive number}}
  %o, %r, %t = kernel.sort_tokens %i groups 0 : tensor<8x4xi32> -> tensor<1xi32>, tensor<8x4xi32>, tensor<32xi32>
  return
}

// -----

func.func @route_tokens_c1(%l: tensor<8x16xf32>) {
  // expected-error@+1 {{offsets has shape [16], expected [17]}}
  %w, %i, %o, %r, %t = kernel.route_tokens %l {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<16xi32>, tensor<8x2xi32>, tensor<16xi32>)
  return
}

// -----

func.func @route_tokens_c2(%l: tensor<8x16xf32>, %x: tensor<4x256xbf16>) {
  // expected-error@+1 {{a table has type 'tensor<4x256xbf16>', expected a row for each of 8 tokens}}
  %w, %i, %o, %r, %t, %g = kernel.route_tokens %l gather(%x) {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>, tensor<4x256xbf16>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<17xi32>, tensor<8x2xi32>, tensor<16xi32>, tensor<16x256xbf16>)
  return
}

// -----

func.func @route_tokens_c2_type(%l: tensor<8x16xf32>, %x: tensor<8x256xbf16>) {
  // expected-error@+1 {{gathers 'bf16' into 'f32'}}
  %w, %i, %o, %r, %t, %g = kernel.route_tokens %l gather(%x) {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x16xf32>, tensor<8x256xbf16>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<17xi32>, tensor<8x2xi32>, tensor<16xi32>, tensor<16x256xf32>)
  return
}

// -----

func.func @gate_tokens_c1(%x: tensor<8x256xbf16>, %g: tensor<16x128xbf16>) {
  // expected-error@+1 {{gate has shape [16, 128], expected [16, 256]}}
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x256xbf16>, tensor<16x128xbf16>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<17xi32>, tensor<8x2xi32>, tensor<16xi32>)
  return
}

// -----

func.func @gate_tokens_c1_type(%x: tensor<8x256xbf16>, %g: tensor<16x256xf32>) {
  // expected-error@+1 {{gate has element type 'f32', expected 'bf16'}}
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x256xbf16>, tensor<16x256xf32>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<17xi32>, tensor<8x2xi32>, tensor<16xi32>)
  return
}

// -----

func.func @gate_tokens_c2(%x: tensor<8x256xbf16>, %g: tensor<16x256xbf16>) {
  // expected-error@+1 {{offsets has shape [16], expected [17]}}
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x256xbf16>, tensor<16x256xbf16>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<16xi32>, tensor<8x2xi32>, tensor<16xi32>)
  return
}

// -----

func.func @gate_tokens_c2_topk(%x: tensor<8x256xbf16>, %g: tensor<16x256xbf16>) {
  // expected-error@+1 {{topK is 17, expected 1 to 16}}
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g {topK = 17, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<8x256xbf16>, tensor<16x256xbf16>) -> (tensor<8x17xf32>, tensor<8x17xi32>, tensor<17xi32>, tensor<8x17xi32>, tensor<136xi32>)
  return
}

// -----

func.func @sample_c1(%l: tensor<8x16xf32>, %t: tensor<8xf32>, %k: tensor<8xi32>, %s: tensor<4xi64>) {
  // expected-error@+1 {{seed has shape [4], expected [8]}}
  %n = kernel.sample %l, %t, %k, %t, %s, %k : (tensor<8x16xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<4xi64>, tensor<8xi32>) -> tensor<8xi32>
  return
}

// -----

func.func @top_k_c1(%x: tensor<8x16xf32>) {
  // expected-error@+1 {{k is 17, expected 1 to 16}}
  %v, %i = kernel.top_k %x k 17 : tensor<8x16xf32> -> tensor<8x17xf32>, tensor<8x17xi32>
  return
}
