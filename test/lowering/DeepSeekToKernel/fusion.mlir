// RUN: deepseek-opt %s -convert-deepseek-to-kernel -split-input-file | FileCheck %s
// RUN: deepseek-opt %s -convert-deepseek-to-kernel -split-input-file --remark-format=emitRemark --remarks-filter=convert-deepseek-to-kernel -o %t.ignored 2>&1 | FileCheck %s --check-prefix=REMARK

// Residual add, norm and quantisation are one kernel; the sum is rounded before it is normalised, as the operations say.
// CHECK-LABEL: func.func @add_norm
// CHECK:         %[[F:.+]]:3 = kernel.row_fusion rows 8 whole [2]
// CHECK:           %[[SUM:.+]] = arith.addf
// CHECK:           %[[H:.+]] = arith.truncf %[[SUM]] : tensor<256xf32> to tensor<256xbf16>
// CHECK:           %[[HF:.+]] = arith.extf %[[H]]
// CHECK:           arith.mulf %[[HF]], %[[HF]]
// CHECK:           %[[DATA:.+]], %[[SCALES:.+]] = kernel.row_quantize
// CHECK:           kernel.row_yield %[[H]], %[[DATA]], %[[SCALES]]
// CHECK-NOT:     kernel.row_fusion
// CHECK:         kernel.gemm %[[F]]#1, %{{.+}} scales(%[[F]]#2, %{{.+}})
// CHECK:         return %[[F]]#0
func.func @add_norm(%x: tensor<8x256xbf16>, %a: tensor<8x256xbf16>, %w: tensor<256xbf16>, %wd: tensor<512x256xf8E4M3FN>, %ws: tensor<4x2xf32>)
    -> (tensor<8x256xbf16>, tensor<8x512xbf16>) {
  %h, %y = deepseek.fusion "add_norm" -> tensor<8x256xbf16>, !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> {
    %0 = deepseek.add %x, %a : tensor<8x256xbf16>
    %1 = deepseek.rms_norm %0, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
    %2 = deepseek.quantize %1 : tensor<8x256xbf16> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
    deepseek.yield %0, %2 : tensor<8x256xbf16>, !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  }
  %wp = deepseek.pack_scaled %wd, %ws : tensor<512x256xf8E4M3FN>, tensor<4x2xf32> -> !deepseek.block_scaled<512x256xf8E4M3FN, 128x128, f32>
  %l = deepseek.linear %y, %wp : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<512x256xf8E4M3FN, 128x128, f32> -> tensor<8x512xbf16>
  return %h, %l : tensor<8x256xbf16>, tensor<8x512xbf16>
}

// -----

// Views of values from above are no part of the row program; the query's rotation and the append share it.
// CHECK-LABEL: func.func @rope_append
// CHECK:         %[[L:.+]] = tensor.extract_slice %{{.+}}[0, 0] [8, 12] [1, 1]
// CHECK:         %[[K:.+]] = tensor.extract_slice %{{.+}}[0, 12] [8, 4] [1, 1]
// CHECK:         %[[Q:.+]] = kernel.row_fusion rows 8 whole [{{[0-9, ]+}}](%[[L]], %{{.+}}, %[[K]]
// CHECK:           kernel.row_rope %{{.+}}, %[[A:.+]] interleaved : tensor<4xf32>
// CHECK:           kernel.row_rope %{{.+}}, %[[A]] interleaved : tensor<3x4xf32>
// CHECK:           kernel.row_cache_store
// CHECK-NOT:     kernel.row_fusion
// CHECK:         return %[[Q]]
!cache = !deepseek.latent_cache<layers = 2, page = 64, latent = 12, rope = 4, element = bf16>
func.func @rope_append(%kv: tensor<8x16xbf16>, %w: tensor<12xbf16>, %a: tensor<8x2x2xf32>, %q: tensor<8x3x4xbf16>, %p: tensor<8xi32>, %b: tensor<2x5xi32>,
                       %c: !cache) -> tensor<8x3x4xbf16> {
  %r = deepseek.fusion "rope_append" -> tensor<8x3x4xbf16> {
    %l = tensor.extract_slice %kv[0, 0] [8, 12] [1, 1] : tensor<8x16xbf16> to tensor<8x12xbf16>
    %k = tensor.extract_slice %kv[0, 12] [8, 4] [1, 1] : tensor<8x16xbf16> to tensor<8x4xbf16>
    %n = deepseek.rms_norm %l, %w eps 1.0e-06 : tensor<8x12xbf16>, tensor<12xbf16> -> tensor<8x12xbf16>
    %kr = deepseek.rope %k, %a interleaved : tensor<8x4xbf16>, tensor<8x2x2xf32> -> tensor<8x4xbf16>
    %qr = deepseek.rope %q, %a interleaved : tensor<8x3x4xbf16>, tensor<8x2x2xf32> -> tensor<8x3x4xbf16>
    deepseek.latent_cache_append %n, %kr to %c[0] at %p, %b : tensor<8x12xbf16>, tensor<8x4xbf16>, !cache, tensor<8xi32>, tensor<2x5xi32>
    deepseek.yield %qr : tensor<8x3x4xbf16>
  }
  return %r : tensor<8x3x4xbf16>
}

