// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^grouped-gemm$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Offsets come from sort_tokens of random group indices: some groups are empty, some cross a tile.

// range: decode.arg1=0:7
func.func @decode(%a: tensor<2x256xbf16>, %i: tensor<1x2xi32>, %b: tensor<8x192x256xbf16>) -> tensor<2x192xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 8 : tensor<1x2xi32> -> tensor<9xi32>, tensor<1x2xi32>, tensor<2xi32>
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<2x256xbf16>, tensor<9xi32>, tensor<8x192x256xbf16> -> tensor<2x192xbf16>
  return %0 : tensor<2x192xbf16>
}

// range: v2_lite.arg1=0:63
func.func @v2_lite(%a: tensor<96x2048xbf16>, %i: tensor<48x2xi32>, %b: tensor<64x1408x2048xbf16>) -> tensor<96x1408xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<48x2xi32> -> tensor<65xi32>, tensor<48x2xi32>, tensor<96xi32>
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<96x2048xbf16>, tensor<65xi32>, tensor<64x1408x2048xbf16> -> tensor<96x1408xbf16>
  return %0 : tensor<96x1408xbf16>
}

// Weights straight into registers, as for rows that TMA cannot address.
// range: crowded.arg1=0:2
func.func @crowded(%a: tensor<300x80xbf16>, %i: tensor<150x2xi32>, %b: tensor<3x80x80xbf16>) -> tensor<300x80xf32> {
  %o, %r, %t = kernel.sort_tokens %i groups 3 : tensor<150x2xi32> -> tensor<4xi32>, tensor<150x2xi32>, tensor<300xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [32, 32, 80], warps = 4> : tensor<300x80xbf16>, tensor<4xi32>, tensor<3x80x80xbf16> -> tensor<300x80xf32>
  return %0 : tensor<300x80xf32>
}

// Rows of 87 elements lie on no word: operands are assembled from halves.
// range: halves.arg1=0:2
func.func @halves(%a: tensor<168x87xbf16>, %i: tensor<56x3xi32>, %b: tensor<3x73x87xbf16>) -> tensor<168x73xf32> {
  %o, %r, %t = kernel.sort_tokens %i groups 3 : tensor<56x3xi32> -> tensor<4xi32>, tensor<56x3xi32>, tensor<168xi32>
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<168x87xbf16>, tensor<4xi32>, tensor<3x73x87xbf16> -> tensor<168x73xf32>
  return %0 : tensor<168x73xf32>
}

// range: many_groups.arg1=0:255
func.func @many_groups(%a: tensor<64x128xbf16>, %i: tensor<32x2xi32>, %b: tensor<256x130x128xbf16>) -> tensor<64x130xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 256 : tensor<32x2xi32> -> tensor<257xi32>, tensor<32x2xi32>, tensor<64xi32>
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<64x128xbf16>, tensor<257xi32>, tensor<256x130x128xbf16> -> tensor<64x130xbf16>
  return %0 : tensor<64x130xbf16>
}

// range: fp8_decode.arg1=0:15
func.func @fp8_decode(%a: tensor<8x256xf8E4M3FN>, %i: tensor<4x2xi32>, %b: tensor<16x256x256xf8E4M3FN>, %sa: tensor<8x2xf32>, %sb: tensor<16x2x2xf32>) -> tensor<8x256xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 16 : tensor<4x2xi32> -> tensor<17xi32>, tensor<4x2xi32>, tensor<8xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) : tensor<8x256xf8E4M3FN>, tensor<17xi32>, tensor<16x256x256xf8E4M3FN> scales(tensor<8x2xf32>, tensor<16x2x2xf32>) -> tensor<8x256xbf16>
  return %0 : tensor<8x256xbf16>
}

// range: fp8_tails.arg1=0:4
func.func @fp8_tails(%a: tensor<90x80xf8E4M3FN>, %i: tensor<45x2xi32>, %b: tensor<5x300x80xf8E4M3FN>, %sa: tensor<90x1xf32>, %sb: tensor<5x3x1xf32>) -> tensor<90x300xf32> {
  %o, %r, %t = kernel.sort_tokens %i groups 5 : tensor<45x2xi32> -> tensor<6xi32>, tensor<45x2xi32>, tensor<90xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [32, 16, 80], warps = 4> : tensor<90x80xf8E4M3FN>, tensor<6xi32>, tensor<5x300x80xf8E4M3FN> scales(tensor<90x1xf32>, tensor<5x3x1xf32>) -> tensor<90x300xf32>
  return %0 : tensor<90x300xf32>
}

