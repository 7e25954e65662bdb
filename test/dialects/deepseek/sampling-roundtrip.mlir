// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @choose
func.func @choose(%logits: tensor<8x1024xf32>, %temperature: tensor<8xf32>, %top_k: tensor<8xi32>, %top_p: tensor<8xf32>, %seed: tensor<8xi64>,
    %positions: tensor<8xi32>) -> (tensor<8xi32>, tensor<8x4xi32>, tensor<8xi32>) {
  // CHECK: deepseek.argmax %{{.+}} : tensor<8x1024xf32> -> tensor<8xi32>
  %0 = deepseek.argmax %logits : tensor<8x1024xf32> -> tensor<8xi32>
  // CHECK: deepseek.top_k %{{.+}} k 4 : tensor<8x1024xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  %1, %2 = deepseek.top_k %logits k 4 : tensor<8x1024xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  // CHECK: deepseek.sample
  %3 = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<8x1024xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
  return %0, %2, %3 : tensor<8xi32>, tensor<8x4xi32>, tensor<8xi32>
}
