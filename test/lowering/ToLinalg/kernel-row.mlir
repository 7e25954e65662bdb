// RUN: deepseek-opt %s -convert-kernel-to-linalg -split-input-file | FileCheck %s

// The program of one row runs in a parallel loop; whole operands are handed over as they are.
// CHECK-LABEL: func.func @norm
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x64xbf16>, %[[W:[^:]+]]: tensor<64xf32>
// CHECK:         scf.forall (%[[I:.+]]) in (8) shared_outs(%[[OUT:.+]] = %{{.+}}) -> (tensor<8x64xbf16>)
// CHECK:           %[[ROW:.+]] = tensor.extract_slice %[[X]][%[[I]], 0] [1, 64] [1, 1] : tensor<8x64xbf16> to tensor<64xbf16>
// CHECK:           linalg.generic {{.*}} ins(%[[ROW]]
// CHECK:             arith.extf
// CHECK:           linalg.generic {{.*}}iterator_types = ["reduction"]
// CHECK:           math.rsqrt
// CHECK:           linalg.generic {{.*}} ins(%{{.+}}, %[[W]]
// CHECK:           %[[OUTROW:.+]] = linalg.generic
// CHECK:             arith.truncf
// CHECK:           scf.forall.in_parallel
// CHECK:             tensor.parallel_insert_slice %[[OUTROW]] into %[[OUT]][%[[I]], 0] [1, 64] [1, 1]
// CHECK-NOT:     kernel.
func.func @norm(%x: tensor<8x64xbf16>, %w: tensor<64xf32>) -> tensor<8x64xbf16> {
  %0 = kernel.row_fusion rows 8 whole [1] (%x, %w) : (tensor<8x64xbf16>, tensor<64xf32>) -> tensor<8x64xbf16> {
  ^bb0(%r: tensor<64xbf16>, %weight: tensor<64xf32>):
    %1 = arith.extf %r : tensor<64xbf16> to tensor<64xf32>
    %2 = arith.mulf %1, %1 : tensor<64xf32>
    %3 = kernel.row_reduce add %2 : tensor<64xf32> -> tensor<f32>
    %4 = math.rsqrt %3 : tensor<f32>
    %5 = kernel.row_broadcast %4 : tensor<f32> -> tensor<64xf32>
    %6 = arith.mulf %1, %5 : tensor<64xf32>
    %7 = arith.mulf %6, %weight : tensor<64xf32>
    %8 = arith.truncf %7 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %8 : tensor<64xbf16>
  }
  return %0 : tensor<8x64xbf16>
}

// -----

// Rows that the limit does not want keep what the result held.
// CHECK-LABEL: func.func @limited
// CHECK-SAME:    %[[X:[^:]+]]: tensor<8x64xf32>, %[[N:[^:]+]]: tensor<2xi32>
// CHECK:         scf.forall (%[[I:.+]]) in (8) shared_outs(%[[OUT:.+]] = %{{.+}})
// CHECK:           %[[S:.+]] = arith.divui %[[I]], %c4
// CHECK:           %[[L:.+]] = tensor.extract %[[N]][%[[S]]]
// CHECK:           %[[LI:.+]] = arith.index_cast %[[L]]
// CHECK:           %[[J:.+]] = arith.remui %[[I]], %c4
// CHECK:           %[[C:.+]] = arith.cmpi slt, %[[J]], %[[LI]]
// CHECK:           scf.if %[[C]]
// CHECK:             linalg.generic
// CHECK:           } else {
// CHECK:             tensor.extract_slice %[[OUT]][%[[I]], 0] [1, 64] [1, 1]
func.func @limited(%x: tensor<8x64xf32>, %n: tensor<2xi32>) -> tensor<8x64xf32> {
  %0 = kernel.row_fusion rows 8 limit(%n : tensor<2xi32>) whole [] (%x) : (tensor<8x64xf32>) -> tensor<8x64xf32> {
  ^bb0(%r: tensor<64xf32>):
    %1 = arith.addf %r, %r : tensor<64xf32>
    kernel.row_yield %1 : tensor<64xf32>
  }
  return %0 : tensor<8x64xf32>
}

