// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^gemm$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). One product each; the comments say what a wrong result would point to.

// Whole tiles, one K block: no loop at all.
func.func @one_block(%a: tensor<128x64xbf16>, %b: tensor<128x64xbf16>) -> tensor<128x128xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 128, 64], stages = 4> : tensor<128x64xbf16>, tensor<128x64xbf16> -> tensor<128x128xbf16>
  return %0 : tensor<128x128xbf16>
}

// More K blocks than stages: phases flip.
func.func @long_k(%a: tensor<128x4096xbf16>, %b: tensor<256x4096xbf16>) -> tensor<128x256xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 256, 64], stages = 4> : tensor<128x4096xbf16>, tensor<256x4096xbf16> -> tensor<128x256xbf16>
  return %0 : tensor<128x256xbf16>
}

// Two stages: the shortest ring that the delayed release allows.
func.func @two_stages(%a: tensor<192x1024xbf16>, %b: tensor<192x1024xbf16>) -> tensor<192x192xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 64, 64], stages = 2> : tensor<192x1024xbf16>, tensor<192x1024xbf16> -> tensor<192x192xbf16>
  return %0 : tensor<192x192xbf16>
}

// More tiles than multiprocessors: the persistent loop, pipeline states across tiles, bands of rows.
func.func @persistent(%a: tensor<2304x512xbf16>, %b: tensor<1536x512xbf16>) -> tensor<2304x1536xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 128, 64], stages = 4> : tensor<2304x512xbf16>, tensor<1536x512xbf16> -> tensor<2304x1536xbf16>
  return %0 : tensor<2304x1536xbf16>
}

// Tails of all three sizes, the last band of row tiles incomplete, D stored by TMA.
func.func @ragged(%a: tensor<1390x328xbf16>, %b: tensor<1912x328xbf16>) -> tensor<1390x1912xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 128, 64], stages = 3> : tensor<1390x328xbf16>, tensor<1912x328xbf16> -> tensor<1390x1912xbf16>
  return %0 : tensor<1390x1912xbf16>
}

// A few rows, fewer than a tile.
func.func @few_rows(%a: tensor<7x272xbf16>, %b: tensor<320x272xbf16>) -> tensor<7x320xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 64, 64], stages = 4> : tensor<7x272xbf16>, tensor<320x272xbf16> -> tensor<7x320xbf16>
  return %0 : tensor<7x320xbf16>
}

// Rows of D at odd addresses: element by element from registers.
func.func @odd_columns(%a: tensor<70x256xbf16>, %b: tensor<1001x256xbf16>) -> tensor<70x1001xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 128, 64], stages = 4> : tensor<70x256xbf16>, tensor<1001x256xbf16> -> tensor<70x1001xbf16>
  return %0 : tensor<70x1001xbf16>
}

// f32 results: pairs, then element by element.
func.func @f32_result(%a: tensor<130x512xbf16>, %b: tensor<264x512xbf16>) -> tensor<130x264xf32> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 96, 64], stages = 4> : tensor<130x512xbf16>, tensor<264x512xbf16> -> tensor<130x264xf32>
  return %0 : tensor<130x264xf32>
}
func.func @f32_odd(%a: tensor<33x128xbf16>, %b: tensor<1001x128xbf16>) -> tensor<33x1001xf32> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 256, 64], stages = 4> : tensor<33x128xbf16>, tensor<1001x128xbf16> -> tensor<33x1001xf32>
  return %0 : tensor<33x1001xf32>
}

// Narrow tiles.
func.func @narrow(%a: tensor<200x128xbf16>, %b: tensor<48x128xbf16>) -> tensor<200x48xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 16, 64], stages = 4> : tensor<200x128xbf16>, tensor<48x128xbf16> -> tensor<200x48xbf16>
  return %0 : tensor<200x48xbf16>
}

