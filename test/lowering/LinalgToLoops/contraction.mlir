// RUN: deepseek-opt %s -convert-linalg-to-host-loops -canonicalize -split-input-file | FileCheck %s

// One row: eight columns share each vector of x; bf16 weights are widened in registers; sums are added to the result.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
// CHECK-LABEL: func.func @one_row
// CHECK-SAME:    %[[X:[^:]+]]: memref<1x256xf32>, %[[W:[^:]+]]: memref<512x256xbf16>, %[[Y:[^:]+]]: memref<1x512xf32>
// CHECK-NOT:     scf.parallel
// CHECK:         scf.for %[[N:.+]] = %c0 to %c512 step %c8
// CHECK:           %[[SUMS:.+]]:8 = scf.for %[[K:.+]] = %c0 to %c256 step %c8 iter_args({{.+}}) -> (vector<8xf32>, {{.+}}) {
// CHECK:             vector.load %[[X]][%c0, %[[K]]] : memref<1x256xf32>, vector<8xf32>
// CHECK:             %[[ROW:.+]] = vector.load %[[W]][%[[N]], %[[K]]] : memref<512x256xbf16>, vector<8xbf16>
// CHECK:             %[[WIDE:.+]] = arith.extf %[[ROW]] : vector<8xbf16> to vector<8xf32>
// CHECK:             arith.mulf %{{.+}}, %[[WIDE]] fastmath<contract> : vector<8xf32>
// CHECK-COUNT-7:     vector.load %[[W]]
// CHECK:           vector.reduction <add>, %[[SUMS]]#0 fastmath<reassoc,contract>
// CHECK:           memref.load %[[Y]]
// CHECK:           memref.store %{{.+}}, %[[Y]][%c0, %[[N]]]
// CHECK-NOT:     linalg
func.func @one_row(%x: memref<1x256xf32>, %w: memref<512x256xbf16>, %y: memref<1x512xf32>) {
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<1x256xf32>, memref<512x256xbf16>) outs(%y : memref<1x512xf32>) {
  ^bb0(%a: f32, %b: bf16, %c: f32):
    %0 = arith.extf %b : bf16 to f32
    %1 = arith.mulf %a, %0 fastmath<reassoc,contract> : f32
    %2 = arith.addf %c, %1 fastmath<reassoc,contract> : f32
    linalg.yield %2 : f32
  }
  return
}

// -----

// 2^21 multiply-adds: blocks of columns go to threads, and nothing inside does.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
// CHECK-LABEL: func.func @threads
// CHECK:         scf.parallel (%[[N:.+]]) = (%c0) to (%c8192) step (%c8)
// CHECK-NOT:     scf.parallel
// CHECK:           iter_args({{.+}}) -> (vector<8xf32>
func.func @threads(%x: memref<1x256xf32>, %w: memref<8192x256xbf16>, %y: memref<1x8192xf32>) {
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<1x256xf32>, memref<8192x256xbf16>) outs(%y : memref<1x8192xf32>) {
  ^bb0(%a: f32, %b: bf16, %c: f32):
    %0 = arith.extf %b : bf16 to f32
    %1 = arith.mulf %a, %0 fastmath<reassoc,contract> : f32
    %2 = arith.addf %c, %1 fastmath<reassoc,contract> : f32
    linalg.yield %2 : f32
  }
  return
}

// -----

// The same inside a parallel loop: the threads have work already.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
// CHECK-LABEL: func.func @threads_outside
// CHECK:         scf.parallel
// CHECK-NOT:     scf.parallel
// CHECK:           scf.for %{{.+}} = %c0 to %c8192 step %c8
func.func @threads_outside(%x: memref<4x1x256xf32>, %w: memref<8192x256xbf16>, %y: memref<1x8192xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %row = memref.subview %x[%i, 0, 0] [1, 1, 256] [1, 1, 1] : memref<4x1x256xf32> to memref<1x256xf32, strided<[256, 1], offset: ?>>
    linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%row, %w : memref<1x256xf32, strided<[256, 1], offset: ?>>, memref<8192x256xbf16>) outs(%y : memref<1x8192xf32>) {
    ^bb0(%a: f32, %b: bf16, %c: f32):
      %0 = arith.extf %b : bf16 to f32
      %1 = arith.mulf %a, %0 fastmath<reassoc,contract> : f32
      %2 = arith.addf %c, %1 fastmath<reassoc,contract> : f32
      linalg.yield %2 : f32
    }
  }
  return
}

