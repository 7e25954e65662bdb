// RUN: deepseek-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @moe_gate
func.func @moe_gate(%logits: tensor<8x16xf32>, %bias: tensor<16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>) {
  // CHECK: deepseek.moe_gate %{{.+}} bias %{{.+}} {{{.*}}groupScore = #deepseek<group_score top2_sum>{{.*}}} : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  %weights, %indices = deepseek.moe_gate %logits bias %bias {topK = 4 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 2.5 : f64} : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return %weights, %indices : tensor<8x4xf32>, tensor<8x4xi32>
}

// CHECK-LABEL: func.func @experts
func.func @experts(%x: tensor<8x256xbf16>, %indices: tensor<8x4xi32>, %weights: tensor<8x4xf32>, %w: tensor<16x256x256xbf16>) -> tensor<8x256xbf16> {
  // CHECK: deepseek.moe_dispatch %{{.+}}, %{{.+}} experts 16 : tensor<8x256xbf16>, tensor<8x4xi32> -> tensor<32x256xbf16>, tensor<17xi32>, tensor<8x4xi32>
  %rows, %offsets, %row_of = deepseek.moe_dispatch %x, %indices experts 16 : tensor<8x256xbf16>, tensor<8x4xi32> -> tensor<32x256xbf16>, tensor<17xi32>, tensor<8x4xi32>
  // CHECK: deepseek.grouped_linear %{{.+}}, %{{.+}}, %{{.+}} : tensor<32x256xbf16>, tensor<17xi32>, tensor<16x256x256xbf16> -> tensor<32x256xbf16>
  %y = deepseek.grouped_linear %rows, %offsets, %w : tensor<32x256xbf16>, tensor<17xi32>, tensor<16x256x256xbf16> -> tensor<32x256xbf16>
  // CHECK: deepseek.moe_combine %{{.+}}, %{{.+}}, %{{.+}} : tensor<32x256xbf16>, tensor<8x4xi32>, tensor<8x4xf32> -> tensor<8x256xbf16>
  %0 = deepseek.moe_combine %y, %row_of, %weights : tensor<32x256xbf16>, tensor<8x4xi32>, tensor<8x4xf32> -> tensor<8x256xbf16>
  return %0 : tensor<8x256xbf16>
}

// CHECK-LABEL: func.func @dispatch_block_scaled
func.func @dispatch_block_scaled(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, %indices: tensor<8x4xi32>) -> !deepseek.block_scaled<32x256xf8E4M3FN, 1x128, f32> {
  // CHECK: deepseek.moe_dispatch {{.*}} -> !deepseek.block_scaled<32x256xf8E4M3FN, 1x128, f32>, tensor<17xi32>, tensor<8x4xi32>
  %rows, %offsets, %row_of = deepseek.moe_dispatch %x, %indices experts 16 : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, tensor<8x4xi32> -> !deepseek.block_scaled<32x256xf8E4M3FN, 1x128, f32>, tensor<17xi32>, tensor<8x4xi32>
  return %rows : !deepseek.block_scaled<32x256xf8E4M3FN, 1x128, f32>
}
