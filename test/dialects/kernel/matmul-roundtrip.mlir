// RUN: deepseek-opt %s | deepseek-opt | FileCheck %s
// RUN: deepseek-opt %s --mlir-print-op-generic | deepseek-opt | FileCheck %s

// CHECK-LABEL: func.func @gemm
// CHECK:         kernel.gemm %{{.+}}, %{{.+}} : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16>
// CHECK:         kernel.gemm %{{.+}}, %{{.+}} rows(%{{.+}}) schedule <tile = [128, 256, 64], stages = 4, cluster = 2, warps = 12>
// CHECK-SAME:      : tensor<8x256xbf16>, tensor<512x256xbf16> rows(tensor<2xi32>) -> tensor<8x512xf32>
// CHECK:         kernel.gemm %{{.+}}, %{{.+}} : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
// CHECK:         kernel.gemm %{{.+}}, %{{.+}} : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x224xbf16> plain tensor<8x64xf32> epilogue {
// CHECK-NEXT:    ^bb0(%[[GATE:.+]]: f32, %[[UP:.+]]: f32):
// CHECK-NEXT:      %[[PRODUCT:.+]] = arith.mulf %[[GATE]], %[[UP]] : f32
// CHECK-NEXT:      kernel.epilogue_yield %[[PRODUCT]] : f32
func.func @gemm(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>, %n: tensor<2xi32>, %ah: tensor<8x4x32xbf16>, %bh: tensor<4x64x32xbf16>) {
  %p = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16>
  %d = kernel.gemm %a, %b rows(%n) schedule <tile = [128, 256, 64], stages = 4, cluster = 2, warps = 12>
    : tensor<8x256xbf16>, tensor<512x256xbf16> rows(tensor<2xi32>) -> tensor<8x512xf32>
  %h = kernel.gemm %ah, %bh : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
  %e, %l = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x224xbf16> plain tensor<8x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %product = arith.mulf %gate, %up : f32
    kernel.epilogue_yield %product : f32
  }
  return
}

// CHECK-LABEL: func.func @scaled
// CHECK:         kernel.skinny_gemm %{{.+}}, %{{.+}} scales(%{{.+}}, %{{.+}}) : tensor<8x200xf8E4M3FN>, tensor<130x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<2x2xf32>) -> tensor<8x130xbf16>
// CHECK:         kernel.grouped_gemm %{{.+}}, %{{.+}}, %{{.+}} scales(%{{.+}}, %{{.+}}) : tensor<8x200xf8E4M3FN>, tensor<5xi32>, tensor<4x130x200xf8E4M3FN>
func.func @scaled(%a: tensor<8x200xf8E4M3FN>, %as: tensor<8x2xf32>, %b: tensor<130x200xf8E4M3FN>, %bs: tensor<2x2xf32>, %offsets: tensor<5xi32>,
                  %e: tensor<4x130x200xf8E4M3FN>, %es: tensor<4x2x2xf32>) {
  %d = kernel.skinny_gemm %a, %b scales(%as, %bs) : tensor<8x200xf8E4M3FN>, tensor<130x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<2x2xf32>) -> tensor<8x130xbf16>
  %g = kernel.grouped_gemm %a, %offsets, %e scales(%as, %es)
    : tensor<8x200xf8E4M3FN>, tensor<5xi32>, tensor<4x130x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<4x2x2xf32>) -> tensor<8x130xbf16>
  return
}

// Every product takes an epilogue.
// CHECK-LABEL: func.func @epilogues
// CHECK:         kernel.skinny_gemm {{.+}} rows(tensor<2xi32>) -> tensor<8x512xbf16> epilogue {
// CHECK:         kernel.grouped_gemm {{.+}} -> tensor<8x256xbf16> epilogue {
func.func @epilogues(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>, %n: tensor<2xi32>, %offsets: tensor<5xi32>, %e: tensor<4x512x256xbf16>) {
  %d = kernel.skinny_gemm %a, %b rows(%n) : tensor<8x256xbf16>, tensor<512x256xbf16> rows(tensor<2xi32>) -> tensor<8x512xbf16> epilogue {
  ^bb0(%x: f32):
    kernel.epilogue_yield %x : f32
  }
  %g = kernel.grouped_gemm %a, %offsets, %e : tensor<8x256xbf16>, tensor<5xi32>, tensor<4x512x256xbf16> -> tensor<8x256xbf16> epilogue {
  ^bb0(%x: f32, %y: f32):
    %z = arith.addf %x, %y : f32
    kernel.epilogue_yield %z : f32
  }
  return
}

// CHECK-LABEL: func.func @weights
// CHECK:         kernel.transpose %{{.+}} : tensor<4x40x128xbf16> -> tensor<4x128x40xbf16>
// CHECK:         kernel.block_quantize %{{.+}} power_of_two : tensor<2x200x130xbf16> -> tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>
func.func @weights(%x: tensor<4x40x128xbf16>, %w: tensor<2x200x130xbf16>) {
  %t = kernel.transpose %x : tensor<4x40x128xbf16> -> tensor<4x128x40xbf16>
  %data, %scales = kernel.block_quantize %w power_of_two : tensor<2x200x130xbf16> -> tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>
  return
}
