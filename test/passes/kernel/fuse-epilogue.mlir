// RUN: deepseek-opt %s -kernel-fuse-epilogue -split-input-file | FileCheck %s

// The router's columns stay a result of their own; gate and up are joined where they are summed, and no longer rounded.
// CHECK-LABEL: func.func @swiglu
// CHECK-SAME:    %[[X:[^:]+]]: tensor<1x256xbf16>, %[[W:[^:]+]]: tensor<448x256xbf16>
// CHECK:         %[[Y:.+]], %[[L:.+]] = kernel.gemm %[[X]], %[[W]] {{.*}} -> tensor<1x192xbf16> plain tensor<1x64xbf16> epilogue {
// CHECK-NEXT:    ^bb0(%[[G:.+]]: f32, %[[U:.+]]: f32):
// CHECK-NEXT:      %[[ONE:.+]] = arith.constant 1.000000e+00 : f32
// CHECK-NEXT:      %[[S:.+]] = arith.addf %[[G]], %[[ONE]] : f32
// CHECK-NEXT:      %[[P:.+]] = arith.mulf %[[S]], %[[U]] : f32
// CHECK-NEXT:      kernel.epilogue_yield %[[P]] : f32
// CHECK-NOT:     kernel.row_fusion
// CHECK:         %[[R:.+]] = tensor.extract_slice %[[L]][0, 0] [1, 64] [1, 1]
// CHECK:         return %[[Y]], %[[R]]
func.func @swiglu(%x: tensor<1x256xbf16>, %w: tensor<448x256xbf16>) -> (tensor<1x192xbf16>, tensor<1x64xbf16>) {
  %p = kernel.gemm %x, %w : tensor<1x256xbf16>, tensor<448x256xbf16> -> tensor<1x448xbf16>
  %r = tensor.extract_slice %p[0, 0] [1, 64] [1, 1] : tensor<1x448xbf16> to tensor<1x64xbf16>
  %g = tensor.extract_slice %p[0, 64] [1, 192] [1, 1] : tensor<1x448xbf16> to tensor<1x192xbf16>
  %u = tensor.extract_slice %p[0, 256] [1, 192] [1, 1] : tensor<1x448xbf16> to tensor<1x192xbf16>
  %y = kernel.row_fusion rows 1 whole [] (%u, %g) : (tensor<1x192xbf16>, tensor<1x192xbf16>) -> tensor<1x192xbf16> {
  ^bb0(%b: tensor<192xbf16>, %a: tensor<192xbf16>):
    %one = arith.constant dense<1.0> : tensor<192xf32>
    %0 = arith.extf %a : tensor<192xbf16> to tensor<192xf32>
    %1 = arith.extf %b : tensor<192xbf16> to tensor<192xf32>
    %2 = arith.addf %0, %one : tensor<192xf32>
    %3 = arith.mulf %2, %1 : tensor<192xf32>
    %4 = arith.truncf %3 : tensor<192xf32> to tensor<192xbf16>
    kernel.row_yield %4 : tensor<192xbf16>
  }
  return %y, %r : tensor<1x192xbf16>, tensor<1x64xbf16>
}

// -----

// One part: all columns.
// CHECK-LABEL: func.func @groups
// CHECK:         kernel.grouped_gemm {{.*}} -> tensor<6x128xf32> epilogue {
// CHECK-NEXT:    ^bb0(%[[S:.+]]: f32):
// CHECK-NEXT:      %[[N:.+]] = arith.negf %[[S]] : f32
// CHECK-NOT:     kernel.row_fusion
func.func @groups(%x: tensor<6x256xbf16>, %o: tensor<9xi32>, %w: tensor<8x128x256xbf16>) -> tensor<6x128xf32> {
  %p = kernel.grouped_gemm %x, %o, %w : tensor<6x256xbf16>, tensor<9xi32>, tensor<8x128x256xbf16> -> tensor<6x128xf32>
  %y = kernel.row_fusion rows 6 whole [] (%p) : (tensor<6x128xf32>) -> tensor<6x128xf32> {
  ^bb0(%a: tensor<128xf32>):
    %0 = arith.negf %a : tensor<128xf32>
    kernel.row_yield %0 : tensor<128xf32>
  }
  return %y : tensor<6x128xf32>
}

// -----

// The gate is wanted elsewhere too.
// CHECK-LABEL: func.func @keeps_shared_columns
// CHECK-NOT:     epilogue
// CHECK:         kernel.row_fusion
func.func @keeps_shared_columns(%x: tensor<1x256xbf16>, %w: tensor<256x256xbf16>) -> (tensor<1x128xf32>, tensor<1x128xf32>) {
  %p = kernel.gemm %x, %w : tensor<1x256xbf16>, tensor<256x256xbf16> -> tensor<1x256xf32>
  %g = tensor.extract_slice %p[0, 0] [1, 128] [1, 1] : tensor<1x256xf32> to tensor<1x128xf32>
  %u = tensor.extract_slice %p[0, 128] [1, 128] [1, 1] : tensor<1x256xf32> to tensor<1x128xf32>
  %y = kernel.row_fusion rows 1 whole [] (%g, %u) : (tensor<1x128xf32>, tensor<1x128xf32>) -> tensor<1x128xf32> {
  ^bb0(%a: tensor<128xf32>, %b: tensor<128xf32>):
    %0 = arith.mulf %a, %b : tensor<128xf32>
    kernel.row_yield %0 : tensor<128xf32>
  }
  return %y, %g : tensor<1x128xf32>, tensor<1x128xf32>
}

