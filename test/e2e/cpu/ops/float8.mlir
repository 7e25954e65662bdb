// RUN: deepseek-compile %s --target=cpu -o %t.so
// RUN: deepseek-bench %t.so --entry=all --print | FileCheck %s --match-full-lines
// f8E4M3FN as storage, which every block-scaled operation relies on (-arith-expand-float8): no hardware helps here.

// All 256 patterns: 15 exponents with bias 7 and steps of an eighth, subnormals in steps of 2^-9, no infinity; 0x7F and 0xFF are NaN.
// CHECK: float8_extends.result0 f32 [32, 8]
// CHECK-NEXT: 0 0.0019531 0.0039062 0.0058594 0.0078125 0.0097656 0.011719 0.013672
// CHECK-NEXT: 0.015625 0.017578 0.019531 0.021484 0.023438 0.025391 0.027344 0.029297
// CHECK-NEXT: 0.03125 0.035156 0.039062 0.042969 0.046875 0.050781 0.054688 0.058594
// CHECK-NEXT: 0.0625 0.070312 0.078125 0.085938 0.09375 0.10156 0.10938 0.11719
// CHECK-NEXT: 0.125 0.14062 0.15625 0.17188 0.1875 0.20312 0.21875 0.23438
// CHECK-NEXT: 0.25 0.28125 0.3125 0.34375 0.375 0.40625 0.4375 0.46875
// CHECK-NEXT: 0.5 0.5625 0.625 0.6875 0.75 0.8125 0.875 0.9375
// CHECK-NEXT: 1 1.125 1.25 1.375 1.5 1.625 1.75 1.875
// CHECK-NEXT: 2 2.25 2.5 2.75 3 3.25 3.5 3.75
// CHECK-NEXT: 4 4.5 5 5.5 6 6.5 7 7.5
// CHECK-NEXT: 8 9 10 11 12 13 14 15
// CHECK-NEXT: 16 18 20 22 24 26 28 30
// CHECK-NEXT: 32 36 40 44 48 52 56 60
// CHECK-NEXT: 64 72 80 88 96 104 112 120
// CHECK-NEXT: 128 144 160 176 192 208 224 240
// CHECK-NEXT: 256 288 320 352 384 416 448 nan
// CHECK-NEXT: -0 -0.0019531 -0.0039062 -0.0058594 -0.0078125 -0.0097656 -0.011719 -0.013672
// CHECK-NEXT: -0.015625 -0.017578 -0.019531 -0.021484 -0.023438 -0.025391 -0.027344 -0.029297
// CHECK-NEXT: -0.03125 -0.035156 -0.039062 -0.042969 -0.046875 -0.050781 -0.054688 -0.058594
// CHECK-NEXT: -0.0625 -0.070312 -0.078125 -0.085938 -0.09375 -0.10156 -0.10938 -0.11719
// CHECK-NEXT: -0.125 -0.14062 -0.15625 -0.17188 -0.1875 -0.20312 -0.21875 -0.23438
// CHECK-NEXT: -0.25 -0.28125 -0.3125 -0.34375 -0.375 -0.40625 -0.4375 -0.46875
// CHECK-NEXT: -0.5 -0.5625 -0.625 -0.6875 -0.75 -0.8125 -0.875 -0.9375
// CHECK-NEXT: -1 -1.125 -1.25 -1.375 -1.5 -1.625 -1.75 -1.875
// CHECK-NEXT: -2 -2.25 -2.5 -2.75 -3 -3.25 -3.5 -3.75
// CHECK-NEXT: -4 -4.5 -5 -5.5 -6 -6.5 -7 -7.5
// CHECK-NEXT: -8 -9 -10 -11 -12 -13 -14 -15
// CHECK-NEXT: -16 -18 -20 -22 -24 -26 -28 -30
// CHECK-NEXT: -32 -36 -40 -44 -48 -52 -56 -60
// CHECK-NEXT: -64 -72 -80 -88 -96 -104 -112 -120
// CHECK-NEXT: -128 -144 -160 -176 -192 -208 -224 -240
// CHECK-NEXT: -256 -288 -320 -352 -384 -416 -448 nan
func.func @float8_extends() -> tensor<32x8xf32> {
  %x = arith.constant dense<"0x000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"> : tensor<32x8xf8E4M3FN>
  %empty = tensor.empty() : tensor<32x8xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<32x8xf8E4M3FN>) outs(%empty : tensor<32x8xf32>) {
  ^bb0(%in: f8E4M3FN, %out: f32):
    %0 = arith.extf %in : f8E4M3FN to f32
    linalg.yield %0 : f32
  } -> tensor<32x8xf32>
  return %y : tensor<32x8xf32>
}

// To nearest, ties to even: of normals (17 and 19 lie between 16, 18 and 20), across an exponent (15.5), of subnormals (0.5, 1.5 and 2.5 steps of 2^-9), at the border between them
// (7.5 steps), at the top (464 is the last to round to 448). Beyond, infinities and NaN give NaN: arith.truncf does not saturate, deepseek.quantize clamps first.
// CHECK: float8_truncates.result0 f8E4M3FN [4, 6]
// CHECK-NEXT: 16 20 -16 16 0 -0
// CHECK-NEXT: 0 0.0039062 0.0039062 0.015625 0 0.0019531
// CHECK-NEXT: 448 448 448 -448 nan nan
// CHECK-NEXT: nan nan nan 1 1.25 0.3125
func.func @float8_truncates() -> tensor<4x6xf8E4M3FN> {
  %x = arith.constant dense<[[17.0, 19.0, -17.0, 15.5, 0.0, -0.0],
                             [0.0009765625, 0.0029296875, 0.0048828125, 0.0146484375, 0.00097, 0.00098],
                             [448.0, 463.0, 464.0, -464.0, 464.1, -1.0e30],
                             [0x7F800000, 0xFF800000, 0x7FC00000, 1.0625, 1.1875, 0.3]]> : tensor<4x6xf32>
  %empty = tensor.empty() : tensor<4x6xf8E4M3FN>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<4x6xf32>) outs(%empty : tensor<4x6xf8E4M3FN>) {
  ^bb0(%in: f32, %out: f8E4M3FN):
    %0 = arith.truncf %in : f32 to f8E4M3FN
    linalg.yield %0 : f8E4M3FN
  } -> tensor<4x6xf8E4M3FN>
  return %y : tensor<4x6xf8E4M3FN>
}
