// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// Products whose epilogue joins parts of their columns, on sums that bf16 does not hold: rounding before the epilogue
// would show.

// Gate 257 and 3, up 3 and 1: 257 is no bf16 number, and 771 rounds once to 772; 256 * 3 would be 768.
// CHECK: joins_parts.result0 bf16 [1, 2]
// CHECK-NEXT: 772 3
func.func @joins_parts() -> tensor<1x2xbf16> {
  %a = arith.constant dense<[[256.0, 1.0]]> : tensor<1x2xbf16>
  %b = arith.constant dense<[[1.0, 1.0], [0.0, 3.0], [0.0, 3.0], [0.0, 1.0]]> : tensor<4x2xbf16>
  %d = kernel.gemm %a, %b : tensor<1x2xbf16>, tensor<4x2xbf16> -> tensor<1x2xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %product = arith.mulf %gate, %up : f32
    kernel.epilogue_yield %product : f32
  }
  return %d : tensor<1x2xbf16>
}

// The first column is a result of its own, in f32; the others are gate 1 and up -2.
// CHECK: keeps_plain_columns.result0 bf16 [1, 1]
// CHECK-NEXT: 3
// CHECK: keeps_plain_columns.result1 f32 [1, 1]
// CHECK-NEXT: 257
func.func @keeps_plain_columns() -> (tensor<1x1xbf16>, tensor<1x1xf32>) {
  %a = arith.constant dense<[[256.0, 1.0]]> : tensor<1x2xbf16>
  %b = arith.constant dense<[[1.0, 1.0], [0.0, 1.0], [0.0, -2.0]]> : tensor<3x2xbf16>
  %d, %plain = kernel.skinny_gemm %a, %b : tensor<1x2xbf16>, tensor<3x2xbf16> -> tensor<1x1xbf16> plain tensor<1x1xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %difference = arith.subf %gate, %up : f32
    kernel.epilogue_yield %difference : f32
  }
  return %d, %plain : tensor<1x1xbf16>, tensor<1x1xf32>
}

// Row 0 takes matrix 0, row 1 matrix 2.
// CHECK: joins_in_groups.result0 f32 [2, 1]
// CHECK-NEXT: 12
// CHECK-NEXT: 50
func.func @joins_in_groups() -> tensor<2x1xf32> {
  %rows = arith.constant dense<[[2.0, 3.0], [5.0, 1.0]]> : tensor<2x2xf32>
  %offsets = arith.constant dense<[0, 1, 1, 2]> : tensor<4xi32>
  %w = arith.constant dense<[[[2.0, 0.0], [0.0, 1.0]], [[9.0, 9.0], [9.0, 9.0]], [[1.0, 0.0], [2.0, 0.0]]]> : tensor<3x2x2xbf16>
  %d = kernel.grouped_gemm %rows, %offsets, %w : tensor<2x2xf32>, tensor<4xi32>, tensor<3x2x2xbf16> -> tensor<2x1xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %product = arith.mulf %gate, %up : f32
    kernel.epilogue_yield %product : f32
  }
  return %d : tensor<2x1xf32>
}