// -----

// A reduction sees the whole row.
// CHECK-LABEL: func.func @keeps_reductions
// CHECK-NOT:     epilogue
// CHECK:         kernel.row_fusion
func.func @keeps_reductions(%x: tensor<1x256xbf16>, %w: tensor<128x256xbf16>) -> tensor<1xf32> {
  %p = kernel.gemm %x, %w : tensor<1x256xbf16>, tensor<128x256xbf16> -> tensor<1x128xf32>
  %y = kernel.row_fusion rows 1 whole [] (%p) : (tensor<1x128xf32>) -> tensor<1xf32> {
  ^bb0(%a: tensor<128xf32>):
    %0 = kernel.row_reduce max %a : tensor<128xf32> -> tensor<f32>
    kernel.row_yield %0 : tensor<f32>
  }
  return %y : tensor<1xf32>
}

// -----

// Parts that leave columns out are not the product's.
// CHECK-LABEL: func.func @keeps_gaps
// CHECK-NOT:     epilogue
// CHECK:         kernel.row_fusion
func.func @keeps_gaps(%x: tensor<1x256xbf16>, %w: tensor<320x256xbf16>) -> tensor<1x128xf32> {
  %p = kernel.gemm %x, %w : tensor<1x256xbf16>, tensor<320x256xbf16> -> tensor<1x320xf32>
  %g = tensor.extract_slice %p[0, 0] [1, 128] [1, 1] : tensor<1x320xf32> to tensor<1x128xf32>
  %u = tensor.extract_slice %p[0, 192] [1, 128] [1, 1] : tensor<1x320xf32> to tensor<1x128xf32>
  %y = kernel.row_fusion rows 1 whole [] (%g, %u) : (tensor<1x128xf32>, tensor<1x128xf32>) -> tensor<1x128xf32> {
  ^bb0(%a: tensor<128xf32>, %b: tensor<128xf32>):
    %0 = arith.mulf %a, %b : tensor<128xf32>
    kernel.row_yield %0 : tensor<128xf32>
  }
  return %y : tensor<1x128xf32>
}

// -----

// A value that is rounded on the way keeps its rounding.
// CHECK-LABEL: func.func @rounds_on_the_way
// CHECK:         epilogue {
// CHECK-NEXT:    ^bb0(%[[S:.+]]: f32):
// CHECK-NEXT:      %[[R:.+]] = arith.truncf %[[S]] : f32 to bf16
// CHECK-NEXT:      %[[E:.+]] = arith.extf %[[R]] : bf16 to f32
// CHECK-NEXT:      kernel.epilogue_yield %[[E]] : f32
func.func @rounds_on_the_way(%x: tensor<1x256xbf16>, %w: tensor<128x256xbf16>) -> tensor<1x128xf32> {
  %p = kernel.gemm %x, %w : tensor<1x256xbf16>, tensor<128x256xbf16> -> tensor<1x128xf32>
  %y = kernel.row_fusion rows 1 whole [] (%p) : (tensor<1x128xf32>) -> tensor<1x128xf32> {
  ^bb0(%a: tensor<128xf32>):
    %0 = arith.truncf %a : tensor<128xf32> to tensor<128xbf16>
    %1 = arith.extf %0 : tensor<128xbf16> to tensor<128xf32>
    kernel.row_yield %1 : tensor<128xf32>
  }
  return %y : tensor<1x128xf32>
}

// -----

// Many rows: tensor-core tiles have no epilogue.
// CHECK-LABEL: func.func @keeps_many_rows
// CHECK-NOT:     epilogue
// CHECK:         kernel.row_fusion
func.func @keeps_many_rows(%x: tensor<2048x256xbf16>, %w: tensor<128x256xbf16>) -> tensor<2048x128xf32> {
  %p = kernel.gemm %x, %w : tensor<2048x256xbf16>, tensor<128x256xbf16> -> tensor<2048x128xf32>
  %y = kernel.row_fusion rows 2048 whole [] (%p) : (tensor<2048x128xf32>) -> tensor<2048x128xf32> {
  ^bb0(%a: tensor<128xf32>):
    %0 = arith.negf %a : tensor<128xf32>
    kernel.row_yield %0 : tensor<128xf32>
  }
  return %y : tensor<2048x128xf32>
}

// -----

// Quantisation sees 128 columns, more than a tile has: it stays a kernel of its own.
// CHECK-LABEL: func.func @keeps_quantisation
// CHECK-NOT:     epilogue
// CHECK:         kernel.row_fusion
func.func @keeps_quantisation(%x: tensor<1x256xbf16>, %w: tensor<256x256xbf16>) -> (tensor<1x256xf8E4M3FN>, tensor<1x2xf32>) {
  %p = kernel.gemm %x, %w : tensor<1x256xbf16>, tensor<256x256xbf16> -> tensor<1x256xf32>
  %y:2 = kernel.row_fusion rows 1 whole [] (%p) : (tensor<1x256xf32>) -> (tensor<1x256xf8E4M3FN>, tensor<1x2xf32>) {
  ^bb0(%a: tensor<256xf32>):
    %0 = arith.negf %a : tensor<256xf32>
    %d, %s = kernel.row_quantize %0 : tensor<256xf32> -> tensor<256xf8E4M3FN>, tensor<2xf32>
    kernel.row_yield %d, %s : tensor<256xf8E4M3FN>, tensor<2xf32>
  }
  return %y#0, %y#1 : tensor<1x256xf8E4M3FN>, tensor<1x2xf32>
}
