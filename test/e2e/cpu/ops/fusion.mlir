// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// A region gives what its operations give one after the other; at kernel level it is the program of one row.

// Residual add, norm and quantisation: two results, one of them used inside as well. h = x + a; y = quantise(h * rsqrt(mean(h^2) + eps) * w).
// CHECK: fusion_add_norm.result0 f32 [2, 3]
// CHECK-NEXT: 1.25 1 1
// CHECK-NEXT: 1.5 1 2
// CHECK-NEXT: fusion_add_norm.result1 f8E4M3FN [2, 3]
// CHECK-NEXT: 288 448 112
// CHECK-NEXT: 320 448 224
// CHECK-NEXT: fusion_add_norm.result2 f32 [2, 1]
// CHECK-NEXT: 0.0040967
// CHECK-NEXT: 0.0028717
func.func @fusion_add_norm() -> (tensor<2x3xf32>, tensor<2x3xf8E4M3FN>, tensor<2x1xf32>) {
  %x = arith.constant dense<[[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]> : tensor<2x3xf32>
  %a = arith.constant dense<[[0.25, -1.0, 2.0], [1.0, 1.0, -1.0]]> : tensor<2x3xf32>
  %w = arith.constant dense<[1.0, 2.0, 0.5]> : tensor<3xbf16>
  %h, %q = deepseek.fusion "add_norm" -> tensor<2x3xf32>, !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32> {
    %0 = deepseek.add %x, %a : tensor<2x3xf32>
    %1 = deepseek.rms_norm %0, %w eps 1.0e-06 : tensor<2x3xf32>, tensor<3xbf16> -> tensor<2x3xf32>
    %2 = deepseek.quantize %1 : tensor<2x3xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>
    deepseek.yield %0, %2 : tensor<2x3xf32>, !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32>
  }
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, f32> -> tensor<2x3xf8E4M3FN>, tensor<2x1xf32>
  return %h, %d, %s : tensor<2x3xf32>, tensor<2x3xf8E4M3FN>, tensor<2x1xf32>
}

// A value of type bf16 inside a region is rounded as outside: 256 + 1 is 256, the norm sees that.
// CHECK: fusion_rounds_inside.result0 bf16 [1, 2]
// CHECK-NEXT: 256 2
// CHECK-NEXT: fusion_rounds_inside.result1 f32 [1, 2]
// CHECK-NEXT: 1.4142 1.4142
func.func @fusion_rounds_inside() -> (tensor<1x2xbf16>, tensor<1x2xf32>) {
  %x = arith.constant dense<[[256.0, 0.0]]> : tensor<1x2xbf16>
  %a = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xbf16>
  %w = arith.constant dense<[1.0, 128.0]> : tensor<2xf32>
  %h, %y = deepseek.fusion "add_norm" -> tensor<1x2xbf16>, tensor<1x2xf32> {
    %0 = deepseek.add %x, %a : tensor<1x2xbf16>
    %1 = deepseek.rms_norm %0, %w eps 1.0e-06 : tensor<1x2xbf16>, tensor<2xf32> -> tensor<1x2xf32>
    deepseek.yield %0, %1 : tensor<1x2xbf16>, tensor<1x2xf32>
  }
  return %h, %y : tensor<1x2xbf16>, tensor<1x2xf32>
}

// swiglu and quantisation with power-of-two scales.
// CHECK: fusion_swiglu_quantize.result0 f8E4M3FN [2, 3]
// CHECK-NEXT: 384 384 -240
// CHECK-NEXT: 352 -192 -72
// CHECK-NEXT: fusion_swiglu_quantize.result1 f32 [2, 1]
// CHECK-NEXT: 0.0039062
// CHECK-NEXT: 0.0078125
func.func @fusion_swiglu_quantize() -> (tensor<2x3xf8E4M3FN>, tensor<2x1xf32>) {
  %gate = arith.constant dense<[[0.5, 1.0, -2.0], [3.0, -0.5, 0.25]]> : tensor<2x3xf32>
  %up = arith.constant dense<[[5.0, 2.0, 4.0], [1.0, 8.0, -4.0]]> : tensor<2x3xf32>
  %q = deepseek.fusion "swiglu_quantize" -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, ue8m0> {
    %0 = deepseek.swiglu %gate, %up : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x3xf32>
    %1 = deepseek.quantize %0 : tensor<2x3xf32> -> !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, ue8m0>
    deepseek.yield %1 : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, ue8m0>
  }
  %d, %s = deepseek.unpack_scaled %q : !deepseek.block_scaled<2x3xf8E4M3FN, 1x128, ue8m0> -> tensor<2x3xf8E4M3FN>, tensor<2x1xf32>
  return %d, %s : tensor<2x3xf8E4M3FN>, tensor<2x1xf32>
}

// A projection is not row-wise: the region becomes several kernels with the same numbers.
// CHECK: fusion_router.result0 f32 [2, 2]
// CHECK-NEXT: 0.45186 0.27407
// CHECK-NEXT: 0.79627 0.13837
// CHECK-NEXT: fusion_router.result1 i32 [2, 2]
// CHECK-NEXT: 1 0
// CHECK-NEXT: 2 1
func.func @fusion_router() -> (tensor<2x2xf32>, tensor<2x2xi32>) {
  %x = arith.constant dense<[[1.0, 2.0], [-1.0, 0.5]]> : tensor<2x2xf32>
  %w = arith.constant dense<[[1.0, 0.0], [0.5, 0.5], [-1.0, 1.0]]> : tensor<3x2xf32>
  %v, %i = deepseek.fusion "router" -> tensor<2x2xf32>, tensor<2x2xi32> {
    %0 = deepseek.linear %x, %w : tensor<2x2xf32>, tensor<3x2xf32> -> tensor<2x3xf32>
    %1, %2 = deepseek.moe_gate %0 {topK = 2 : i64, nGroup = 1 : i64, topkGroup = 1 : i64, scoring = #deepseek<scoring softmax>, groupScore = #deepseek<group_score none>, normalize = false, scale = 1.0 : f64} : tensor<2x3xf32> -> tensor<2x2xf32>, tensor<2x2xi32>
    deepseek.yield %1, %2 : tensor<2x2xf32>, tensor<2x2xi32>
  }
  return %v, %i : tensor<2x2xf32>, tensor<2x2xi32>
}
