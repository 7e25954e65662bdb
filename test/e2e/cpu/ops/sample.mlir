// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// Temperature 0: argmax. Otherwise z = logits / temperature; candidates are the top_k best (lower index first on a tie), of these the shortest prefix whose softmax mass
// reaches top_p; u = (top 24 bits of output number position + 1 of splitmix64 seeded with seed) / 2^24; the token is the first candidate, in index order, whose running sum of exp(z - max z) exceeds
// u times the total.

// Greedy: the lower of two equal logits, whatever the seed.
// CHECK: sample_greedy.result0 i32 [2]
// CHECK-NEXT: 1 1
func.func @sample_greedy() -> tensor<2xi32> {
  %logits = arith.constant dense<[[0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0]]> : tensor<2x8xf32>
  %temperature = arith.constant dense<[0.0, -1.0]> : tensor<2xf32>
  %top_k = arith.constant dense<0> : tensor<2xi32>
  %top_p = arith.constant dense<1.0> : tensor<2xf32>
  %seed = arith.constant dense<[1, 2]> : tensor<2xi64>
  %positions = arith.constant dense<[0, 5]> : tensor<2xi32>
  %y = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<2x8xf32>, tensor<2xf32>, tensor<2xi32>, tensor<2xf32>, tensor<2xi64>, tensor<2xi32>) -> tensor<2xi32>
  return %y : tensor<2xi32>
}

// Eight seeds, then eight positions, over the whole vocabulary.
// CHECK: sample_seeds.result0 i32 [8]
// CHECK-NEXT: 7 3 6 0 3 1 3 6
func.func @sample_seeds() -> tensor<8xi32> {
  %logits = arith.constant dense<[[0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0]]> : tensor<8x8xf32>
  %temperature = arith.constant dense<1.0> : tensor<8xf32>
  %top_k = arith.constant dense<0> : tensor<8xi32>
  %top_p = arith.constant dense<1.0> : tensor<8xf32>
  %seed = arith.constant dense<[0, 1, 2, 3, 4, 5, -6, 7000000000000]> : tensor<8xi64>
  %positions = arith.constant dense<3> : tensor<8xi32>
  %y = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return %y : tensor<8xi32>
}

// CHECK: sample_positions.result0 i32 [8]
// CHECK-NEXT: 5 1 2 2 0 6 1 7
func.func @sample_positions() -> tensor<8xi32> {
  %logits = arith.constant dense<[[0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0]]> : tensor<8x8xf32>
  %temperature = arith.constant dense<2.0> : tensor<8xf32>
  %top_k = arith.constant dense<0> : tensor<8xi32>
  %top_p = arith.constant dense<1.0> : tensor<8xf32>
  %seed = arith.constant dense<42> : tensor<8xi64>
  %positions = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 163839]> : tensor<8xi32>
  %y = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return %y : tensor<8xi32>
}

// Of the equal logits 1 and 3, top_k = 1 keeps the lower.
// CHECK: sample_top_k.result0 i32 [4]
// CHECK-NEXT: 1 3 6 3
func.func @sample_top_k() -> tensor<4xi32> {
  %logits = arith.constant dense<[[0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0]]> : tensor<4x8xf32>
  %temperature = arith.constant dense<1.0> : tensor<4xf32>
  %top_k = arith.constant dense<[1, 2, 3, 3]> : tensor<4xi32>
  %top_p = arith.constant dense<1.0> : tensor<4xf32>
  %seed = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi64>
  %positions = arith.constant dense<7> : tensor<4xi32>
  %y = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<4x8xf32>, tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi32>) -> tensor<4xi32>
  return %y : tensor<4xi32>
}

// Masses are 0.22, 0.22, 0.17, 0.13, ...: 0.2 keeps one candidate, 0.4 two; 0 keeps one, never none.
// CHECK: sample_top_p.result0 i32 [8]
// CHECK-NEXT: 1 1 3 3 3 6 2 1
func.func @sample_top_p() -> tensor<8xi32> {
  %logits = arith.constant dense<[[0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0]]> : tensor<8x8xf32>
  %temperature = arith.constant dense<1.0> : tensor<8xf32>
  %top_k = arith.constant dense<0> : tensor<8xi32>
  %top_p = arith.constant dense<[0.2, 0.2, 0.4, 0.4, 0.4, 0.6, 0.9, 0.0]> : tensor<8xf32>
  %seed = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8]> : tensor<8xi64>
  %positions = arith.constant dense<9> : tensor<8xi32>
  %y = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return %y : tensor<8xi32>
}

// top_p is of the mass of the top_k candidates: of three (0.36, 0.36, 0.28) 0.7 keeps two.
// CHECK: sample_top_k_top_p.result0 i32 [8]
// CHECK-NEXT: 3 1 3 3 1 1 3 3
func.func @sample_top_k_top_p() -> tensor<8xi32> {
  %logits = arith.constant dense<[[0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0], [0.0, 1.0, 0.5, 1.0, -1.0, 0.25, 0.75, 0.0]]> : tensor<8x8xf32>
  %temperature = arith.constant dense<1.0> : tensor<8xf32>
  %top_k = arith.constant dense<3> : tensor<8xi32>
  %top_p = arith.constant dense<0.7> : tensor<8xf32>
  %seed = arith.constant dense<[1, 2, 3, 4, 5, 6, 7, 8]> : tensor<8xi64>
  %positions = arith.constant dense<11> : tensor<8xi32>
  %y = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<8x8xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return %y : tensor<8xi32>
}
