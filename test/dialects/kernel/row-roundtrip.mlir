// RUN: deepseek-opt %s | deepseek-opt | FileCheck %s
// RUN: deepseek-opt %s --mlir-print-op-generic | deepseek-opt | FileCheck %s

// The example of the op's page: a row program with a whole operand.
// CHECK-LABEL: func.func @scale_rows
// CHECK:         kernel.row_fusion rows 8 whole [1](%{{.*}}, %{{.*}}) : (tensor<8x256xbf16>, tensor<256xbf16>) -> tensor<8x256xbf16> {
func.func @scale_rows(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>) -> tensor<8x256xbf16> {
  %y = kernel.row_fusion rows 8 whole [1] (%x, %w) : (tensor<8x256xbf16>, tensor<256xbf16>) -> tensor<8x256xbf16> {
  ^bb0(%row: tensor<256xbf16>, %weight: tensor<256xbf16>):
    %0 = arith.extf %row : tensor<256xbf16> to tensor<256xf32>
    %1 = arith.extf %weight : tensor<256xbf16> to tensor<256xf32>
    %2 = arith.mulf %0, %1 : tensor<256xf32>
    %out = arith.truncf %2 : tensor<256xf32> to tensor<256xbf16>
    kernel.row_yield %out : tensor<256xbf16>
  }
  return %y : tensor<8x256xbf16>
}

// Every row operation; `limit` says which rows are wanted.
// CHECK-LABEL: func.func @all_row_ops
// CHECK:         kernel.row_fusion rows 4 limit(%{{.*}} : tensor<2xi32>) whole [2, 5, 6](
// CHECK-SAME:      schedule <tile = [1], warps = 8>
// CHECK:           kernel.row_index : tensor<i32>
// CHECK:           kernel.row_gather %{{.*}}[%{{.*}}] : tensor<10x8xf32>, tensor<i32> -> tensor<8xf32>
// CHECK:           kernel.row_extract %{{.*}}[1] : tensor<2xi32> -> tensor<i32>
// CHECK:           kernel.row_reduce max %{{.*}} : tensor<8xf32> -> tensor<f32>
// CHECK:           kernel.row_broadcast %{{.*}} : tensor<f32> -> tensor<8xf32>
// CHECK:           kernel.row_quantize %{{.*}} : tensor<8xf32> -> tensor<8xf8E4M3FN>, tensor<1xf32>
// CHECK:           kernel.row_quantize %{{.*}} power_of_two : tensor<8xf32>
// CHECK:           kernel.row_dequantize %{{.*}}, %{{.*}} : tensor<8xf8E4M3FN>, tensor<1xf32> -> tensor<8xf32>
// CHECK:           kernel.row_angles %{{.*}} {frequencies = array<f64: 1.000000e+00, 1.000000e-01>, magnitude = 1.000000e+00 : f64} : tensor<i32> -> tensor<2x2xf32>
// CHECK:           kernel.row_rope %{{.*}}, %{{.*}} interleaved : tensor<3x4xf32>, tensor<2x2xf32> -> tensor<3x4xf32>
// CHECK:           kernel.row_cache_store %{{.*}}, %{{.*}}, %{{.*}}[1] at %{{.*}}, %{{.*}} :
func.func @all_row_ops(%x: tensor<4x8xf32>, %choice: tensor<4x2xi32>, %table: tensor<10x8xf32>, %q: tensor<4x3x4xf32>,
                       %positions: tensor<4xi32>, %cache: memref<?x2x64x12xf32>, %blocks: tensor<2x5xi32>,
                       %limit: tensor<2xi32>) -> (tensor<4x8xf32>, tensor<4x3x4xf32>) {
  %y:2 = kernel.row_fusion rows 4 limit(%limit : tensor<2xi32>) whole [2, 5, 6] (%x, %choice, %table, %q, %positions, %cache, %blocks)
      schedule <tile = [1], warps = 8>
      : (tensor<4x8xf32>, tensor<4x2xi32>, tensor<10x8xf32>, tensor<4x3x4xf32>, tensor<4xi32>, memref<?x2x64x12xf32>, tensor<2x5xi32>)
      -> (tensor<4x8xf32>, tensor<4x3x4xf32>) {
  ^bb0(%row: tensor<8xf32>, %c: tensor<2xi32>, %t: tensor<10x8xf32>, %h: tensor<3x4xf32>, %pos: tensor<i32>,
       %paged: memref<?x2x64x12xf32>, %b: tensor<2x5xi32>):
    %i = kernel.row_index : tensor<i32>
    %g = kernel.row_gather %t[%i] : tensor<10x8xf32>, tensor<i32> -> tensor<8xf32>
    %k = kernel.row_extract %c[1] : tensor<2xi32> -> tensor<i32>
    %j = arith.divui %i, %k : tensor<i32>
    %g2 = kernel.row_gather %t[%j] : tensor<10x8xf32>, tensor<i32> -> tensor<8xf32>
    %m = kernel.row_reduce max %g : tensor<8xf32> -> tensor<f32>
    %mb = kernel.row_broadcast %m : tensor<f32> -> tensor<8xf32>
    %s = arith.addf %mb, %row : tensor<8xf32>
    %d, %sc = kernel.row_quantize %s : tensor<8xf32> -> tensor<8xf8E4M3FN>, tensor<1xf32>
    %d2, %sc2 = kernel.row_quantize %g2 power_of_two : tensor<8xf32> -> tensor<8xf8E4M3FN>, tensor<1xf32>
    %v = kernel.row_dequantize %d, %sc : tensor<8xf8E4M3FN>, tensor<1xf32> -> tensor<8xf32>
    %v2 = kernel.row_dequantize %d2, %sc2 : tensor<8xf8E4M3FN>, tensor<1xf32> -> tensor<8xf32>
    %o = arith.addf %v, %v2 : tensor<8xf32>
    %a = kernel.row_angles %pos {frequencies = array<f64: 1.0, 0.1>, magnitude = 1.0} : tensor<i32> -> tensor<2x2xf32>
    %rotated = kernel.row_rope %h, %a interleaved : tensor<3x4xf32>, tensor<2x2xf32> -> tensor<3x4xf32>
    %kr = arith.constant dense<1.0> : tensor<4xf32>
    %key = kernel.row_rope %kr, %a half_split : tensor<4xf32>, tensor<2x2xf32> -> tensor<4xf32>
    kernel.row_cache_store %o, %key, %paged[1] at %pos, %b : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xf32>, tensor<i32>, tensor<2x5xi32>
    kernel.row_yield %o, %rotated : tensor<8xf32>, tensor<3x4xf32>
  }
  return %y#0, %y#1 : tensor<4x8xf32>, tensor<4x3x4xf32>
}