// Heads: three of them, 80 features, a tail in K; and enough of them for the persistent loop.
func.func @heads(%a: tensor<77x3x80xbf16>, %b: tensor<3x96x80xbf16>) -> tensor<77x3x96xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 64, 64], stages = 4> : tensor<77x3x80xbf16>, tensor<3x96x80xbf16> -> tensor<77x3x96xbf16>
  return %0 : tensor<77x3x96xbf16>
}
func.func @many_heads(%a: tensor<130x64x128xbf16>, %b: tensor<64x512x128xbf16>) -> tensor<130x64x512xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 128, 64], stages = 4> : tensor<130x64x128xbf16>, tensor<64x512x128xbf16> -> tensor<130x64x512xbf16>
  return %0 : tensor<130x64x512xbf16>
}
// D of a head is no whole box of 64 columns, and its rows are not multiples of 16 bytes.
func.func @odd_heads(%a: tensor<65x3x64xbf16>, %b: tensor<3x33x64xbf16>) -> tensor<65x3x33xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 64, 64], stages = 4> : tensor<65x3x64xbf16>, tensor<3x33x64xbf16> -> tensor<65x3x33xbf16>
  return %0 : tensor<65x3x33xbf16>
}

// Operands that are slices of wider rows.
func.func @slices(%x: tensor<100x640xbf16>, %b: tensor<128x256xbf16>) -> tensor<100x128xbf16> {
  %a = tensor.extract_slice %x[0, 384] [100, 256] [1, 1] : tensor<100x640xbf16> to tensor<100x256xbf16>
  %0 = kernel.gemm %a, %b schedule <tile = [64, 128, 64], stages = 4> : tensor<100x256xbf16>, tensor<128x256xbf16> -> tensor<100x128xbf16>
  return %0 : tensor<100x128xbf16>
}

// Rows of 194 bytes: not for TMA, mma.sync.
func.func @unaligned(%a: tensor<77x97xbf16>, %b: tensor<130x97xbf16>) -> tensor<77x130xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 64, 64], stages = 4> : tensor<77x97xbf16>, tensor<130x97xbf16> -> tensor<77x130xbf16>
  return %0 : tensor<77x130xbf16>
}

// Block-scaled: whole, ragged, tiles that begin in the middle of a scale block, one consumer, persistent.
func.func @fp8(%a: tensor<256x512xf8E4M3FN>, %b: tensor<256x512xf8E4M3FN>, %sa: tensor<256x4xf32>, %sb: tensor<2x4xf32>) -> tensor<256x256xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 5>
    : tensor<256x512xf8E4M3FN>, tensor<256x512xf8E4M3FN> scales(tensor<256x4xf32>, tensor<2x4xf32>) -> tensor<256x256xbf16>
  return %0 : tensor<256x256xbf16>
}
func.func @fp8_ragged(%a: tensor<133x400xf8E4M3FN>, %b: tensor<576x400xf8E4M3FN>, %sa: tensor<133x4xf32>, %sb: tensor<5x4xf32>) -> tensor<133x576xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 192, 128], stages = 4>
    : tensor<133x400xf8E4M3FN>, tensor<576x400xf8E4M3FN> scales(tensor<133x4xf32>, tensor<5x4xf32>) -> tensor<133x576xbf16>
  return %0 : tensor<133x576xbf16>
}
// With f32 results the tensor core's own accumulator shows: within one block of 128 it keeps 13 fraction bits of the largest term and truncates the rest
// (DeepSeek-V3, section 3.3.2). A block takes four instructions of 32, each at most 2^-13 of a partial sum too small, and blocks add up in f32: 4 x 2^-13 bounds the
// relative error, whatever K is. The products of one block and of sixteen must both keep it; the f32 paths of skinny_gemm have 1e-5.
// bench: fp8_one_block --tolerance 4.9e-4
// bench: fp8_one_consumer --tolerance 4.9e-4
// bench: fp8_sixteen_blocks --tolerance 4.9e-4
func.func @fp8_one_block(%a: tensor<128x128xf8E4M3FN>, %b: tensor<128x128xf8E4M3FN>, %sa: tensor<128x1xf32>, %sb: tensor<1x1xf32>) -> tensor<128x128xf32> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 3>
    : tensor<128x128xf8E4M3FN>, tensor<128x128xf8E4M3FN> scales(tensor<128x1xf32>, tensor<1x1xf32>) -> tensor<128x128xf32>
  return %0 : tensor<128x128xf32>
}
func.func @fp8_one_consumer(%a: tensor<70x256xf8E4M3FN>, %b: tensor<272x256xf8E4M3FN>, %sa: tensor<70x2xf32>, %sb: tensor<3x2xf32>) -> tensor<70x272xf32> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [64, 96, 128], stages = 3>
    : tensor<70x256xf8E4M3FN>, tensor<272x256xf8E4M3FN> scales(tensor<70x2xf32>, tensor<3x2xf32>) -> tensor<70x272xf32>
  return %0 : tensor<70x272xf32>
}
func.func @fp8_sixteen_blocks(%a: tensor<128x2048xf8E4M3FN>, %b: tensor<128x2048xf8E4M3FN>, %sa: tensor<128x16xf32>, %sb: tensor<1x16xf32>) -> tensor<128x128xf32> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 3>
    : tensor<128x2048xf8E4M3FN>, tensor<128x2048xf8E4M3FN> scales(tensor<128x16xf32>, tensor<1x16xf32>) -> tensor<128x128xf32>
  return %0 : tensor<128x128xf32>
}
func.func @fp8_persistent(%a: tensor<1100x1536xf8E4M3FN>, %b: tensor<2112x1536xf8E4M3FN>, %sa: tensor<1100x12xf32>, %sb: tensor<17x12xf32>) -> tensor<1100x2112xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 128, 128], stages = 4>
    : tensor<1100x1536xf8E4M3FN>, tensor<2112x1536xf8E4M3FN> scales(tensor<1100x12xf32>, tensor<17x12xf32>) -> tensor<1100x2112xbf16>
  return %0 : tensor<1100x2112xbf16>
}