// Tensor cores: groups of about 170 rows in tiles of 128, then groups that are mostly smaller than a tile, then fp8 with tails.
// range: wide.arg1=0:5
func.func @wide(%a: tensor<1024x512xbf16>, %i: tensor<512x2xi32>, %b: tensor<6x384x512xbf16>) -> tensor<1024x384xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 6 : tensor<512x2xi32> -> tensor<7xi32>, tensor<512x2xi32>, tensor<1024xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [128, 128, 64], stages = 4> : tensor<1024x512xbf16>, tensor<7xi32>, tensor<6x384x512xbf16> -> tensor<1024x384xbf16>
  return %0 : tensor<1024x384xbf16>
}
// range: partial.arg1=0:31
func.func @partial(%a: tensor<600x80xbf16>, %i: tensor<300x2xi32>, %b: tensor<32x96x80xbf16>) -> tensor<600x96xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 32 : tensor<300x2xi32> -> tensor<33xi32>, tensor<300x2xi32>, tensor<600xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [64, 64, 64], stages = 3> : tensor<600x80xbf16>, tensor<33xi32>, tensor<32x96x80xbf16> -> tensor<600x96xbf16>
  return %0 : tensor<600x96xbf16>
}
// range: fp8_wide.arg1=0:3
func.func @fp8_wide(%a: tensor<520x400xf8E4M3FN>, %i: tensor<260x2xi32>, %b: tensor<4x304x400xf8E4M3FN>, %sa: tensor<520x4xf32>, %sb: tensor<4x3x4xf32>) -> tensor<520x304xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 4 : tensor<260x2xi32> -> tensor<5xi32>, tensor<260x2xi32>, tensor<520xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 4>
    : tensor<520x400xf8E4M3FN>, tensor<5xi32>, tensor<4x304x400xf8E4M3FN> scales(tensor<520x4xf32>, tensor<4x3x4xf32>) -> tensor<520x304xbf16>
  return %0 : tensor<520x304xbf16>
}

// More tiles than multiprocessors: every CTA walks through the groups; bands of 16 row tiles, a second consumer without rows, empty groups.
// range: walk.arg1=0:4
func.func @walk(%a: tensor<4200x128xbf16>, %i: tensor<2100x2xi32>, %b: tensor<7x400x128xbf16>) -> tensor<4200x400xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 7 : tensor<2100x2xi32> -> tensor<8xi32>, tensor<2100x2xi32>, tensor<4200xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [128, 80, 64], stages = 4> : tensor<4200x128xbf16>, tensor<8xi32>, tensor<7x400x128xbf16> -> tensor<4200x400xbf16>
  return %0 : tensor<4200x400xbf16>
}
// Tiles of 256 rows: groups of about 430 rows, their ends anywhere in a tile.
// range: fp8_tall.arg1=0:4
func.func @fp8_tall(%a: tensor<2160x512xf8E4M3FN>, %i: tensor<1080x2xi32>, %b: tensor<5x392x512xf8E4M3FN>, %sa: tensor<2160x4xf32>, %sb: tensor<5x4x4xf32>) -> tensor<2160x392xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 5 : tensor<1080x2xi32> -> tensor<6xi32>, tensor<1080x2xi32>, tensor<2160xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [256, 128, 128], stages = 3>
    : tensor<2160x512xf8E4M3FN>, tensor<6xi32>, tensor<5x392x512xf8E4M3FN> scales(tensor<2160x4xf32>, tensor<5x4x4xf32>) -> tensor<2160x392xbf16>
  return %0 : tensor<2160x392xbf16>
}

// range: fp8_walk.arg1=0:69
func.func @fp8_walk(%a: tensor<4200x256xf8E4M3FN>, %i: tensor<2100x2xi32>, %b: tensor<70x272x256xf8E4M3FN>, %sa: tensor<4200x2xf32>, %sb: tensor<70x3x2xf32>) -> tensor<4200x272xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 70 : tensor<2100x2xi32> -> tensor<71xi32>, tensor<2100x2xi32>, tensor<4200xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 4> : tensor<4200x256xf8E4M3FN>, tensor<71xi32>, tensor<70x272x256xf8E4M3FN> scales(tensor<4200x2xf32>, tensor<70x3x2xf32>) -> tensor<4200x272xbf16>
  return %0 : tensor<4200x272xbf16>
}