// -----

// An index out of range, negative ones included, gathers row 0.
// CHECK-LABEL: func.func @gather
// CHECK:         %[[ID:.+]] = tensor.extract %{{.+}}[] : tensor<i32>
// CHECK:         %[[OK:.+]] = arith.cmpi ult, %[[ID]], %c100_i32
// CHECK:         %[[SAFE:.+]] = arith.select %[[OK]], %[[ID]], %c0_i32
// CHECK:         %[[ROW:.+]] = arith.index_cast %[[SAFE]]
// CHECK:         tensor.extract_slice %{{.+}}[%[[ROW]], 0] [1, 16] [1, 1] : tensor<100x16xbf16> to tensor<16xbf16>
func.func @gather(%ids: tensor<8xi32>, %table: tensor<100x16xbf16>) -> tensor<8x16xbf16> {
  %0 = kernel.row_fusion rows 8 whole [1] (%ids, %table) : (tensor<8xi32>, tensor<100x16xbf16>) -> tensor<8x16xbf16> {
  ^bb0(%id: tensor<i32>, %t: tensor<100x16xbf16>):
    %1 = kernel.row_gather %t[%id] : tensor<100x16xbf16>, tensor<i32> -> tensor<16xbf16>
    kernel.row_yield %1 : tensor<16xbf16>
  }
  return %0 : tensor<8x16xbf16>
}

// -----

// The record goes to the page and row of the position; position -1 writes nothing.
// CHECK-LABEL: func.func @append
// CHECK-SAME:    %[[L:[^:]+]]: tensor<8x3xf32>, %[[K:[^:]+]]: tensor<8x2xf32>, %[[C:[^:]+]]: memref<?x4x64x5xf32>
// CHECK:         scf.forall (%[[I:.+]]) in (8)
// CHECK:           %[[P:.+]] = tensor.extract %{{.+}}[] : tensor<i32>
// CHECK:           %[[OK:.+]] = arith.cmpi sge, %[[P]], %c0_i32
// CHECK:           scf.if %[[OK]]
// CHECK:             %[[S:.+]] = arith.divui %[[I]], %c4
// CHECK:             arith.divui %{{.+}}, %c64
// CHECK:             arith.remui %{{.+}}, %c64
// CHECK:             scf.for
// CHECK:               memref.store %{{.+}}, %[[C]][%{{.+}}, %c2, %{{.+}}, %{{.+}}]
// CHECK:             scf.for
// CHECK:               memref.store
func.func @append(%l: tensor<8x3xf32>, %k: tensor<8x2xf32>, %c: memref<?x4x64x5xf32>, %p: tensor<8xi32>, %b: tensor<2x16xi32>) {
  kernel.row_fusion rows 8 whole [2, 4] (%l, %k, %c, %p, %b)
    : (tensor<8x3xf32>, tensor<8x2xf32>, memref<?x4x64x5xf32>, tensor<8xi32>, tensor<2x16xi32>) -> () {
  ^bb0(%latent: tensor<3xf32>, %key: tensor<2xf32>, %cache: memref<?x4x64x5xf32>, %pos: tensor<i32>, %table: tensor<2x16xi32>):
    kernel.row_cache_store %latent, %key, %cache[2] at %pos, %table : tensor<3xf32>, tensor<2xf32>, memref<?x4x64x5xf32>, tensor<i32>, tensor<2x16xi32>
    kernel.row_yield
  }
  return
}

// -----