// Widths off the 64 columns of a box of D: 176 leaves as 64 + 64 + 32 + 16, 144 as 64 + 64 + 16; the last tile of a row ends inside a box.
func.func @boxes_176(%a: tensor<200x320xbf16>, %b: tensor<536x320xbf16>) -> tensor<200x536xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 176, 64], stages = 4> : tensor<200x320xbf16>, tensor<536x320xbf16> -> tensor<200x536xbf16>
  return %0 : tensor<200x536xbf16>
}
func.func @boxes_144(%a: tensor<130x192xbf16>, %b: tensor<576x192xbf16>) -> tensor<130x576xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 144, 64], stages = 4> : tensor<130x192xbf16>, tensor<576x192xbf16> -> tensor<130x576xbf16>
  return %0 : tensor<130x576xbf16>
}

// One box a tile and short sums: a tile's box must have left before the next tile's is written. The second consumer idles in the last tiles, 1207 = 9 x 128 + 55.
func.func @one_box(%a: tensor<1207x272xbf16>, %b: tensor<1512x272xbf16>) -> tensor<1207x1512xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 16, 64], stages = 8> : tensor<1207x272xbf16>, tensor<1512x272xbf16> -> tensor<1207x1512xbf16>
  return %0 : tensor<1207x1512xbf16>
}
func.func @fp8_one_box(%a: tensor<1207x272xf8E4M3FN>, %b: tensor<1512x272xf8E4M3FN>, %sa: tensor<1207x3xf32>, %sb: tensor<12x3xf32>) -> tensor<1207x1512xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 16, 128], stages = 8>
    : tensor<1207x272xf8E4M3FN>, tensor<1512x272xf8E4M3FN> scales(tensor<1207x3xf32>, tensor<12x3xf32>) -> tensor<1207x1512xbf16>
  return %0 : tensor<1207x1512xbf16>
}

