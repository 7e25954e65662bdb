// RUN: deepseek-opt %s -kernel-merge-row-fusions -split-input-file | FileCheck %s

// Six rows of experts and one of the shared experts: one row of six rows, and one row.
// CHECK-LABEL: func.func @activations
// CHECK-SAME:    %[[A:[^:]+]]: tensor<6x256xbf16>, %[[B:[^:]+]]: tensor<1x512xf32>
// CHECK:         %[[E:.+]] = tensor.expand_shape %[[A]] {{\[\[}}0, 1], [2]] output_shape [1, 6, 256]
// CHECK:         %[[R:.+]]:2 = kernel.row_fusion rows 1 whole [](%[[E]], %[[B]])
// CHECK:         ^bb0(%[[U:.+]]: tensor<6x256xbf16>, %[[V:.+]]: tensor<512xf32>):
// CHECK:           arith.constant dense<1.000000e+00> : tensor<6x256xf32>
// CHECK:           arith.extf %[[U]] : tensor<6x256xbf16> to tensor<6x256xf32>
// CHECK:           arith.negf %[[V]] : tensor<512xf32>
// CHECK:         %[[C:.+]] = tensor.collapse_shape %[[R]]#0 {{\[\[}}0, 1], [2]] : tensor<1x6x256xf32> into tensor<6x256xf32>
// CHECK-NOT:     kernel.row_fusion
// CHECK:         return %[[C]], %[[R]]#1
func.func @activations(%a: tensor<6x256xbf16>, %b: tensor<1x512xf32>) -> (tensor<6x256xf32>, tensor<1x512xf32>) {
  %0 = kernel.row_fusion rows 6 whole [] (%a) : (tensor<6x256xbf16>) -> tensor<6x256xf32> {
  ^bb0(%u: tensor<256xbf16>):
    %one = arith.constant dense<1.0> : tensor<256xf32>
    %x = arith.extf %u : tensor<256xbf16> to tensor<256xf32>
    %y = arith.addf %x, %one : tensor<256xf32>
    kernel.row_yield %y : tensor<256xf32>
  }
  %1 = kernel.row_fusion rows 1 whole [] (%b) : (tensor<1x512xf32>) -> tensor<1x512xf32> {
  ^bb0(%v: tensor<512xf32>):
    %y = arith.negf %v : tensor<512xf32>
    kernel.row_yield %y : tensor<512xf32>
  }
  return %0, %1 : tensor<6x256xf32>, tensor<1x512xf32>
}

// -----

// The second needs what the first makes.
// CHECK-LABEL: func.func @keeps_dependent
// CHECK-COUNT-2: kernel.row_fusion
func.func @keeps_dependent(%a: tensor<2x256xf32>) -> tensor<2x256xf32> {
  %0 = kernel.row_fusion rows 2 whole [] (%a) : (tensor<2x256xf32>) -> tensor<2x256xf32> {
  ^bb0(%u: tensor<256xf32>):
    %y = arith.negf %u : tensor<256xf32>
    kernel.row_yield %y : tensor<256xf32>
  }
  %1 = kernel.row_fusion rows 2 whole [] (%0) : (tensor<2x256xf32>) -> tensor<2x256xf32> {
  ^bb0(%u: tensor<256xf32>):
    %y = arith.negf %u : tensor<256xf32>
    kernel.row_yield %y : tensor<256xf32>
  }
  return %1 : tensor<2x256xf32>
}

// -----

// A sum over the row, rows that do not divide, much data.
// CHECK-LABEL: func.func @keeps_others
// CHECK-COUNT-4: kernel.row_fusion
func.func @keeps_others(%a: tensor<3x256xf32>, %b: tensor<2x256xf32>, %c: tensor<4096x256xf32>) -> (tensor<3xf32>, tensor<3x256xf32>, tensor<2x256xf32>, tensor<4096x256xf32>) {
  %0 = kernel.row_fusion rows 3 whole [] (%a) : (tensor<3x256xf32>) -> tensor<3xf32> {
  ^bb0(%u: tensor<256xf32>):
    %y = kernel.row_reduce add %u : tensor<256xf32> -> tensor<f32>
    kernel.row_yield %y : tensor<f32>
  }
  %1 = kernel.row_fusion rows 3 whole [] (%a) : (tensor<3x256xf32>) -> tensor<3x256xf32> {
  ^bb0(%u: tensor<256xf32>):
    %y = arith.negf %u : tensor<256xf32>
    kernel.row_yield %y : tensor<256xf32>
  }
  %2 = kernel.row_fusion rows 2 whole [] (%b) : (tensor<2x256xf32>) -> tensor<2x256xf32> {
  ^bb0(%u: tensor<256xf32>):
    %y = arith.negf %u : tensor<256xf32>
    kernel.row_yield %y : tensor<256xf32>
  }
  %3 = kernel.row_fusion rows 4096 whole [] (%c) : (tensor<4096x256xf32>) -> tensor<4096x256xf32> {
  ^bb0(%u: tensor<256xf32>):
    %y = arith.negf %u : tensor<256xf32>
    kernel.row_yield %y : tensor<256xf32>
  }
  return %0, %1, %2, %3 : tensor<3xf32>, tensor<3x256xf32>, tensor<2x256xf32>, tensor<4096x256xf32>
}
