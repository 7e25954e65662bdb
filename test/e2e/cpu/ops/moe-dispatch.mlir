// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// Pairs (token, choice) sorted by expert, then token, then choice: their rows, where each expert's rows begin, where each pair went.

// Expert 2 has no rows; token 0 chose expert 3 first and expert 1 second.
// CHECK: dispatch_rows.result0 f32 [6, 2]
// CHECK-NEXT: 3 4
// CHECK-NEXT: 1 2
// CHECK-NEXT: 3 4
// CHECK-NEXT: 5 6
// CHECK-NEXT: 1 2
// CHECK-NEXT: 5 6
// CHECK-NEXT: dispatch_rows.result1 i32 [5]
// CHECK-NEXT: 0 1 4 4 6
// CHECK-NEXT: dispatch_rows.result2 i32 [3, 2]
// CHECK-NEXT: 4 1
// CHECK-NEXT: 2 0
// CHECK-NEXT: 5 3
func.func @dispatch_rows() -> (tensor<6x2xf32>, tensor<5xi32>, tensor<3x2xi32>) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %indices = arith.constant dense<[[3, 1], [1, 0], [3, 1]]> : tensor<3x2xi32>
  %rows, %offsets, %where = deepseek.moe_dispatch %x, %indices experts 4 : tensor<3x2xf32>, tensor<3x2xi32> -> tensor<6x2xf32>, tensor<5xi32>, tensor<3x2xi32>
  return %rows, %offsets, %where : tensor<6x2xf32>, tensor<5xi32>, tensor<3x2xi32>
}

// A block-scaled row takes its scales along.
// CHECK: dispatch_scaled.result0 f8E4M3FN [2, 3]
// CHECK-NEXT: 0.5 448 3
// CHECK-NEXT: 1 2 -4
// CHECK-NEXT: dispatch_scaled.result1 f32 [2, 1]
// CHECK-NEXT: 7
// CHECK-NEXT: 0.25
// CHECK-NEXT: dispatch_scaled.result2 i32 [3]
// CHECK-NEXT: 0 1 2
// CHECK-NEXT: dispatch_scaled.result3 i32 [2, 1]
// CHECK-NEXT: 1
// CHECK-NEXT: 0
func.func @dispatch_scaled() -> (tensor<2x3xf8E4M3FN>, tensor<2x1xf32>, tensor<3xi32>, tensor<2x1xi32>) {
  %d = arith.constant dense<[[1.0, 2.0, -4.0], [0.5, 448.0, 3.0]]> : tensor<2x3xf8E4M3FN>
  %s = arith.constant dense<[[0.25], [7.0]]> : tensor<2x1xf32>
  %indices = arith.constant dense<[[1], [0]]> : tensor<2x1xi32>
  %x = deepseek.pack_scaled %d, %s : tensor<2x3xf8E4M3FN>, tensor<2x1xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>
  %rows, %offsets, %where = deepseek.moe_dispatch %x, %indices experts 2 : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>, tensor<2x1xi32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>, tensor<3xi32>, tensor<2x1xi32>
  %rd, %rs = deepseek.unpack_scaled %rows : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32> -> tensor<2x3xf8E4M3FN>, tensor<2x1xf32>
  return %rd, %rs, %offsets, %where : tensor<2x3xf8E4M3FN>, tensor<2x1xf32>, tensor<3xi32>, tensor<2x1xi32>
}