// -----

// An unknown number of rows: tiles of 4 x 2, then single rows of 8 columns, which share what they load of the weights. K = 20 leaves 4 elements for single lanes.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
// CHECK-LABEL: func.func @dynamic_rows
// CHECK-SAME:    %[[X:[^:]+]]: memref<?x20xf32>
// CHECK:         scf.for %{{.+}} = %c0 to %c64 step %c16
// CHECK:           scf.for %{{.+}} = %c0 to %{{.+}} step %c4
// CHECK:             scf.for %{{.+}} step %c2
// CHECK:               %{{.+}}:8 = scf.for %{{.+}} = %c0 to %c16 step %c8
// CHECK:               %{{.+}}:8 = scf.for %{{.+}} = %c16 to %c20 step %c1 iter_args({{.+}}) -> (vector<1xf32>
// CHECK:         scf.for %{{.+}} = %c0 to %c64 step %c8
// CHECK-NEXT:      scf.for %{{.+}} step %c1
func.func @dynamic_rows(%x: memref<?x20xf32>, %w: memref<64x20xf32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<?x20xf32>, memref<64x20xf32>) outs(%y : memref<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %1 = arith.mulf %a, %b fastmath<reassoc,contract> : f32
    %2 = arith.addf %c, %1 fastmath<reassoc,contract> : f32
    linalg.yield %2 : f32
  }
  return
}

// -----

// Weights of heads times values: vectors along the values, one weight in all lanes.
#p = affine_map<(h, j, c) -> (h, j)>
#v = affine_map<(h, j, c) -> (j, c)>
#y = affine_map<(h, j, c) -> (h, c)>
// CHECK-LABEL: func.func @along_columns
// CHECK-SAME:    %[[P:[^:]+]]: memref<8x?xf32>, %[[V:[^:]+]]: memref<?x128xf32>, %[[Y:[^:]+]]: memref<8x128xf32>
// CHECK:         scf.for %{{.+}} step %c1 iter_args({{.+}}) -> (vector<8xf32>
// CHECK:           %[[S:.+]] = memref.load %[[P]]
// CHECK:           vector.broadcast %[[S]] : f32 to vector<8xf32>
// CHECK:           vector.load %[[V]]
// CHECK:         vector.store %{{.+}}, %[[Y]]
func.func @along_columns(%p: memref<8x?xf32>, %v: memref<?x128xf32>, %y: memref<8x128xf32>) {
  linalg.generic {indexing_maps = [#p, #v, #y], iterator_types = ["parallel", "reduction", "parallel"]} ins(%p, %v : memref<8x?xf32>, memref<?x128xf32>) outs(%y : memref<8x128xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %1 = arith.mulf %a, %b fastmath<reassoc,contract> : f32
    %2 = arith.addf %c, %1 fastmath<reassoc,contract> : f32
    linalg.yield %2 : f32
  }
  return
}

// -----

// A sum whose order is fixed stays as it is written.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
// CHECK-LABEL: func.func @keeps_order
// CHECK-NOT:     vector
// CHECK:         memref.store
func.func @keeps_order(%x: memref<1x256xf32>, %w: memref<8x256xf32>, %y: memref<1x8xf32>) {
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<1x256xf32>, memref<8x256xf32>) outs(%y : memref<1x8xf32>) {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %1 = arith.mulf %a, %b : f32
    %2 = arith.addf %c, %1 : f32
    linalg.yield %2 : f32
  }
  return
}
