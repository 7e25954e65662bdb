// RUN: deepseek-opt %s -convert-kernel-to-linalg -split-input-file | FileCheck %s

// f32 activations meet narrower weights; sums are f32, one rounding at the end.
// CHECK-LABEL: func.func @gemm
// CHECK-SAME:    %[[A:[^:]+]]: tensor<8x80xf32>, %[[B:[^:]+]]: tensor<33x80xbf16>
// CHECK:         linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "reduction"]} ins(%[[A]], %[[B]]
// CHECK:           arith.extf %{{.+}} : bf16 to f32
// CHECK:           arith.mulf
// CHECK:           arith.addf
// CHECK:         arith.truncf %{{.+}} : f32 to bf16
func.func @gemm(%a: tensor<8x80xf32>, %b: tensor<33x80xbf16>) -> tensor<8x33xbf16> {
  %0 = kernel.gemm %a, %b : tensor<8x80xf32>, tensor<33x80xbf16> -> tensor<8x33xbf16>
  return %0 : tensor<8x33xbf16>
}

// -----

// Each sequence's part: only the rows that exist.
// CHECK-LABEL: func.func @limited_rows
// CHECK-SAME:    %[[A:[^:]+]]: tensor<128x16xf32>, %[[B:[^:]+]]: tensor<32x16xf32>, %[[N:[^:]+]]: tensor<2xi32>
// CHECK:         scf.for %[[S:.+]] = %c0 to %c2
// CHECK:           %[[FIRST:.+]] = arith.muli %[[S]], %c64
// CHECK:           tensor.extract %[[N]][%[[S]]]
// CHECK:           %[[ROWS:.+]] = arith.maxsi
// CHECK:           tensor.extract_slice %[[A]][%[[FIRST]], 0] [%[[ROWS]], 16] [1, 1]
// CHECK:           linalg.generic
// CHECK:           tensor.insert_slice %{{.+}} into %{{.+}}[%[[FIRST]], 0] [%{{.+}}, 32] [1, 1]
func.func @limited_rows(%a: tensor<128x16xf32>, %b: tensor<32x16xf32>, %n: tensor<2xi32>) -> tensor<128x32xf32> {
  %0 = kernel.gemm %a, %b rows(%n) : tensor<128x16xf32>, tensor<32x16xf32> rows(tensor<2xi32>) -> tensor<128x32xf32>
  return %0 : tensor<128x32xf32>
}

// -----

// Sums over 128 channels are scaled, then added: one full block and one of 72.
// CHECK-LABEL: func.func @scaled
// CHECK:         tensor.extract_slice %{{.+}}[0, 0] [8, 128] [1, 1]
// CHECK:         tensor.extract_slice %{{.+}}[0, 128] [8, 72] [1, 1]
func.func @scaled(%a: tensor<8x200xf8E4M3FN>, %b: tensor<130x200xf8E4M3FN>, %as: tensor<8x2xf32>, %bs: tensor<2x2xf32>) -> tensor<8x130xf32> {
  %0 = kernel.skinny_gemm %a, %b scales(%as, %bs) : tensor<8x200xf8E4M3FN>, tensor<130x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<2x2xf32>) -> tensor<8x130xf32>
  return %0 : tensor<8x130xf32>
}

// -----

// CHECK-LABEL: func.func @per_head
// CHECK:         iterator_types = ["parallel", "parallel", "parallel", "reduction"]
func.func @per_head(%a: tensor<8x4x32xf32>, %b: tensor<4x128x32xbf16>) -> tensor<8x4x128xf32> {
  %0 = kernel.gemm %a, %b : tensor<8x4x32xf32>, tensor<4x128x32xbf16> -> tensor<8x4x128xf32>
  return %0 : tensor<8x4x128xf32>
}

// -----

// Each group of rows with its own matrix; groups without rows are skipped.
// CHECK-LABEL: func.func @grouped
// CHECK:         scf.for %{{.+}} = %c0 to %c4
// CHECK:           scf.if
// CHECK:             linalg.generic
func.func @grouped(%a: tensor<16x64xf32>, %o: tensor<5xi32>, %b: tensor<4x32x64xbf16>) -> tensor<16x32xf32> {
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<16x64xf32>, tensor<5xi32>, tensor<4x32x64xbf16> -> tensor<16x32xf32>
  return %0 : tensor<16x32xf32>
}

// -----

// CHECK-LABEL: func.func @transpose
// CHECK:         linalg.transpose ins(%{{.+}} : tensor<4x40x128xbf16>) outs(%{{.+}} : tensor<4x128x40xbf16>) permutation = [0, 2, 1]
func.func @transpose(%x: tensor<4x40x128xbf16>) -> tensor<4x128x40xbf16> {
  %0 = kernel.transpose %x : tensor<4x40x128xbf16> -> tensor<4x128x40xbf16>
  return %0 : tensor<4x128x40xbf16>
}

// -----

// One scale for each block of 128x128.
// CHECK-LABEL: func.func @block_quantize
// CHECK:         linalg.generic {{.*}}iterator_types = ["reduction", "reduction"]} ins(%{{.+}} : tensor<200x130xbf16>) outs(%{{.+}} : tensor<2x2xf32>)
func.func @block_quantize(%x: tensor<200x130xbf16>) -> (tensor<200x130xf8E4M3FN>, tensor<2x2xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<200x130xbf16> -> tensor<200x130xf8E4M3FN>, tensor<2x2xf32>
  return %d, %s : tensor<200x130xf8E4M3FN>, tensor<2x2xf32>
}

// -----

// Gate and up are slices of the f32 sums; the program's result is rounded once. The columns before them are a result of
// their own.
// CHECK-LABEL: func.func @epilogue
// CHECK:         %[[SUMS:.+]] = linalg.generic {{.*}} outs(%{{.+}} : tensor<8x33xf32>)
// CHECK-DAG:     %[[GATE:.+]] = tensor.extract_slice %[[SUMS]][0, 5] [8, 14] [1, 1]
// CHECK-DAG:     %[[UP:.+]] = tensor.extract_slice %[[SUMS]][0, 19] [8, 14] [1, 1]
// CHECK:         linalg.generic {{.*}} ins(%[[GATE]], %[[UP]]
// CHECK:           %[[PRODUCT:.+]] = arith.mulf
// CHECK:           arith.truncf %[[PRODUCT]] : f32 to bf16
// CHECK:         tensor.extract_slice %[[SUMS]][0, 0] [8, 5] [1, 1]
func.func @epilogue(%a: tensor<8x80xf32>, %b: tensor<33x80xbf16>) -> (tensor<8x14xbf16>, tensor<8x5xf32>) {
  %0, %1 = kernel.gemm %a, %b : tensor<8x80xf32>, tensor<33x80xbf16> -> tensor<8x14xbf16> plain tensor<8x5xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %product = arith.mulf %gate, %up : f32
    kernel.epilogue_yield %product : f32
  }
  return %0, %1 : tensor<8x14xbf16>, tensor<8x5xf32>
}
