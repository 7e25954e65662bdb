// RUN: deepseek-opt %s -convert-kernel-to-linalg -split-input-file | FileCheck %s

// A loop over tokens; a token reads positions[t] + 1 records, none for padding.
// CHECK-LABEL: func.func @decode
// CHECK-SAME:    %{{.+}}, %[[C:[^:]+]]: memref<?x2x64x144xbf16>, %[[P:[^:]+]]: tensor<8xi32>
// CHECK:         scf.forall (%[[T:.+]]) in (8)
// CHECK:           %[[POS:.+]] = tensor.extract %[[P]][%[[T]]]
// CHECK:           arith.addi
// CHECK:           memref.subview %[[C]][%{{.+}}, 1, %{{.+}}, 0] [1, 1, 1, 144]
// CHECK:           math.exp2
// CHECK:           tensor.parallel_insert_slice
// CHECK-NOT:     kernel.
func.func @decode(%q: tensor<8x4x128xf32>, %r: tensor<8x4x16xf32>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) -> tensor<8x4x128xf32> {
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xf32>, tensor<8x4x16xf32>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xf32>
  return %0 : tensor<8x4x128xf32>
}

// -----

// Quantised records: a scale from four bytes, each byte as e4m3 times it, then pairs of bytes as bf16.
// CHECK-LABEL: func.func @quantized_decode
// CHECK-SAME:    %{{.+}}, %[[C:[^:]+]]: memref<?x2x64x164xi8>
// CHECK:         memref.load %[[C]]
// CHECK:         %[[SCALE:.+]] = arith.bitcast %{{.+}} : i32 to f32
// CHECK:           arith.bitcast %{{.+}} : i8 to f8E4M3FN
// CHECK:           arith.mulf %{{.+}}, %[[SCALE]]
// CHECK:         arith.bitcast %{{.+}} : i16 to bf16
// CHECK:         math.exp2
func.func @quantized_decode(%q: tensor<8x4x128xf32>, %r: tensor<8x4x16xf32>, %c: memref<?x2x64x164xi8>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) -> tensor<8x4x128xf32> {
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125
    : tensor<8x4x128xf32>, tensor<8x4x16xf32>, memref<?x2x64x164xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xf32>
  return %0 : tensor<8x4x128xf32>
}

// -----

// Split: partial results of whole pages, with the base-2 logarithm of their sums; combine weighs them.
// CHECK-LABEL: func.func @split_decode
// CHECK:         scf.for %[[S:.+]] = %c0 to %c3
// CHECK:           scf.for %[[T:.+]] = %c0 to %c8
// CHECK:             arith.ceildivui %{{.+}}, %c64
// CHECK:             arith.ceildivui %{{.+}}, %c3
// CHECK:             math.log2
// CHECK:         arith.maximumf
// CHECK:         math.exp2
// CHECK:         arith.divf
func.func @split_decode(%q: tensor<8x4x128xf32>, %r: tensor<8x4x16xf32>, %c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<8x16xi32>) -> tensor<8x4x128xf32> {
  %0, %l = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.125 schedule <tile = [64, 64], split = 3>
    : tensor<8x4x128xf32>, tensor<8x4x16xf32>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<3x8x4x128xf32> lse tensor<3x8x4xf32>
  %1 = kernel.mla_combine %0, %l : tensor<3x8x4x128xf32>, tensor<3x8x4xf32> -> tensor<8x4x128xf32>
  return %1 : tensor<8x4x128xf32>
}

// -----

// CHECK-LABEL: func.func @gather
// CHECK:         scf.for %[[S:.+]] = %c0 to %c2
// CHECK:           arith.maxsi
// CHECK:           memref.load %{{.+}}[%{{.+}}, %c1, %{{.+}}, %{{.+}}] : memref<?x2x64x144xbf16>
// CHECK:           tensor.insert %{{.+}} into %{{.+}} : tensor<2048x128xbf16>
// CHECK:           tensor.insert %{{.+}} into %{{.+}} : tensor<2048x16xbf16>
// CHECK:           tensor.insert %{{.+}} into %{{.+}}[%[[S]]] : tensor<2xi32>
func.func @gather(%c: memref<?x2x64x144xbf16>, %p: tensor<8xi32>, %b: tensor<2x16xi32>) -> (tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>) {
  %l, %k, %n = kernel.cache_gather %c[1] at %p, %b
    : memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>
  return %l, %k, %n : tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>
}

// -----

// Token t of sequence t / 4 attends to rows 1024 * (t / 4) and on.
// CHECK-LABEL: func.func @prefill
// CHECK:         scf.forall (%[[T:.+]]) in (8)
// CHECK:           %[[S:.+]] = arith.divui %[[T]], %c4
// CHECK:           %[[F:.+]] = arith.muli %[[S]], %c1024
// CHECK:           tensor.extract_slice %{{.+}}[%[[F]], 0, 0] [%{{.+}}, 4, 64] [1, 1, 1]
// CHECK:           math.exp
func.func @prefill(%q: tensor<8x4x32xf32>, %r: tensor<8x4x16xf32>, %kv: tensor<2048x4x64xf32>, %k: tensor<2048x16xbf16>, %p: tensor<8xi32>) -> tensor<8x4x32xf32> {
  %0 = kernel.mla_prefill %q, %r, %kv, %k at %p sequences 2 scale 0.125
    : tensor<8x4x32xf32>, tensor<8x4x16xf32>, tensor<2048x4x64xf32>, tensor<2048x16xbf16>, tensor<8xi32> -> tensor<8x4x32xf32>
  return %0 : tensor<8x4x32xf32>
}