// K shared by the CTAs of a cluster: parts of unequal length, columns that do not divide among them, f32 results, heads.
func.func @shared_k(%a: tensor<300x1424xbf16>, %b: tensor<392x1424xbf16>) -> tensor<300x392xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 80, 64], stages = 4, split = 3> : tensor<300x1424xbf16>, tensor<392x1424xbf16> -> tensor<300x392xbf16>
  return %0 : tensor<300x392xbf16>
}
func.func @shared_k_f32(%a: tensor<70x1024xbf16>, %b: tensor<1001x1024xbf16>) -> tensor<70x1001xf32> {
  %0 = kernel.gemm %a, %b schedule <tile = [64, 128, 64], stages = 4, split = 4> : tensor<70x1024xbf16>, tensor<1001x1024xbf16> -> tensor<70x1001xf32>
  return %0 : tensor<70x1001xf32>
}
func.func @shared_k_heads(%a: tensor<77x3x512xbf16>, %b: tensor<3x96x512xbf16>) -> tensor<77x3x96xbf16> {
  %0 = kernel.gemm %a, %b schedule <tile = [128, 96, 64], stages = 3, split = 2> : tensor<77x3x512xbf16>, tensor<3x96x512xbf16> -> tensor<77x3x96xbf16>
  return %0 : tensor<77x3x96xbf16>
}
func.func @fp8_shared_k(%a: tensor<300x1424xf8E4M3FN>, %b: tensor<392x1424xf8E4M3FN>, %sa: tensor<300x12xf32>, %sb: tensor<4x12xf32>) -> tensor<300x392xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 64, 128], stages = 4, split = 2>
    : tensor<300x1424xf8E4M3FN>, tensor<392x1424xf8E4M3FN> scales(tensor<300x12xf32>, tensor<4x12xf32>) -> tensor<300x392xbf16>
  return %0 : tensor<300x392xbf16>
}

// 176 columns can touch three blocks of B's scales; K blocks that the unrolled loop leaves over.
func.func @fp8_three_blocks(%a: tensor<150x896xf8E4M3FN>, %b: tensor<1072x896xf8E4M3FN>, %sa: tensor<150x7xf32>, %sb: tensor<9x7xf32>) -> tensor<150x1072xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 176, 128], stages = 4>
    : tensor<150x896xf8E4M3FN>, tensor<1072x896xf8E4M3FN> scales(tensor<150x7xf32>, tensor<9x7xf32>) -> tensor<150x1072xbf16>
  return %0 : tensor<150x1072xbf16>
}
func.func @fp8_left_over(%a: tensor<300x896xf8E4M3FN>, %b: tensor<392x896xf8E4M3FN>, %sa: tensor<300x7xf32>, %sb: tensor<4x7xf32>) -> tensor<300x392xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 112, 128], stages = 3>
    : tensor<300x896xf8E4M3FN>, tensor<392x896xf8E4M3FN> scales(tensor<300x7xf32>, tensor<4x7xf32>) -> tensor<300x392xbf16>
  return %0 : tensor<300x392xbf16>
}

