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

// Weights through shared memory into wgmma. One stage and one tile, a ring that wraps, more tiles than multiprocessors.
func.func @stream_one_stage(%a: tensor<8x64xbf16>, %b: tensor<64x64xbf16>) -> tensor<8x64xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 2, warps = 5> : tensor<8x64xbf16>, tensor<64x64xbf16> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

func.func @stream_wraps(%a: tensor<8x512xbf16>, %b: tensor<64x512xbf16>) -> tensor<8x64xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 4, warps = 5> : tensor<8x512xbf16>, tensor<64x512xbf16> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

func.func @stream_many_tiles(%a: tensor<3x192xbf16>, %b: tensor<20000x192xbf16>) -> tensor<3x20000xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 6, warps = 5> : tensor<3x192xbf16>, tensor<20000x192xbf16> -> tensor<3x20000xbf16>
  return %0 : tensor<3x20000xbf16>
}

// Tails: rows of A, rows of B, K, all of them; two tiles of rows; results of f32 and rows whose stores cannot be paired.
func.func @stream_few_rows(%a: tensor<7x512xbf16>, %b: tensor<272x512xbf16>) -> tensor<7x272xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 4, warps = 5> : tensor<7x512xbf16>, tensor<272x512xbf16> -> tensor<7x272xbf16>
  return %0 : tensor<7x272xbf16>
}

func.func @stream_odd_k(%a: tensor<7x520xbf16>, %b: tensor<272x520xbf16>) -> tensor<7x272xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 128], stages = 4, warps = 5> : tensor<7x520xbf16>, tensor<272x520xbf16> -> tensor<7x272xbf16>
  return %0 : tensor<7x272xbf16>
}

func.func @stream_row_tiles(%a: tensor<70x256xbf16>, %b: tensor<1001x256xbf16>) -> tensor<70x1001xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [40, 64, 64], stages = 3, warps = 5> : tensor<70x256xbf16>, tensor<1001x256xbf16> -> tensor<70x1001xbf16>
  return %0 : tensor<70x1001xbf16>
}

func.func @stream_f32(%a: tensor<5x72xbf16>, %b: tensor<130x72xbf16>) -> tensor<5x130xf32> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 2, warps = 5> : tensor<5x72xbf16>, tensor<130x72xbf16> -> tensor<5x130xf32>
  return %0 : tensor<5x130xf32>
}

// K shared by the CTAs of a cluster, parts of unequal length; tiles of several warpgroups; the largest tile.
func.func @stream_split(%a: tensor<16x1032xbf16>, %b: tensor<300x1032xbf16>) -> tensor<16x300xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [16, 64, 64], stages = 4, split = 4, warps = 5> : tensor<16x1032xbf16>, tensor<300x1032xbf16> -> tensor<16x300xbf16>
  return %0 : tensor<16x300xbf16>
}

func.func @stream_split_eight(%a: tensor<1x7168xbf16>, %b: tensor<576x7168xbf16>) -> tensor<1x576xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 11, split = 8, warps = 5> : tensor<1x7168xbf16>, tensor<576x7168xbf16> -> tensor<1x576xbf16>
  return %0 : tensor<1x576xbf16>
}

func.func @stream_wide(%a: tensor<70x1024xbf16>, %b: tensor<1000x1024xbf16>) -> tensor<70x1000xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [72, 128, 64], stages = 3, split = 2, warps = 9> : tensor<70x1024xbf16>, tensor<1000x1024xbf16> -> tensor<70x1000xbf16>
  return %0 : tensor<70x1000xbf16>
}

func.func @stream_largest(%a: tensor<128x2048xbf16>, %b: tensor<512x2048xbf16>) -> tensor<128x512xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [128, 256, 64], stages = 3, split = 4, warps = 17> : tensor<128x2048xbf16>, tensor<512x2048xbf16> -> tensor<128x512xbf16>
  return %0 : tensor<128x512xbf16>
}

// Tiles whose rows are no multiple of 64: a tail of N, the lowest tile, a second warpgroup with 56 rows, K shared by a cluster.
func.func @stream_low(%a: tensor<13x520xbf16>, %b: tensor<1000x520xbf16>) -> tensor<13x1000xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [16, 56, 64], stages = 4, warps = 5> : tensor<13x520xbf16>, tensor<1000x520xbf16> -> tensor<13x1000xbf16>
  return %0 : tensor<13x1000xbf16>
}

func.func @stream_lowest(%a: tensor<3x192xbf16>, %b: tensor<130x192xbf16>) -> tensor<3x130xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 8, 64], stages = 2, warps = 5> : tensor<3x192xbf16>, tensor<130x192xbf16> -> tensor<3x130xbf16>
  return %0 : tensor<3x130xbf16>
}

func.func @stream_second_low(%a: tensor<70x1024xbf16>, %b: tensor<1000x1024xbf16>) -> tensor<70x1000xf32> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [72, 120, 128], stages = 3, split = 2, warps = 9> : tensor<70x1024xbf16>, tensor<1000x1024xbf16> -> tensor<70x1000xf32>
  return %0 : tensor<70x1000xf32>
}