// Weights through shared memory into wgmma: decode, more groups than lanes, all rows in one group, tails, fp8.
// range: stream_decode.arg1=0:63
func.func @stream_decode(%a: tensor<96x512xbf16>, %i: tensor<16x6xi32>, %b: tensor<64x1408x512xbf16>) -> tensor<96x1408xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 64 : tensor<16x6xi32> -> tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [8, 64, 64], stages = 11, warps = 5> : tensor<96x512xbf16>, tensor<65xi32>, tensor<64x1408x512xbf16> -> tensor<96x1408xbf16>
  return %0 : tensor<96x1408xbf16>
}
// range: stream_many_groups.arg1=0:255
func.func @stream_many_groups(%a: tensor<64x128xbf16>, %i: tensor<32x2xi32>, %b: tensor<256x130x128xbf16>) -> tensor<64x130xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 256 : tensor<32x2xi32> -> tensor<257xi32>, tensor<32x2xi32>, tensor<64xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [8, 64, 64], stages = 4, warps = 5> : tensor<64x128xbf16>, tensor<257xi32>, tensor<256x130x128xbf16> -> tensor<64x130xbf16>
  return %0 : tensor<64x130xbf16>
}
// range: stream_crowded.arg1=0:2
func.func @stream_crowded(%a: tensor<300x80xbf16>, %i: tensor<150x2xi32>, %b: tensor<3x80x80xbf16>) -> tensor<300x80xf32> {
  %o, %r, %t = kernel.sort_tokens %i groups 3 : tensor<150x2xi32> -> tensor<4xi32>, tensor<150x2xi32>, tensor<300xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [8, 64, 64], stages = 3, warps = 5> : tensor<300x80xbf16>, tensor<4xi32>, tensor<3x80x80xbf16> -> tensor<300x80xf32>
  return %0 : tensor<300x80xf32>
}
// range: stream_one_group.arg1=0:0
func.func @stream_one_group(%a: tensor<96x256xbf16>, %i: tensor<48x2xi32>, %b: tensor<9x192x256xbf16>) -> tensor<96x192xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 9 : tensor<48x2xi32> -> tensor<10xi32>, tensor<48x2xi32>, tensor<96xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [16, 64, 64], stages = 4, warps = 5> : tensor<96x256xbf16>, tensor<10xi32>, tensor<9x192x256xbf16> -> tensor<96x192xbf16>
  return %0 : tensor<96x192xbf16>
}
// range: stream_wide.arg1=0:31
func.func @stream_wide(%a: tensor<2000x512xbf16>, %i: tensor<500x4xi32>, %b: tensor<32x256x512xbf16>) -> tensor<2000x256xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 32 : tensor<500x4xi32> -> tensor<33xi32>, tensor<500x4xi32>, tensor<2000xi32>
  %0 = kernel.grouped_gemm %a, %o, %b schedule <tile = [64, 128, 64], stages = 4, warps = 9> : tensor<2000x512xbf16>, tensor<33xi32>, tensor<32x256x512xbf16> -> tensor<2000x256xbf16>
  return %0 : tensor<2000x256xbf16>
}
// range: stream_fp8.arg1=0:15
func.func @stream_fp8(%a: tensor<8x256xf8E4M3FN>, %i: tensor<4x2xi32>, %b: tensor<16x256x256xf8E4M3FN>, %sa: tensor<8x2xf32>, %sb: tensor<16x2x2xf32>) -> tensor<8x256xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 16 : tensor<4x2xi32> -> tensor<17xi32>, tensor<4x2xi32>, tensor<8xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [8, 64, 128], stages = 4, warps = 6> : tensor<8x256xf8E4M3FN>, tensor<17xi32>, tensor<16x256x256xf8E4M3FN> scales(tensor<8x2xf32>, tensor<16x2x2xf32>) -> tensor<8x256xbf16>
  return %0 : tensor<8x256xbf16>
}
// f32 results show the tensor core's accumulator: 4 x 2^-13, as gemm.mlir derives.
// bench: stream_fp8_tails --tolerance 4.9e-4
// range: stream_fp8_tails.arg1=0:4
func.func @stream_fp8_tails(%a: tensor<90x80xf8E4M3FN>, %i: tensor<45x2xi32>, %b: tensor<5x300x80xf8E4M3FN>, %sa: tensor<90x1xf32>, %sb: tensor<5x3x1xf32>) -> tensor<90x300xf32> {
  %o, %r, %t = kernel.sort_tokens %i groups 5 : tensor<45x2xi32> -> tensor<6xi32>, tensor<45x2xi32>, tensor<90xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [24, 64, 128], stages = 3, warps = 6> : tensor<90x80xf8E4M3FN>, tensor<6xi32>, tensor<5x300x80xf8E4M3FN> scales(tensor<90x1xf32>, tensor<5x3x1xf32>) -> tensor<90x300xf32>
  return %0 : tensor<90x300xf32>
}
// range: stream_fp8_wide.arg1=0:31
func.func @stream_fp8_wide(%a: tensor<800x512xf8E4M3FN>, %i: tensor<200x4xi32>, %b: tensor<32x256x512xf8E4M3FN>, %sa: tensor<800x4xf32>, %sb: tensor<32x2x4xf32>) -> tensor<800x256xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 32 : tensor<200x4xi32> -> tensor<33xi32>, tensor<200x4xi32>, tensor<800xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) schedule <tile = [32, 128, 128], stages = 4, warps = 10> : tensor<800x512xf8E4M3FN>, tensor<33xi32>, tensor<32x256x512xf8E4M3FN> scales(tensor<800x4xf32>, tensor<32x2x4xf32>) -> tensor<800x256xbf16>
  return %0 : tensor<800x256xbf16>
}