// Dequantising a weight: the scales of row n are those of block row n / 128.
// CHECK-LABEL: func.func @dequantize
// CHECK:         %[[I32:.+]] = arith.index_cast %{{.+}} : index to i32
// CHECK:         arith.divui
// CHECK:         tensor.extract_slice %{{.+}} [1, 1] [1, 1] : tensor<2x1xf32> to tensor<1xf32>
// CHECK:         linalg.generic
func.func @dequantize(%w: tensor<256x64xf8E4M3FN>, %s: tensor<2x1xf32>) -> tensor<256x64xf32> {
  %0 = kernel.row_fusion rows 256 whole [1] (%w, %s) : (tensor<256x64xf8E4M3FN>, tensor<2x1xf32>) -> tensor<256x64xf32> {
  ^bb0(%r: tensor<64xf8E4M3FN>, %t: tensor<2x1xf32>):
    %i = kernel.row_index : tensor<i32>
    %c = arith.constant dense<128> : tensor<i32>
    %b = arith.divui %i, %c : tensor<i32>
    %scales = kernel.row_gather %t[%b] : tensor<2x1xf32>, tensor<i32> -> tensor<1xf32>
    %d = kernel.row_dequantize %r, %scales : tensor<64xf8E4M3FN>, tensor<1xf32> -> tensor<64xf32>
    kernel.row_yield %d : tensor<64xf32>
  }
  return %0 : tensor<256x64xf32>
}

// -----

// e4m3 saturates: values are clamped before they are rounded.
// CHECK-LABEL: func.func @quantize
// CHECK:         arith.maximumf %{{.+}}, %cst{{.*}}
// CHECK:         arith.divf
// CHECK:         arith.addi
// CHECK:         arith.andi
// CHECK:         arith.maximumf
// CHECK:         arith.minimumf
// CHECK:         arith.truncf %{{.+}} : f32 to f8E4M3FN
func.func @quantize(%x: tensor<8x200xf32>) -> (tensor<8x200xf8E4M3FN>, tensor<8x2xf32>) {
  %0:2 = kernel.row_fusion rows 8 whole [] (%x) : (tensor<8x200xf32>) -> (tensor<8x200xf8E4M3FN>, tensor<8x2xf32>) {
  ^bb0(%r: tensor<200xf32>):
    %d, %s = kernel.row_quantize %r power_of_two : tensor<200xf32> -> tensor<200xf8E4M3FN>, tensor<2xf32>
    kernel.row_yield %d, %s : tensor<200xf8E4M3FN>, tensor<2xf32>
  }
  return %0#0, %0#1 : tensor<8x200xf8E4M3FN>, tensor<8x2xf32>
}

// -----

// Angles: product and reduction in f64, cosine and sine in f32. Pairs: neighbours, or halves.
// CHECK-LABEL: func.func @rope
// CHECK:         math.roundeven %{{.+}} : f64
// CHECK:         arith.truncf %{{.+}} : f64 to f32
// CHECK:         math.cos %{{.+}} : f32
// CHECK:         math.sin %{{.+}} : f32
// CHECK:         linalg.generic {indexing_maps = [#[[EVEN:.+]], #[[ODD:.+]], #[[COS:.+]], #[[SIN:.+]], #{{.+}}]
// CHECK:         tensor.parallel_insert_slice
func.func @rope(%x: tensor<8x3x16xf32>, %p: tensor<8xi32>) -> tensor<8x3x16xf32> {
  %0 = kernel.row_fusion rows 8 whole [] (%x, %p) : (tensor<8x3x16xf32>, tensor<8xi32>) -> tensor<8x3x16xf32> {
  ^bb0(%r: tensor<3x16xf32>, %pos: tensor<i32>):
    %a = kernel.row_angles %pos {frequencies = array<f64: 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03, 0.01, 0.005>, magnitude = 1.0} : tensor<i32> -> tensor<8x2xf32>
    %y = kernel.row_rope %r, %a interleaved : tensor<3x16xf32>, tensor<8x2xf32> -> tensor<3x16xf32>
    kernel.row_yield %y : tensor<3x16xf32>
  }
  return %0 : tensor<8x3x16xf32>
}