// Two blocks of 64 rows for each consumer: whole tiles; the second consumer of the last tiles idles (600 = 2 x 256 + 88), columns end inside a box; tiles that touch
// two blocks of B's scales, many of them for each CTA; scales that TMA cannot address; f32 results from registers; short sums, and boxes of D that are used by turns.
// bench: fp8_tall_f32 --tolerance 4.9e-4
func.func @fp8_tall(%a: tensor<512x1024xf8E4M3FN>, %b: tensor<256x1024xf8E4M3FN>, %sa: tensor<512x8xf32>, %sb: tensor<2x8xf32>) -> tensor<512x256xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [256, 128, 128], stages = 3>
    : tensor<512x1024xf8E4M3FN>, tensor<256x1024xf8E4M3FN> scales(tensor<512x8xf32>, tensor<2x8xf32>) -> tensor<512x256xbf16>
  return %0 : tensor<512x256xbf16>
}
func.func @fp8_tall_ragged(%a: tensor<600x1024xf8E4M3FN>, %b: tensor<392x1024xf8E4M3FN>, %sa: tensor<600x8xf32>, %sb: tensor<4x8xf32>) -> tensor<600x392xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [256, 128, 128], stages = 3>
    : tensor<600x1024xf8E4M3FN>, tensor<392x1024xf8E4M3FN> scales(tensor<600x8xf32>, tensor<4x8xf32>) -> tensor<600x392xbf16>
  return %0 : tensor<600x392xbf16>
}
func.func @fp8_tall_persistent(%a: tensor<4300x512xf8E4M3FN>, %b: tensor<2112x512xf8E4M3FN>, %sa: tensor<4300x4xf32>, %sb: tensor<17x4xf32>) -> tensor<4300x2112xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [256, 112, 128], stages = 3>
    : tensor<4300x512xf8E4M3FN>, tensor<2112x512xf8E4M3FN> scales(tensor<4300x4xf32>, tensor<17x4xf32>) -> tensor<4300x2112xbf16>
  return %0 : tensor<4300x2112xbf16>
}
func.func @fp8_tall_left_over(%a: tensor<300x896xf8E4M3FN>, %b: tensor<392x896xf8E4M3FN>, %sa: tensor<300x7xf32>, %sb: tensor<4x7xf32>) -> tensor<300x392xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [256, 96, 128], stages = 3>
    : tensor<300x896xf8E4M3FN>, tensor<392x896xf8E4M3FN> scales(tensor<300x7xf32>, tensor<4x7xf32>) -> tensor<300x392xbf16>
  return %0 : tensor<300x392xbf16>
}
func.func @fp8_tall_f32(%a: tensor<300x512xf8E4M3FN>, %b: tensor<264x512xf8E4M3FN>, %sa: tensor<300x4xf32>, %sb: tensor<3x4xf32>) -> tensor<300x264xf32> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [256, 128, 128], stages = 3>
    : tensor<300x512xf8E4M3FN>, tensor<264x512xf8E4M3FN> scales(tensor<300x4xf32>, tensor<3x4xf32>) -> tensor<300x264xf32>
  return %0 : tensor<300x264xf32>
}
func.func @fp8_tall_by_turns(%a: tensor<1207x512xf8E4M3FN>, %b: tensor<1512x512xf8E4M3FN>, %sa: tensor<1207x4xf32>, %sb: tensor<12x4xf32>) -> tensor<1207x1512xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [256, 128, 128], stages = 4>
    : tensor<1207x512xf8E4M3FN>, tensor<1512x512xf8E4M3FN> scales(tensor<1207x4xf32>, tensor<12x4xf32>) -> tensor<1207x1512xbf16>
  return %0 : tensor<1207x1512xbf16>
}

// Scales through shared memory: the ring goes around many times, in tiles of every kind of width.
func.func @fp8_long(%a: tensor<300x6144xf8E4M3FN>, %b: tensor<320x6144xf8E4M3FN>, %sa: tensor<300x48xf32>, %sb: tensor<3x48xf32>) -> tensor<300x320xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 160, 128], stages = 4>
    : tensor<300x6144xf8E4M3FN>, tensor<320x6144xf8E4M3FN> scales(tensor<300x48xf32>, tensor<3x48xf32>) -> tensor<300x320xbf16>
  return %0 : tensor<300x320xbf16>
}
func.func @fp8_lone_long(%a: tensor<70x2560xf8E4M3FN>, %b: tensor<272x2560xf8E4M3FN>, %sa: tensor<70x20xf32>, %sb: tensor<3x20xf32>) -> tensor<70x272xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [64, 64, 128], stages = 7>
    : tensor<70x2560xf8E4M3FN>, tensor<272x2560xf8E4M3FN> scales(tensor<70x20xf32>, tensor<3x20xf32>) -> tensor<70x272xbf16>
  return %0 : tensor<70x272xbf16>
}
func.func @fp8_eight_stages(%a: tensor<1207x512xf8E4M3FN>, %b: tensor<1000x512xf8E4M3FN>, %sa: tensor<1207x4xf32>, %sb: tensor<8x4xf32>) -> tensor<1207x1000xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) schedule <tile = [128, 16, 128], stages = 8>
    : tensor<1207x512xf8E4M3FN>, tensor<1000x512xf8E4M3FN> scales(tensor<1207x4xf32>, tensor<8x4xf32>) -> tensor<1207x1000xbf16>
  return %0 : tensor<1207x1000xbf16>
}
