// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^router$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Indices must be equal, weights to 1e-5.

// The three ways of the models: greedy, the best groups by their best expert, by the sum of their two best.
func.func @softmax_greedy(%l: tensor<100x64xf32>) -> (tensor<100x6xf32>, tensor<100x6xi32>) {
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0}
    : tensor<100x64xf32> -> tensor<100x6xf32>, tensor<100x6xi32>
  return %w, %i : tensor<100x6xf32>, tensor<100x6xi32>
}

func.func @softmax_group_max(%l: tensor<7x160xf32>) -> (tensor<7x6xf32>, tensor<7x6xi32>) {
  %w, %i = kernel.route %l {topK = 6, nGroup = 8, topkGroup = 3, score = #kernel<route_score softmax>, group = #kernel<route_group max>, normalize = false, scale = 16.0}
    : tensor<7x160xf32> -> tensor<7x6xf32>, tensor<7x6xi32>
  return %w, %i : tensor<7x6xf32>, tensor<7x6xi32>
}

func.func @sigmoid_top2_sum(%l: tensor<64x256xf32>, %b: tensor<256xf32>) -> (tensor<64x8xf32>, tensor<64x8xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : tensor<64x256xf32>, tensor<256xf32> -> tensor<64x8xf32>, tensor<64x8xi32>
  return %w, %i : tensor<64x8xf32>, tensor<64x8xi32>
}

func.func @one_token(%l: tensor<1x256xf32>, %b: tensor<256xf32>) -> (tensor<1x8xf32>, tensor<1x8xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : tensor<1x256xf32>, tensor<256xf32> -> tensor<1x8xf32>, tensor<1x8xi32>
  return %w, %i : tensor<1x8xf32>, tensor<1x8xi32>
}

// Four tokens for each CTA, the last one alone.
func.func @many_tokens(%l: tensor<1025x64xf32>, %b: tensor<64xf32>) -> (tensor<1025x6xf32>, tensor<1025x6xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<1025x64xf32>, tensor<64xf32> -> tensor<1025x6xf32>, tensor<1025x6xi32>
  return %w, %i : tensor<1025x6xf32>, tensor<1025x6xi32>
}

// Fewer experts than lanes, more tokens than experts.
func.func @few_experts(%l: tensor<100x5xf32>) -> (tensor<100x3xf32>, tensor<100x3xi32>) {
  %w, %i = kernel.route %l {topK = 3, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<100x5xf32> -> tensor<100x3xf32>, tensor<100x3xi32>
  return %w, %i : tensor<100x3xf32>, tensor<100x3xi32>
}

// A last register that one lane has; no normalisation with a bias.
func.func @odd_experts(%l: tensor<64x257xf32>, %b: tensor<257xf32>) -> (tensor<64x7xf32>, tensor<64x7xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 7, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = false, scale = 1.0}
    : tensor<64x257xf32>, tensor<257xf32> -> tensor<64x7xf32>, tensor<64x7xi32>
  return %w, %i : tensor<64x7xf32>, tensor<64x7xi32>
}

func.func @more_experts_than_tokens(%l: tensor<3x1001xf32>) -> (tensor<3x8xf32>, tensor<3x8xi32>) {
  %w, %i = kernel.route %l {topK = 8, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<3x1001xf32> -> tensor<3x8xf32>, tensor<3x8xi32>
  return %w, %i : tensor<3x8xf32>, tensor<3x8xi32>
}

// As many experts as a warp can hold, more groups than lanes.
func.func @most_experts(%l: tensor<3x1024xf32>, %b: tensor<1024xf32>) -> (tensor<3x6xf32>, tensor<3x6xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 6, nGroup = 64, topkGroup = 7, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 1.0}
    : tensor<3x1024xf32>, tensor<1024xf32> -> tensor<3x6xf32>, tensor<3x6xi32>
  return %w, %i : tensor<3x6xf32>, tensor<3x6xi32>
}

// More choices than lanes.
func.func @many_choices(%l: tensor<7x80xf32>) -> (tensor<7x40xf32>, tensor<7x40xi32>) {
  %w, %i = kernel.route %l {topK = 40, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<7x80xf32> -> tensor<7x40xf32>, tensor<7x40xi32>
  return %w, %i : tensor<7x40xf32>, tensor<7x40xi32>
}

// Every expert is chosen: a sort.
func.func @all_experts(%l: tensor<3x40xf32>) -> (tensor<3x40xf32>, tensor<3x40xi32>) {
  %w, %i = kernel.route %l {topK = 40, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<3x40xf32> -> tensor<3x40xf32>, tensor<3x40xi32>
  return %w, %i : tensor<3x40xf32>, tensor<3x40xi32>
}

// Groups that do not divide the lanes.
func.func @three_groups(%l: tensor<64x96xf32>) -> (tensor<64x6xf32>, tensor<64x6xi32>) {
  %w, %i = kernel.route %l {topK = 6, nGroup = 3, topkGroup = 2, score = #kernel<route_score softmax>, group = #kernel<route_group max>, normalize = false, scale = 1.0}
    : tensor<64x96xf32> -> tensor<64x6xf32>, tensor<64x6xi32>
  return %w, %i : tensor<64x6xf32>, tensor<64x6xi32>
}

func.func @groups_of_five(%l: tensor<64x80xf32>, %b: tensor<80xf32>) -> (tensor<64x4xf32>, tensor<64x4xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 4, nGroup = 16, topkGroup = 3, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 1.0}
    : tensor<64x80xf32>, tensor<80xf32> -> tensor<64x4xf32>, tensor<64x4xi32>
  return %w, %i : tensor<64x4xf32>, tensor<64x4xi32>
}

// A lane has two groups.
func.func @groups_of_two(%l: tensor<7x80xf32>, %b: tensor<80xf32>) -> (tensor<7x3xf32>, tensor<7x3xi32>) {
  %w, %i = kernel.route %l bias %b {topK = 3, nGroup = 40, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 1.0}
    : tensor<7x80xf32>, tensor<80xf32> -> tensor<7x3xf32>, tensor<7x3xi32>
  return %w, %i : tensor<7x3xf32>, tensor<7x3xi32>
}

// All experts of the best group.
func.func @one_group_left(%l: tensor<7x64xf32>) -> (tensor<7x8xf32>, tensor<7x8xi32>) {
  %w, %i = kernel.route %l {topK = 8, nGroup = 8, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group max>, normalize = false, scale = 1.0}
    : tensor<7x64xf32> -> tensor<7x8xf32>, tensor<7x8xi32>
  return %w, %i : tensor<7x8xf32>, tensor<7x8xi32>
}

// Logits that are columns of a wider matrix.
func.func @slices(%x: tensor<7x100xf32>) -> (tensor<7x4xf32>, tensor<7x4xi32>) {
  %l = tensor.extract_slice %x[0, 33] [7, 64] [1, 1] : tensor<7x100xf32> to tensor<7x64xf32>
  %w, %i = kernel.route %l {topK = 4, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<7x64xf32> -> tensor<7x4xf32>, tensor<7x4xi32>
  return %w, %i : tensor<7x4xf32>, tensor<7x4xi32>
}

// Seventeen different logits: the lower index wins.
// range: ties.arg0=-8:8
func.func @ties(%x: tensor<100x64xi32>) -> (tensor<100x8xf32>, tensor<100x8xi32>) {
  %l = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x64xi32>) -> tensor<100x64xf32> {
  ^bb0(%r: tensor<64xi32>):
    %0 = arith.sitofp %r : tensor<64xi32> to tensor<64xf32>
    %step = arith.constant dense<0.25> : tensor<64xf32>
    %1 = arith.mulf %0, %step : tensor<64xf32>
    kernel.row_yield %1 : tensor<64xf32>
  }
  %w, %i = kernel.route %l {topK = 8, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0}
    : tensor<100x64xf32> -> tensor<100x8xf32>, tensor<100x8xi32>
  return %w, %i : tensor<100x8xf32>, tensor<100x8xi32>
}

// Four different logits, several registers.
// range: ties_odd.arg0=0:3
func.func @ties_odd(%x: tensor<7x257xi32>) -> (tensor<7x12xf32>, tensor<7x12xi32>) {
  %l = kernel.row_fusion rows 7 whole [] (%x) : (tensor<7x257xi32>) -> tensor<7x257xf32> {
  ^bb0(%r: tensor<257xi32>):
    %0 = arith.sitofp %r : tensor<257xi32> to tensor<257xf32>
    %step = arith.constant dense<0.25> : tensor<257xf32>
    %1 = arith.mulf %0, %step : tensor<257xf32>
    kernel.row_yield %1 : tensor<257xf32>
  }
  %w, %i = kernel.route %l {topK = 12, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<7x257xf32> -> tensor<7x12xf32>, tensor<7x12xi32>
  return %w, %i : tensor<7x12xf32>, tensor<7x12xi32>
}

// The first forty.
// range: all_equal.arg0=5:5
func.func @all_equal(%x: tensor<3x80xi32>) -> (tensor<3x40xf32>, tensor<3x40xi32>) {
  %l = kernel.row_fusion rows 3 whole [] (%x) : (tensor<3x80xi32>) -> tensor<3x80xf32> {
  ^bb0(%r: tensor<80xi32>):
    %0 = arith.sitofp %r : tensor<80xi32> to tensor<80xf32>
    %step = arith.constant dense<0.25> : tensor<80xf32>
    %1 = arith.mulf %0, %step : tensor<80xf32>
    kernel.row_yield %1 : tensor<80xf32>
  }
  %w, %i = kernel.route %l {topK = 40, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<3x80xf32> -> tensor<3x40xf32>, tensor<3x40xi32>
  return %w, %i : tensor<3x40xf32>, tensor<3x40xi32>
}

// Ties among groups by their best expert.
// range: group_ties.arg0=0:2
func.func @group_ties(%x: tensor<100x64xi32>) -> (tensor<100x8xf32>, tensor<100x8xi32>) {
  %l = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x64xi32>) -> tensor<100x64xf32> {
  ^bb0(%r: tensor<64xi32>):
    %0 = arith.sitofp %r : tensor<64xi32> to tensor<64xf32>
    %step = arith.constant dense<0.25> : tensor<64xf32>
    %1 = arith.mulf %0, %step : tensor<64xf32>
    kernel.row_yield %1 : tensor<64xf32>
  }
  %w, %i = kernel.route %l {topK = 8, nGroup = 8, topkGroup = 3, score = #kernel<route_score sigmoid>, group = #kernel<route_group max>, normalize = true, scale = 1.0}
    : tensor<100x64xf32> -> tensor<100x8xf32>, tensor<100x8xi32>
  return %w, %i : tensor<100x8xf32>, tensor<100x8xi32>
}

// Ties among groups by sums.
// range: group_ties_top2.arg0=0:4
func.func @group_ties_top2(%x: tensor<100x96xi32>) -> (tensor<100x5xf32>, tensor<100x5xi32>) {
  %l = kernel.row_fusion rows 100 whole [] (%x) : (tensor<100x96xi32>) -> tensor<100x96xf32> {
  ^bb0(%r: tensor<96xi32>):
    %0 = arith.sitofp %r : tensor<96xi32> to tensor<96xf32>
    %step = arith.constant dense<0.25> : tensor<96xf32>
    %1 = arith.mulf %0, %step : tensor<96xf32>
    kernel.row_yield %1 : tensor<96xf32>
  }
  %w, %i = kernel.route %l {topK = 5, nGroup = 12, topkGroup = 4, score = #kernel<route_score softmax>, group = #kernel<route_group top2_sum>, normalize = false, scale = 1.0}
    : tensor<100x96xf32> -> tensor<100x5xf32>, tensor<100x5xi32>
  return %w, %i : tensor<100x5xf32>, tensor<100x5xi32>
}

// Logits of -inf have score 0.
// range: masked_logits.arg0=0:12
func.func @masked_logits(%x: tensor<64x64xi32>) -> (tensor<64x6xf32>, tensor<64x6xi32>) {
  %l = kernel.row_fusion rows 64 whole [] (%x) : (tensor<64x64xi32>) -> tensor<64x64xf32> {
  ^bb0(%r: tensor<64xi32>):
    %0 = arith.sitofp %r : tensor<64xi32> to tensor<64xf32>
    %step = arith.constant dense<0.25> : tensor<64xf32>
    %1 = arith.mulf %0, %step : tensor<64xf32>
    %zero = arith.constant dense<0> : tensor<64xi32>
    %2 = arith.cmpi eq, %r, %zero : tensor<64xi32>
    %none = arith.constant dense<0xFF800000> : tensor<64xf32>
    %3 = arith.select %2, %none, %1 : tensor<64xi1>, tensor<64xf32>
    kernel.row_yield %3 : tensor<64xf32>
  }
  %w, %i = kernel.route %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<64x64xf32> -> tensor<64x6xf32>, tensor<64x6xi32>
  return %w, %i : tensor<64x6xf32>, tensor<64x6xi32>
}

// So many that some of them are chosen, in order.
// range: masked_sigmoid.arg0=0:2
func.func @masked_sigmoid(%x: tensor<64x80xi32>) -> (tensor<64x30xf32>, tensor<64x30xi32>) {
  %l = kernel.row_fusion rows 64 whole [] (%x) : (tensor<64x80xi32>) -> tensor<64x80xf32> {
  ^bb0(%r: tensor<80xi32>):
    %0 = arith.sitofp %r : tensor<80xi32> to tensor<80xf32>
    %step = arith.constant dense<0.25> : tensor<80xf32>
    %1 = arith.mulf %0, %step : tensor<80xf32>
    %zero = arith.constant dense<0> : tensor<80xi32>
    %2 = arith.cmpi eq, %r, %zero : tensor<80xi32>
    %none = arith.constant dense<0xFF800000> : tensor<80xf32>
    %3 = arith.select %2, %none, %1 : tensor<80xi1>, tensor<80xf32>
    kernel.row_yield %3 : tensor<80xf32>
  }
  %w, %i = kernel.route %l {topK = 30, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<64x80xf32> -> tensor<64x30xf32>, tensor<64x30xi32>
  return %w, %i : tensor<64x30xf32>, tensor<64x30xi32>
}

// A bias of -inf: experts that are chosen only when no others are left.
// range: masked_experts.arg0=-9:9 masked_experts.arg1=0:2
func.func @masked_experts(%x: tensor<64x64xi32>, %m: tensor<64xi32>) -> (tensor<64x6xf32>, tensor<64x6xi32>) {
  %l = kernel.row_fusion rows 64 whole [] (%x) : (tensor<64x64xi32>) -> tensor<64x64xf32> {
  ^bb0(%r: tensor<64xi32>):
    %0 = arith.sitofp %r : tensor<64xi32> to tensor<64xf32>
    %step = arith.constant dense<0.25> : tensor<64xf32>
    %1 = arith.mulf %0, %step : tensor<64xf32>
    kernel.row_yield %1 : tensor<64xf32>
  }
  %b = kernel.row_fusion rows 64 whole [] (%m) : (tensor<64xi32>) -> tensor<64xf32> {
  ^bb0(%r: tensor<i32>):
    %zero = arith.constant dense<0> : tensor<i32>
    %0 = arith.cmpi eq, %r, %zero : tensor<i32>
    %none = arith.constant dense<0xFF800000> : tensor<f32>
    %some = arith.constant dense<0.5> : tensor<f32>
    %1 = arith.select %0, %none, %some : tensor<i1>, tensor<f32>
    kernel.row_yield %1 : tensor<f32>
  }
  %w, %i = kernel.route %l bias %b {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = true, scale = 1.0}
    : tensor<64x64xf32>, tensor<64xf32> -> tensor<64x6xf32>, tensor<64x6xi32>
  return %w, %i : tensor<64x6xf32>, tensor<64x6xi32>
}

// The same within two groups of eight: -inf ties with the experts of other groups.
// range: masked_groups.arg0=-9:9 masked_groups.arg1=0:2
func.func @masked_groups(%x: tensor<64x64xi32>, %m: tensor<64xi32>) -> (tensor<64x16xf32>, tensor<64x16xi32>) {
  %l = kernel.row_fusion rows 64 whole [] (%x) : (tensor<64x64xi32>) -> tensor<64x64xf32> {
  ^bb0(%r: tensor<64xi32>):
    %0 = arith.sitofp %r : tensor<64xi32> to tensor<64xf32>
    %step = arith.constant dense<0.25> : tensor<64xf32>
    %1 = arith.mulf %0, %step : tensor<64xf32>
    kernel.row_yield %1 : tensor<64xf32>
  }
  %b = kernel.row_fusion rows 64 whole [] (%m) : (tensor<64xi32>) -> tensor<64xf32> {
  ^bb0(%r: tensor<i32>):
    %zero = arith.constant dense<0> : tensor<i32>
    %0 = arith.cmpi eq, %r, %zero : tensor<i32>
    %none = arith.constant dense<0xFF800000> : tensor<f32>
    %some = arith.constant dense<0.5> : tensor<f32>
    %1 = arith.select %0, %none, %some : tensor<i1>, tensor<f32>
    kernel.row_yield %1 : tensor<f32>
  }
  %w, %i = kernel.route %l bias %b {topK = 16, nGroup = 8, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group max>, normalize = true, scale = 1.0}
    : tensor<64x64xf32>, tensor<64xf32> -> tensor<64x16xf32>, tensor<64x16xi32>
  return %w, %i : tensor<64x16xf32>, tensor<64x16xi32>
}