// -----

// A region that holds a projection becomes several kernels, and a remark says so.
// REMARK:        [Missed] OneKernel | Category:convert-deepseek-to-kernel | Function=router | Remark="fusion router becomes several kernels: deepseek.linear is not row-wise"
// CHECK-LABEL: func.func @router
// CHECK:         %[[L:.+]] = kernel.gemm
// CHECK:         kernel.route %[[L]] bias
func.func @router(%x: tensor<8x64xbf16>, %w: tensor<16x64xbf16>, %bias: tensor<16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>) {
  %0, %1 = deepseek.fusion "router" -> tensor<8x4xf32>, tensor<8x4xi32> {
    %l = deepseek.linear %x, %w : tensor<8x64xbf16>, tensor<16x64xbf16> -> tensor<8x16xf32>
    %g, %i = deepseek.moe_gate %l bias %bias {topK = 4, nGroup = 4, topkGroup = 2, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>,
      normalize = true, scale = 2.5} : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
    deepseek.yield %g, %i : tensor<8x4xf32>, tensor<8x4xi32>
  }
  return %0, %1 : tensor<8x4xf32>, tensor<8x4xi32>
}

// -----

// Gathering needs rows of its table that other rows of the same kernel would still have to write.
// REMARK:        [Missed] {{.*}}becomes several kernels: deepseek.take_rows needs all rows of a value of the same region
// CHECK-LABEL: func.func @gathers_own_value
// CHECK-COUNT-2: kernel.row_fusion
func.func @gathers_own_value(%x: tensor<8x64xbf16>, %rows: tensor<8xi32>) -> tensor<8x64xbf16> {
  %0 = deepseek.fusion "mine" -> tensor<8x64xbf16> {
    %1 = deepseek.add %x, %x : tensor<8x64xbf16>
    %2 = deepseek.take_rows %1, %rows : tensor<8x64xbf16>, tensor<8xi32> -> tensor<8x64xbf16>
    deepseek.yield %2 : tensor<8x64xbf16>
  }
  return %0 : tensor<8x64xbf16>
}

// -----

// REMARK:        [Missed] {{.*}}deepseek.add has 4 rows, others have 8
// CHECK-LABEL: func.func @different_rows
// CHECK-COUNT-2: kernel.row_fusion
func.func @different_rows(%x: tensor<8x64xbf16>, %y: tensor<4x64xbf16>) -> (tensor<8x64xbf16>, tensor<4x64xbf16>) {
  %0, %1 = deepseek.fusion "mine" -> tensor<8x64xbf16>, tensor<4x64xbf16> {
    %2 = deepseek.add %x, %x : tensor<8x64xbf16>
    %3 = deepseek.add %y, %y : tensor<4x64xbf16>
    deepseek.yield %2, %3 : tensor<8x64xbf16>, tensor<4x64xbf16>
  }
  return %0, %1 : tensor<8x64xbf16>, tensor<4x64xbf16>
}