// Block-scaled: one block of K, tails in every dimension, two blocks to a stage, a split, wide tiles over two warpgroups.
func.func @stream_fp8_block(%a: tensor<8x128xf8E4M3FN>, %b: tensor<64x128xf8E4M3FN>, %sa: tensor<8x1xf32>, %sb: tensor<1x1xf32>) -> tensor<8x64xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [8, 64, 128], stages = 4, warps = 6> : tensor<8x128xf8E4M3FN>, tensor<64x128xf8E4M3FN> scales(tensor<8x1xf32>, tensor<1x1xf32>) -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

func.func @stream_fp8_rows(%a: tensor<9x384xf8E4M3FN>, %b: tensor<300x384xf8E4M3FN>, %sa: tensor<9x3xf32>, %sb: tensor<3x3xf32>) -> tensor<9x300xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [16, 64, 128], stages = 4, warps = 6> : tensor<9x384xf8E4M3FN>, tensor<300x384xf8E4M3FN> scales(tensor<9x3xf32>, tensor<3x3xf32>) -> tensor<9x300xbf16>
  return %0 : tensor<9x300xbf16>
}

// Tiles that lie in two blocks of B's scales: of one and of two warpgroups.
func.func @stream_fp8_low(%a: tensor<9x384xf8E4M3FN>, %b: tensor<300x384xf8E4M3FN>, %sa: tensor<9x3xf32>, %sb: tensor<3x3xf32>) -> tensor<9x300xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [16, 56, 128], stages = 4, warps = 6> : tensor<9x384xf8E4M3FN>, tensor<300x384xf8E4M3FN> scales(tensor<9x3xf32>, tensor<3x3xf32>) -> tensor<9x300xbf16>
  return %0 : tensor<9x300xbf16>
}

func.func @stream_fp8_second_low(%a: tensor<80x640xf8E4M3FN>, %b: tensor<700x640xf8E4M3FN>, %sa: tensor<80x5xf32>, %sb: tensor<6x5xf32>) -> tensor<80x700xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [80, 120, 256], stages = 2, warps = 10> : tensor<80x640xf8E4M3FN>, tensor<700x640xf8E4M3FN> scales(tensor<80x5xf32>, tensor<6x5xf32>) -> tensor<80x700xbf16>
  return %0 : tensor<80x700xbf16>
}

// f32 results show the tensor core's accumulator: 4 x 2^-13, as gemm.mlir derives.
// bench: stream_fp8_tails --tolerance 4.9e-4
func.func @stream_fp8_tails(%a: tensor<17x80xf8E4M3FN>, %b: tensor<130x80xf8E4M3FN>, %sa: tensor<17x1xf32>, %sb: tensor<2x1xf32>) -> tensor<17x130xf32> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [24, 64, 128], stages = 3, warps = 6> : tensor<17x80xf8E4M3FN>, tensor<130x80xf8E4M3FN> scales(tensor<17x1xf32>, tensor<2x1xf32>) -> tensor<17x130xf32>
  return %0 : tensor<17x130xf32>
}

func.func @stream_fp8_boxes(%a: tensor<64x2048xf8E4M3FN>, %b: tensor<512x2048xf8E4M3FN>, %sa: tensor<64x16xf32>, %sb: tensor<4x16xf32>) -> tensor<64x512xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [64, 128, 256], stages = 4, split = 2, warps = 10> : tensor<64x2048xf8E4M3FN>, tensor<512x2048xf8E4M3FN> scales(tensor<64x16xf32>, tensor<4x16xf32>) -> tensor<64x512xbf16>
  return %0 : tensor<64x512xbf16>
}

func.func @stream_fp8_wide(%a: tensor<128x2048xf8E4M3FN>, %b: tensor<512x2048xf8E4M3FN>, %sa: tensor<128x16xf32>, %sb: tensor<4x16xf32>) -> tensor<128x512xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 4, split = 2, warps = 10> : tensor<128x2048xf8E4M3FN>, tensor<512x2048xf8E4M3FN> scales(tensor<128x16xf32>, tensor<4x16xf32>) -> tensor<128x512xbf16>
  return %0 : tensor<128x512xbf16>
}

func.func @stream_fp8_many_tiles(%a: tensor<33x400xf8E4M3FN>, %b: tensor<20000x400xf8E4M3FN>, %sa: tensor<33x4xf32>, %sb: tensor<157x4xf32>) -> tensor<33x20000xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [40, 64, 128], stages = 5, warps = 6> : tensor<33x400xf8E4M3FN>, tensor<20000x400xf8E4M3FN> scales(tensor<33x4xf32>, tensor<157x4xf32>) -> tensor<33x20000xbf16>
  return %0 : tensor<33x20000xbf16>
}

func.func @stream_heads(%a: tensor<4x16x128xbf16>, %b: tensor<16x512x128xbf16>) -> tensor<4x16x512xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 2, warps = 5> : tensor<4x16x128xbf16>, tensor<16x512x128xbf16> -> tensor<4x16x512xbf16>
  return %0 : tensor<4x16x512xbf16>
}

func.func @stream_odd_heads(%a: tensor<9x3x32xbf16>, %b: tensor<3x80x32xbf16>) -> tensor<9x3x80xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [16, 64, 64], stages = 2, warps = 5> : tensor<9x3x32xbf16>, tensor<3x80x32xbf16> -> tensor<9x3x80xbf16>
  return %0 : tensor<9x3x80xbf16>
}
