// RUN: deepseek-opt %s -convert-linalg-to-host-loops -canonicalize -split-input-file | FileCheck %s

// Elementwise: vectors along the last loop, a scale of the row stays one scalar; the last 4 elements go one by one. exp is arithmetic.
#all = affine_map<(t, c) -> (t, c)>
#row = affine_map<(t, c) -> (t)>
// CHECK-LABEL: func.func @elementwise
// CHECK-SAME:    %[[X:[^:]+]]: memref<2x20xbf16>, %[[S:[^:]+]]: memref<2xf32>
// CHECK:         scf.for %[[C:.+]] = %c0 to %c16 step %c8
// CHECK:           vector.load %[[X]][%{{.+}}, %[[C]]] : memref<2x20xbf16>, vector<8xbf16>
// CHECK:           %[[SCALE:.+]] = memref.load %[[S]]
// CHECK:           vector.broadcast %[[SCALE]]
// CHECK-NOT:       math.exp
// CHECK:           vector.store %{{.+}} : memref<2x20xf32>, vector<8xf32>
// CHECK:         scf.for %{{.+}} = %c16 to %c20 step %c1
// CHECK:           vector.load %[[X]]{{.+}} vector<1xbf16>
func.func @elementwise(%x: memref<2x20xbf16>, %s: memref<2xf32>, %y: memref<2x20xf32>) {
  linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]} ins(%x, %s : memref<2x20xbf16>, memref<2xf32>) outs(%y : memref<2x20xf32>) {
  ^bb0(%a: bf16, %b: f32, %c: f32):
    %0 = arith.extf %a : bf16 to f32
    %1 = arith.mulf %0, %b : f32
    %2 = math.exp %1 : f32
    linalg.yield %2 : f32
  }
  return
}

// -----

// A row's maximum: lanes first, then across them, then the value that was there.
#all = affine_map<(t, c) -> (t, c)>
#row = affine_map<(t, c) -> (t)>
// CHECK-LABEL: func.func @maximum
// CHECK-SAME:    %[[X:[^:]+]]: memref<2x?xf32>, %[[Y:[^:]+]]: memref<2xf32>
// CHECK-DAG:     arith.constant dense<0xFF800000> : vector<8xf32>
// CHECK:           %[[OLD:.+]] = memref.load %[[Y]]
// CHECK:           %[[LANES:.+]] = scf.for %{{.+}} step %c8 iter_args({{.+}}) -> (vector<8xf32>)
// CHECK:             arith.maximumf {{.+}} : vector<8xf32>
// CHECK:           %[[ONE:.+]] = vector.reduction <maximumf>, %[[LANES]]
// CHECK:           arith.maximumf %[[OLD]], %[[ONE]] : f32
// CHECK:           scf.for %{{.+}} step %c1 iter_args({{.+}}) -> (vector<1xf32>)
func.func @maximum(%x: memref<2x?xf32>, %y: memref<2xf32>) {
  linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<2x?xf32>) outs(%y : memref<2xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = arith.maximumf %c, %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// One result for each 128 elements of the loop.
#all = affine_map<(t, c) -> (t, c)>
#block = affine_map<(t, c) -> (t, c floordiv 128)>
// CHECK-LABEL: func.func @blocks
// CHECK:         scf.for %[[B:.+]] = %c0 to %c256 step %c128
// CHECK:           memref.load
// CHECK:           scf.for %{{.+}} = %[[B]] to %{{.+}} step %c8
// CHECK:           memref.store
func.func @blocks(%x: memref<2x256xf32>, %y: memref<2x2xf32>) {
  linalg.generic {indexing_maps = [#all, #block], iterator_types = ["parallel", "reduction"]} ins(%x : memref<2x256xf32>) outs(%y : memref<2x2xf32>) {
  ^bb0(%a: f32, %c: f32):
    %0 = math.absf %a : f32
    %1 = arith.maximumf %c, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// -----

// A gather of rows is contiguous along them; each row's index is read once for a vector.
#row = affine_map<(t, c) -> (t)>
#all = affine_map<(t, c) -> (t, c)>
// CHECK-LABEL: func.func @gather
// CHECK-SAME:    %[[TABLE:[^:]+]]: memref<100x64xbf16>
// CHECK:           vector.load %[[TABLE]][%{{.+}}, %{{.+}}] : memref<100x64xbf16>, vector<8xbf16>
func.func @gather(%table: memref<100x64xbf16>, %rows: memref<4xi32>, %y: memref<4x64xf32>) {
  linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]} ins(%rows : memref<4xi32>) outs(%y : memref<4x64xf32>) {
  ^bb0(%a: i32, %c: f32):
    %0 = arith.index_cast %a : i32 to index
    %1 = linalg.index 1 : index
    %2 = memref.load %table[%0, %1] : memref<100x64xbf16>
    %3 = arith.extf %2 : bf16 to f32
    linalg.yield %3 : f32
  }
  return
}

// -----

// Columns of a transposed operand are not contiguous: scalars.
#t = affine_map<(t, c) -> (c, t)>
#all = affine_map<(t, c) -> (t, c)>
// CHECK-LABEL: func.func @keeps_scalar
// CHECK-NOT:     vector
// CHECK:         memref.store
func.func @keeps_scalar(%x: memref<64x32xf32>, %y: memref<32x64xf32>) {
  linalg.generic {indexing_maps = [#t, #all], iterator_types = ["parallel", "parallel"]} ins(%x : memref<64x32xf32>) outs(%y : memref<32x64xf32>) {
  ^bb0(%a: f32, %c: f32):
    linalg.yield %a : f32
  }
  return
}

// -----

// A position of its own for each lane: scalars.
#all = affine_map<(c) -> (c)>
// CHECK-LABEL: func.func @keeps_lane_index
// CHECK-NOT:     vector
// CHECK:         memref.store
func.func @keeps_lane_index(%y: memref<64xi32>) {
  linalg.generic {indexing_maps = [#all], iterator_types = ["parallel"]} outs(%y : memref<64xi32>) {
  ^bb0(%c: i32):
    %0 = linalg.index 0 : index
    %1 = arith.index_cast %0 : index to i32
    linalg.yield %1 : i32
  }
  return
}
