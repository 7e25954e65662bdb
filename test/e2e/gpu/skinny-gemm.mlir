// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^skinny-gemm$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). One product each: whole tiles, then every kind of tail.

func.func @one_row(%a: tensor<1x2048xbf16>, %b: tensor<2048x2048xbf16>) -> tensor<1x2048xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<1x2048xbf16>, tensor<2048x2048xbf16> -> tensor<1x2048xbf16>
  return %0 : tensor<1x2048xbf16>
}

func.func @few_rows(%a: tensor<7x512xbf16>, %b: tensor<272x512xbf16>) -> tensor<7x272xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<7x512xbf16>, tensor<272x512xbf16> -> tensor<7x272xbf16>
  return %0 : tensor<7x272xbf16>
}

func.func @sixteen_rows(%a: tensor<16x1024xbf16>, %b: tensor<96x1024xbf16>) -> tensor<16x96xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<16x1024xbf16>, tensor<96x1024xbf16> -> tensor<16x96xbf16>
  return %0 : tensor<16x96xbf16>
}

func.func @many_rows(%a: tensor<70x256xbf16>, %b: tensor<1001x256xbf16>) -> tensor<70x1001xf32> {
  %0 = kernel.skinny_gemm %a, %b : tensor<70x256xbf16>, tensor<1001x256xbf16> -> tensor<70x1001xf32>
  return %0 : tensor<70x1001xf32>
}

func.func @odd_k(%a: tensor<3x80xbf16>, %b: tensor<33x80xbf16>) -> tensor<3x33xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<3x80xbf16>, tensor<33x80xbf16> -> tensor<3x33xbf16>
  return %0 : tensor<3x33xbf16>
}

func.func @odd_everything(%a: tensor<5x97xbf16>, %b: tensor<19x97xbf16>) -> tensor<5x19xf32> {
  %0 = kernel.skinny_gemm %a, %b : tensor<5x97xbf16>, tensor<19x97xbf16> -> tensor<5x19xf32>
  return %0 : tensor<5x19xf32>
}

func.func @long_k(%a: tensor<2x18432xbf16>, %b: tensor<64x18432xbf16>) -> tensor<2x64xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<2x18432xbf16>, tensor<64x18432xbf16> -> tensor<2x64xbf16>
  return %0 : tensor<2x64xbf16>
}

func.func @fp8_one_row(%a: tensor<1x2048xf8E4M3FN>, %b: tensor<512x2048xf8E4M3FN>, %sa: tensor<1x16xf32>, %sb: tensor<4x16xf32>) -> tensor<1x512xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) : tensor<1x2048xf8E4M3FN>, tensor<512x2048xf8E4M3FN> scales(tensor<1x16xf32>, tensor<4x16xf32>) -> tensor<1x512xbf16>
  return %0 : tensor<1x512xbf16>
}

func.func @fp8_few_rows(%a: tensor<9x384xf8E4M3FN>, %b: tensor<300x384xf8E4M3FN>, %sa: tensor<9x3xf32>, %sb: tensor<3x3xf32>) -> tensor<9x300xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) : tensor<9x384xf8E4M3FN>, tensor<300x384xf8E4M3FN> scales(tensor<9x3xf32>, tensor<3x3xf32>) -> tensor<9x300xbf16>
  return %0 : tensor<9x300xbf16>
}

func.func @fp8_tails(%a: tensor<17x80xf8E4M3FN>, %b: tensor<130x80xf8E4M3FN>, %sa: tensor<17x1xf32>, %sb: tensor<2x1xf32>) -> tensor<17x130xf32> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) : tensor<17x80xf8E4M3FN>, tensor<130x80xf8E4M3FN> scales(tensor<17x1xf32>, tensor<2x1xf32>) -> tensor<17x130xf32>
  return %0 : tensor<17x130xf32>
}

func.func @heads(%a: tensor<4x16x128xbf16>, %b: tensor<16x512x128xbf16>) -> tensor<4x16x512xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<4x16x128xbf16>, tensor<16x512x128xbf16> -> tensor<4x16x512xbf16>
  return %0 : tensor<4x16x512xbf16>
}

func.func @odd_heads(%a: tensor<9x3x32xbf16>, %b: tensor<3x80x32xbf16>) -> tensor<9x3x80xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<9x3x32xbf16>, tensor<3x80x32xbf16> -> tensor<9x3x80xbf16>
  return %0 : tensor<9x3x80xbf16>
}
