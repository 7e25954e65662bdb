// RUN: deepseek-opt %s -convert-deepseek-to-kernel -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @gate
// CHECK:         kernel.route %{{.+}} {group = #kernel<route_group max>, nGroup = 4 : i64, normalize = false, scale = 1.600000e+01 : f64, score = #kernel<route_score softmax>,
// CHECK-SAME:      topK = 4 : i64, topkGroup = 2 : i64} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
func.func @gate(%l: tensor<8x16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>) {
  %g, %i = deepseek.moe_gate %l {topK = 4, nGroup = 4, topkGroup = 2, scoring = #deepseek<scoring softmax>, groupScore = #deepseek<group_score max>,
    normalize = false, scale = 16.0} : tensor<8x16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
  return %g, %i : tensor<8x4xf32>, tensor<8x4xi32>
}

// -----

// Dispatch sorts, then gathers by token; combine gathers by row and adds in the order of the choices.
// CHECK-LABEL: func.func @experts
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x64xbf16>, %[[I:[^:]+]]: tensor<8x2xi32>, %[[G:[^:]+]]: tensor<8x2xf32>, %[[W:[^:]+]]: tensor<4x64x64xbf16>
// CHECK:         %[[OFF:.+]], %[[ROW:.+]], %[[TOK:.+]] = kernel.sort_tokens %[[I]] groups 4 : tensor<8x2xi32> -> tensor<5xi32>, tensor<8x2xi32>, tensor<16xi32>
// CHECK:         %[[R:.+]] = kernel.row_fusion rows 16 whole [1](%[[TOK]], %[[X]])
// CHECK:         ^bb0(%[[T:.+]]: tensor<i32>, %[[ALL:.+]]: tensor<8x64xbf16>):
// CHECK:           kernel.row_gather %[[ALL]][%[[T]]]
// CHECK:         %[[D:.+]] = kernel.grouped_gemm %[[R]], %[[OFF]], %[[W]] : {{.*}} -> tensor<16x64xbf16>
// CHECK:         kernel.row_fusion rows 8 whole [0](%[[D]], %[[ROW]], %[[G]])
// CHECK:         ^bb0(%[[ALL2:.+]]: tensor<16x64xbf16>, %[[OF:.+]]: tensor<2xi32>, %[[WS:.+]]: tensor<2xf32>):
// CHECK:           %[[I0:.+]] = kernel.row_extract %[[OF]][0]
// CHECK:           %[[W0:.+]] = kernel.row_extract %[[WS]][0]
// CHECK:           %[[R0:.+]] = kernel.row_gather %[[ALL2]][%[[I0]]]
// CHECK:           %[[M0:.+]] = arith.mulf
// CHECK:           %[[I1:.+]] = kernel.row_extract %[[OF]][1]
// CHECK:           kernel.row_gather %[[ALL2]][%[[I1]]]
// CHECK:           %[[M1:.+]] = arith.mulf
// CHECK:           arith.addf %[[M0]], %[[M1]]
func.func @experts(%x: tensor<8x64xbf16>, %i: tensor<8x2xi32>, %g: tensor<8x2xf32>, %w: tensor<4x64x64xbf16>) -> tensor<8x64xbf16> {
  %rows, %off, %rowof = deepseek.moe_dispatch %x, %i experts 4 : tensor<8x64xbf16>, tensor<8x2xi32> -> tensor<16x64xbf16>, tensor<5xi32>, tensor<8x2xi32>
  %y = deepseek.grouped_linear %rows, %off, %w : tensor<16x64xbf16>, tensor<5xi32>, tensor<4x64x64xbf16> -> tensor<16x64xbf16>
  %0 = deepseek.moe_combine %y, %rowof, %g : tensor<16x64xbf16>, tensor<8x2xi32>, tensor<8x2xf32> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

// -----

// Of a block-scaled input both data and scales are gathered, by one kernel.
// CHECK-LABEL: func.func @scaled_experts
// CHECK:         %[[OFF:.+]], %{{.+}}, %[[TOK:.+]] = kernel.sort_tokens
// CHECK:         %[[R:.+]]:2 = kernel.row_fusion rows 16 whole [1, 2](%[[TOK]], %{{.+}}, %{{.+}}) : {{.*}} -> (tensor<16x256xf8E4M3FN>, tensor<16x2xf32>)
// CHECK:         kernel.grouped_gemm %[[R]]#0, %[[OFF]], %{{.+}} scales(%[[R]]#1, %{{.+}})
func.func @scaled_experts(%x: tensor<8x256xf8E4M3FN>, %xs: tensor<8x2xf32>, %i: tensor<8x2xi32>, %w: tensor<4x64x256xf8E4M3FN>, %ws: tensor<4x1x2xf32>) -> tensor<16x64xbf16> {
  %xp = deepseek.pack_scaled %x, %xs : tensor<8x256xf8E4M3FN>, tensor<8x2xf32> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  %wp = deepseek.pack_scaled %w, %ws : tensor<4x64x256xf8E4M3FN>, tensor<4x1x2xf32> -> !deepseek.block_scaled<4x64x256xf8E4M3FN, 128x128, f32>
  %rows, %off, %rowof = deepseek.moe_dispatch %xp, %i experts 4
    : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, tensor<8x2xi32> -> !deepseek.block_scaled<16x256xf8E4M3FN, 1x128, f32>, tensor<5xi32>, tensor<8x2xi32>
  %y = deepseek.grouped_linear %rows, %off, %wp
    : !deepseek.block_scaled<16x256xf8E4M3FN, 1x128, f32>, tensor<5xi32>, !deepseek.block_scaled<4x64x256xf8E4M3FN, 128x128, f32> -> tensor<16x64xbf16>
  return %y : tensor<16x64xbf16>
}
