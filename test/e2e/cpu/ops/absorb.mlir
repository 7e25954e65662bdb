// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// RUN: deepseek-compile %s --target=cpu --level=kernel -o %t.kernel.so
// RUN: deepseek-bench %t.kernel.so --entry=all --print | FileCheck %s --match-full-lines
// kv_b_proj holds, for each of 2 heads, 2 rows of keys and 1 of values.

// result[h, c, d] = w[h * 3 + d, c].
// CHECK: absorb_key_rows.result0 f32 [2, 2, 2]
// CHECK-NEXT: 1 3
// CHECK-NEXT: 2 4
// CHECK-NEXT: 7 9
// CHECK-NEXT: 8 10
func.func @absorb_key_rows() -> tensor<2x2x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]> : tensor<6x2xbf16>
  %y = deepseek.absorb_key %w nope 2 value 1 : tensor<6x2xbf16> -> tensor<2x2x2xf32>
  return %y : tensor<2x2x2xf32>
}

// result[h, v, c] = w[h * 3 + 2 + v, c].
// CHECK: absorb_value_rows.result0 f32 [2, 1, 2]
// CHECK-NEXT: 5 6
// CHECK-NEXT: 11 12
func.func @absorb_value_rows() -> tensor<2x1x2xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]> : tensor<6x2xbf16>
  %y = deepseek.absorb_value %w nope 2 value 1 : tensor<6x2xbf16> -> tensor<2x1x2xf32>
  return %y : tensor<2x1x2xf32>
}

// Dequantised first, then rounded to the result's type: 3 * 0.33 = 0.99 is 0.98828125 in bf16.
// CHECK: absorb_scaled.result0 bf16 [1, 2, 1]
// CHECK-NEXT: 0.33008
// CHECK-NEXT: 0.98828
// CHECK-NEXT: absorb_scaled.result1 bf16 [1, 1, 2]
// CHECK-NEXT: -0.66016 0.16504
func.func @absorb_scaled() -> (tensor<1x2x1xbf16>, tensor<1x1x2xbf16>) {
  %d = arith.constant dense<[[1.0, 3.0], [-2.0, 0.5]]> : tensor<2x2xf8E4M3FN>
  %s = arith.constant dense<[[0.33]]> : tensor<1x1xf32>
  %w = deepseek.pack_scaled %d, %s : tensor<2x2xf8E4M3FN>, tensor<1x1xf32> -> !deepseek.block_scaled<2x2xf8E4M3FN, 128x128, f32>
  %k = deepseek.absorb_key %w nope 1 value 1 : !deepseek.block_scaled<2x2xf8E4M3FN, 128x128, f32> -> tensor<1x2x1xbf16>
  %v = deepseek.absorb_value %w nope 1 value 1 : !deepseek.block_scaled<2x2xf8E4M3FN, 128x128, f32> -> tensor<1x1x2xbf16>
  return %k, %v : tensor<1x2x1xbf16>, tensor<1x1x2xbf16>
}
