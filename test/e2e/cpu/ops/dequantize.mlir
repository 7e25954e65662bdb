// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// data * scale in f32, rounded once.

// CHECK: dequantize_f32.result0 f32 [2, 3]
// CHECK-NEXT: 0.1 -44.8 0.00019531
// CHECK-NEXT: 9 1.5 0
func.func @dequantize_f32() -> tensor<2x3xf32> {
  %d = arith.constant dense<[[1.0, -448.0, 0.001953125], [3.0, 0.5, 0.0]]> : tensor<2x3xf8E4M3FN>
  %s = arith.constant dense<[[0.1], [3.0]]> : tensor<2x1xf32>
  %q = deepseek.pack_scaled %d, %s : tensor<2x3xf8E4M3FN>, tensor<2x1xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>
  %y = deepseek.dequantize %q : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32> -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// Four blocks of a weight (128 and 1 rows, 128 and 2 columns): the corner where they meet.
// CHECK: dequantize_weight.result0 bf16 [2, 3]
// CHECK-NEXT: 1.5 3 3
// CHECK-NEXT: 6 0.44922 0.44922
func.func @dequantize_weight() -> tensor<2x3xbf16> {
  %d = arith.constant dense<1.5> : tensor<129x130xf8E4M3FN>
  %s = arith.constant dense<[[1.0, 2.0], [4.0, 0.3]]> : tensor<2x2xf32>
  %q = deepseek.pack_scaled %d, %s : tensor<129x130xf8E4M3FN>, tensor<2x2xf32> -> !deepseek.block_scaled<129x130xf8E4M3FN, 128x128, f32>
  %y = deepseek.dequantize %q : !deepseek.block_scaled<129x130xf8E4M3FN, 128x128, f32> -> tensor<129x130xbf16>
  %part = tensor.extract_slice %y[127, 127] [2, 3] [1, 1] : tensor<129x130xbf16> to tensor<2x3xbf16>
  return %part : tensor<2x3xbf16>
}
