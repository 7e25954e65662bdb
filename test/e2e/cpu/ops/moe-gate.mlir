// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// Scores are softmax or sigmoid of the logits; the topK best of scores + bias are chosen among the eligible groups; weights are the scores without bias, divided by
// their sum where normalised, times the scale. Lower indices win ties.

// V2-Lite: softmax over all experts, greedy. Experts 1 and 3 tie: 1 comes first; in the second row all tie.
// CHECK: gate_softmax.result0 f32 [2, 3]
// CHECK-NEXT: 0.43996 0.43996 0.098169
// CHECK-NEXT: 0.25 0.25 0.25
// CHECK-NEXT: gate_softmax.result1 i32 [2, 3]
// CHECK-NEXT: 1 3 0
// CHECK-NEXT: 0 1 2
func.func @gate_softmax() -> (tensor<2x3xf32>, tensor<2x3xi32>) {
  %logits = arith.constant dense<[[0.5, 2.0, -1.0, 2.0], [1.0, 1.0, 1.0, 1.0]]> : tensor<2x4xf32>
  %w, %i = deepseek.moe_gate %logits {topK = 3 : i64, nGroup = 1 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring softmax>, groupScore = #deepseek<group_score none>, normalize = false, scale = 1.0 : f64} : tensor<2x4xf32> -> tensor<2x3xf32>, tensor<2x3xi32>
  return %w, %i : tensor<2x3xf32>, tensor<2x3xi32>
}

// Normalised and scaled: the weights of a row sum to 2.5.
// CHECK: gate_normalized.result0 f32 [1, 2]
// CHECK-NEXT: 1.8276 0.67235
// CHECK-NEXT: gate_normalized.result1 i32 [1, 2]
// CHECK-NEXT: 1 3
func.func @gate_normalized() -> (tensor<1x2xf32>, tensor<1x2xi32>) {
  %logits = arith.constant dense<[[0.5, 2.0, -1.0, 1.0]]> : tensor<1x4xf32>
  %w, %i = deepseek.moe_gate %logits {topK = 2 : i64, nGroup = 1 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring softmax>, groupScore = #deepseek<group_score none>, normalize = true, scale = 2.5 : f64} : tensor<1x4xf32> -> tensor<1x2xf32>, tensor<1x2xi32>
  return %w, %i : tensor<1x2xf32>, tensor<1x2xi32>
}

// V2: groups by their best expert. Groups {0 1} {2 3} {4 5} {6 7} score 3, 4, 3, 1: the best is {2 3}, then {0 1}, which ties with {4 5}. Expert 5 (3.0) is out; 0 and 3 stay.
// CHECK: gate_groups_max.result0 f32 [1, 3]
// CHECK-NEXT: 7.924 2.9151 0.39451
// CHECK-NEXT: gate_groups_max.result1 i32 [1, 3]
// CHECK-NEXT: 2 1 0
func.func @gate_groups_max() -> (tensor<1x3xf32>, tensor<1x3xi32>) {
  %logits = arith.constant dense<[[1.0, 3.0, 4.0, 0.5, 2.0, 3.0, 1.0, 0.0]]> : tensor<1x8xf32>
  %w, %i = deepseek.moe_gate %logits {topK = 3 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring softmax>, groupScore = #deepseek<group_score max>, normalize = false, scale = 16.0 : f64} : tensor<1x8xf32> -> tensor<1x3xf32>, tensor<1x3xi32>
  return %w, %i : tensor<1x3xf32>, tensor<1x3xi32>
}

// V3: sigmoid, groups by the sum of their two best. Group {4 5 6 7} holds the best expert, but {0 1 2 3} the best two.
// CHECK: gate_groups_top2.result0 f32 [1, 2]
// CHECK-NEXT: 1.3198 1.1802
// CHECK-NEXT: gate_groups_top2.result1 i32 [1, 2]
// CHECK-NEXT: 1 0
func.func @gate_groups_top2() -> (tensor<1x2xf32>, tensor<1x2xi32>) {
  %logits = arith.constant dense<[[1.0, 1.5, -3.0, -3.0, 2.0, -4.0, -4.0, -4.0]]> : tensor<1x8xf32>
  %bias = arith.constant dense<[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]> : tensor<8xf32>
  %w, %i = deepseek.moe_gate %logits bias %bias {topK = 2 : i64, nGroup = 2 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 2.5 : f64} : tensor<1x8xf32>, tensor<8xf32> -> tensor<1x2xf32>, tensor<1x2xi32>
  return %w, %i : tensor<1x2xf32>, tensor<1x2xi32>
}

// The bias chooses (experts 3 and 0) and does not weigh: sigmoid(-1) and sigmoid(1).
// CHECK: gate_bias_selects.result0 f32 [1, 2]
// CHECK-NEXT: 0.26894 0.73106
// CHECK-NEXT: gate_bias_selects.result1 i32 [1, 2]
// CHECK-NEXT: 3 0
func.func @gate_bias_selects() -> (tensor<1x2xf32>, tensor<1x2xi32>) {
  %logits = arith.constant dense<[[1.0, 2.0, 0.0, -1.0]]> : tensor<1x4xf32>
  %bias = arith.constant dense<[0.5, -1.0, 0.0, 1.0]> : tensor<4xf32>
  %w, %i = deepseek.moe_gate %logits bias %bias {topK = 2 : i64, nGroup = 1 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score none>, normalize = false, scale = 1.0 : f64} : tensor<1x4xf32>, tensor<4xf32> -> tensor<1x2xf32>, tensor<1x2xi32>
  return %w, %i : tensor<1x2xf32>, tensor<1x2xi32>
}

// Others are masked with -inf, not with 0: all biased scores of the best group are negative, and its second expert still beats every expert of other groups.
// CHECK: gate_masks_with_infinity.result0 f32 [1, 2]
// CHECK-NEXT: 0.5 0.1192
// CHECK-NEXT: gate_masks_with_infinity.result1 i32 [1, 2]
// CHECK-NEXT: 0 1
func.func @gate_masks_with_infinity() -> (tensor<1x2xf32>, tensor<1x2xi32>) {
  %logits = arith.constant dense<[[0.0, -2.0, -3.0, -3.0]]> : tensor<1x4xf32>
  %bias = arith.constant dense<[-1.0, -1.5, -2.0, -2.0]> : tensor<4xf32>
  %w, %i = deepseek.moe_gate %logits bias %bias {topK = 2 : i64, nGroup = 2 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score max>, normalize = false, scale = 1.0 : f64} : tensor<1x4xf32>, tensor<4xf32> -> tensor<1x2xf32>, tensor<1x2xi32>
  return %w, %i : tensor<1x2xf32>, tensor<1x2xi32>
}

// Equal groups: the lower one wins; the top2 sum of group {0 1} is 1 + 0, that of {2 3} 0.5 + 0.5.
// CHECK: gate_group_tie.result0 f32 [1, 2]
// CHECK-NEXT: 0.5 0.5
// CHECK-NEXT: gate_group_tie.result1 i32 [1, 2]
// CHECK-NEXT: 0 1
func.func @gate_group_tie() -> (tensor<1x2xf32>, tensor<1x2xi32>) {
  %logits = arith.constant dense<[[0.0, 0.0, 0.0, 0.0]]> : tensor<1x4xf32>
  %bias = arith.constant dense<[0.5, -0.5, 0.0, 0.0]> : tensor<4xf32>
  %w, %i = deepseek.moe_gate %logits bias %bias {topK = 2 : i64, nGroup = 2 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = false, scale = 1.0 : f64} : tensor<1x4xf32>, tensor<4xf32> -> tensor<1x2xf32>, tensor<1x2xi32>
  return %w, %i : tensor<1x2xf32>, tensor<1x2xi32>
}

// A logit of -inf has the score 0, and is chosen last.
// CHECK: gate_infinite_logit.result0 f32 [1, 3]
// CHECK-NEXT: 0.73106 0.26894 0
// CHECK-NEXT: gate_infinite_logit.result1 i32 [1, 3]
// CHECK-NEXT: 2 1 0
func.func @gate_infinite_logit() -> (tensor<1x3xf32>, tensor<1x3xi32>) {
  %logits = arith.constant dense<[[0xFF800000, 0.0, 1.0]]> : tensor<1x3xf32>
  %w, %i = deepseek.moe_gate %logits {topK = 3 : i64, nGroup = 1 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring softmax>, groupScore = #deepseek<group_score none>, normalize = true, scale = 1.0 : f64} : tensor<1x3xf32> -> tensor<1x3xf32>, tensor<1x3xi32>
  return %w, %i : tensor<1x3xf32>, tensor<1x3xi32>
}
