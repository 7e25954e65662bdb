// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^mla-decode-wgmma$' --no-models --out %t && %python %S/run.py %t
// mla_decode on warpgroup products (a schedule whose tile has three sizes), compared on a GPU with the CPU artefact (test/e2e/gpu/README.md).

// V3: two row tiles for each token.
// range: wg_heads128.arg3=0:255 wg_heads128.arg4=0:7
func.func @wg_heads128(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// V2-Lite: sixteen of 64 rows; padding tokens give zeros. The cache layer is not the first.
// range: wg_heads16.arg3=-1:255 wg_heads16.arg4=0:7
func.func @wg_heads16(%q: tensor<3x16x512xbf16>, %r: tensor<3x16x64xbf16>, %c: memref<?x2x64x576xbf16>, %p: tensor<3xi32>, %b: tensor<3x4xi32>) -> tensor<3x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<3x16x512xbf16>, tensor<3x16x64xbf16>, memref<?x2x64x576xbf16>, tensor<3xi32>, tensor<3x4xi32> -> tensor<3x16x512xbf16>
  return %0 : tensor<3x16x512xbf16>
}

// No tail anywhere.
// range: wg_whole_pages.arg3=191:191 wg_whole_pages.arg4=0:7
func.func @wg_whole_pages(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x3xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// The result is the record itself.
// range: wg_one_position.arg3=0:0 wg_one_position.arg4=0:7
func.func @wg_one_position(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x1xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// The second tile of the only pair lies past the end.
// range: wg_few_positions.arg3=0:31 wg_few_positions.arg4=0:7
func.func @wg_few_positions(%q: tensor<4x64x512xbf16>, %r: tensor<4x64x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<4xi32>, %b: tensor<4x1xi32>) -> tensor<4x64x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<4x64x512xbf16>, tensor<4x64x64xbf16>, memref<?x1x64x576xbf16>, tensor<4xi32>, tensor<4x1xi32> -> tensor<4x64x512xbf16>
  return %0 : tensor<4x64x512xbf16>
}

// The ring goes round many times; pages repeat, which a reader does not mind. More than 32 tiles: page numbers are looked up again.
// range: wg_long_context.arg3=3900:4095 wg_long_context.arg4=0:7
func.func @wg_long_context(%q: tensor<1x16x512xbf16>, %r: tensor<1x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<1xi32>, %b: tensor<1x64xi32>) -> tensor<1x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x512xbf16>
  return %0 : tensor<1x16x512xbf16>
}

// Parts; a sequence may be empty.
// range: wg_split.arg3=-1:255 wg_split.arg4=0:7
func.func @wg_split(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16> lse tensor<1050624xf32>
  return %0 : tensor<2x128x512xbf16>
}

// More groups of CTAs than pairs of tiles.
// range: wg_more_parts_than_pages.arg3=-1:150 wg_more_parts_than_pages.arg4=0:7
func.func @wg_more_parts_than_pages(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> tensor<2x16x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x3xi32> -> tensor<2x16x512xbf16> lse tensor<99072xf32>
  return %0 : tensor<2x16x512xbf16>
}

// Two tokens for each sequence, each with its own limit, in row tiles of their own.
// range: wg_two_tokens.arg3=-1:255 wg_two_tokens.arg4=0:7
func.func @wg_two_tokens(%q: tensor<4x128x512xbf16>, %r: tensor<4x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<4xi32>, %b: tensor<2x4xi32>) -> tensor<4x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<4x128x512xbf16>, tensor<4x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<4xi32>, tensor<2x4xi32> -> tensor<4x128x512xbf16>
  return %0 : tensor<4x128x512xbf16>
}

// Two tokens in one row tile.
// range: wg_two_tokens16.arg3=-1:255 wg_two_tokens16.arg4=0:7
func.func @wg_two_tokens16(%q: tensor<4x16x512xbf16>, %r: tensor<4x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<4xi32>, %b: tensor<2x4xi32>) -> tensor<4x16x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<4x16x512xbf16>, tensor<4x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<4xi32>, tensor<2x4xi32> -> tensor<4x16x512xbf16> lse tensor<263168xf32>
  return %0 : tensor<4x16x512xbf16>
}

// Five tokens of eight heads: forty rows, the second tile of the query is half full.
// range: wg_heads8.arg3=-1:255 wg_heads8.arg4=0:7
func.func @wg_heads8(%q: tensor<10x8x512xbf16>, %r: tensor<10x8x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<10xi32>, %b: tensor<2x4xi32>) -> tensor<10x8x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<10x8x512xbf16>, tensor<10x8x64xbf16>, memref<?x1x64x576xbf16>, tensor<10xi32>, tensor<2x4xi32> -> tensor<10x8x512xbf16>
  return %0 : tensor<10x8x512xbf16>
}

// Three tokens of 32 heads: the last row tile is half empty.
// range: wg_heads32.arg3=-1:255 wg_heads32.arg4=0:7
func.func @wg_heads32(%q: tensor<6x32x512xbf16>, %r: tensor<6x32x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<6xi32>, %b: tensor<2x4xi32>) -> tensor<6x32x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<6x32x512xbf16>, tensor<6x32x64xbf16>, memref<?x1x64x576xbf16>, tensor<6xi32>, tensor<2x4xi32> -> tensor<6x32x512xbf16>
  return %0 : tensor<6x32x512xbf16>
}

// Many tokens of one sequence in six row tiles, one copy of the query for two tokens.
// range: wg_one_sequence.arg3=-1:255 wg_one_sequence.arg4=0:7
func.func @wg_one_sequence(%q: tensor<24x16x512xbf16>, %r: tensor<24x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<24xi32>, %b: tensor<1x4xi32>) -> tensor<24x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<24x16x512xbf16>, tensor<24x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<24xi32>, tensor<1x4xi32> -> tensor<24x16x512xbf16>
  return %0 : tensor<24x16x512xbf16>
}

// More tasks than multiprocessors: a CTA passes from task to task, some of them empty.
// range: wg_many_tasks.arg3=-1:127 wg_many_tasks.arg4=0:7
func.func @wg_many_tasks(%q: tensor<150x16x512xbf16>, %r: tensor<150x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<150xi32>, %b: tensor<150x2xi32>) -> tensor<150x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<150x16x512xbf16>, tensor<150x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<150xi32>, tensor<150x2xi32> -> tensor<150x16x512xbf16>
  return %0 : tensor<150x16x512xbf16>
}

// Pages of one tile.
// range: wg_page32.arg3=-1:191 wg_page32.arg4=0:7
func.func @wg_page32(%q: tensor<3x16x512xbf16>, %r: tensor<3x16x64xbf16>, %c: memref<?x1x32x576xbf16>, %p: tensor<3xi32>, %b: tensor<3x6xi32>) -> tensor<3x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<3x16x512xbf16>, tensor<3x16x64xbf16>, memref<?x1x32x576xbf16>, tensor<3xi32>, tensor<3x6xi32> -> tensor<3x16x512xbf16>
  return %0 : tensor<3x16x512xbf16>
}

// Pages of four tiles.
// range: wg_page128.arg3=-1:255 wg_page128.arg4=0:7
func.func @wg_page128(%q: tensor<3x16x512xbf16>, %r: tensor<3x16x64xbf16>, %c: memref<?x1x128x576xbf16>, %p: tensor<3xi32>, %b: tensor<3x2xi32>) -> tensor<3x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<3x16x512xbf16>, tensor<3x16x64xbf16>, memref<?x1x128x576xbf16>, tensor<3xi32>, tensor<3x2xi32> -> tensor<3x16x512xbf16>
  return %0 : tensor<3x16x512xbf16>
}

// Narrow records: the query fits registers, a product has 64 columns.
// range: wg_latent128.arg3=-1:255 wg_latent128.arg4=0:7
func.func @wg_latent128(%q: tensor<3x16x128xbf16>, %r: tensor<3x16x64xbf16>, %c: memref<?x1x64x192xbf16>, %p: tensor<3xi32>, %b: tensor<3x4xi32>) -> tensor<3x16x128xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 64], stages = 5, warps = 16>
    : tensor<3x16x128xbf16>, tensor<3x16x64xbf16>, memref<?x1x64x192xbf16>, tensor<3xi32>, tensor<3x4xi32> -> tensor<3x16x128xbf16>
  return %0 : tensor<3x16x128xbf16>
}

// Records of 256 + 128, two parts.
// range: wg_latent256.arg3=-1:255 wg_latent256.arg4=0:7
func.func @wg_latent256(%q: tensor<3x64x256xbf16>, %r: tensor<3x64x128xbf16>, %c: memref<?x1x64x384xbf16>, %p: tensor<3xi32>, %b: tensor<3x4xi32>) -> tensor<3x64x256xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 128], stages = 5, warps = 16>
    : tensor<3x64x256xbf16>, tensor<3x64x128xbf16>, memref<?x1x64x384xbf16>, tensor<3xi32>, tensor<3x4xi32> -> tensor<3x64x256xbf16> lse tensor<394752xf32>
  return %0 : tensor<3x64x256xbf16>
}

// The shortest ring.
// range: wg_three_stages.arg3=0:255 wg_three_stages.arg4=0:7
func.func @wg_three_stages(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 3, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// Scores far apart: nearly one record for each row, and rows that rescale often.
// range: wg_peaks.arg3=100:255 wg_peaks.arg4=0:7
func.func @wg_peaks(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 1.0 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// Lengths from nothing to 1024: each sequence gets groups of CTAs as its length asks for.
// range: wg_few_ragged.arg3=-1:1023 wg_few_ragged.arg4=0:7
func.func @wg_few_ragged(%q: tensor<7x128x512xbf16>, %r: tensor<7x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<7xi32>, %b: tensor<7x16xi32>) -> tensor<7x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<7x128x512xbf16>, tensor<7x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<7xi32>, tensor<7x16xi32> -> tensor<7x128x512xbf16> lse tensor<8667648xf32>
  return %0 : tensor<7x128x512xbf16>
}

// Nearly as many sequences as CTAs, of any length: equal shares, cut wherever they end.
// range: wg_many_ragged.arg3=-1:1023 wg_many_ragged.arg4=0:7
func.func @wg_many_ragged(%q: tensor<120x16x512xbf16>, %r: tensor<120x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<120xi32>, %b: tensor<120x16xi32>) -> tensor<120x16x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<120x16x512xbf16>, tensor<120x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<120xi32>, tensor<120x16xi32> -> tensor<120x16x512xbf16> lse tensor<2179584xf32>
  return %0 : tensor<120x16x512xbf16>
}

// More sequences than CTAs, and more than a lane of the sharing warp keeps in registers.
// range: wg_more_ragged.arg3=-1:511 wg_more_ragged.arg4=0:7
func.func @wg_more_ragged(%q: tensor<300x8x512xbf16>, %r: tensor<300x8x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<300xi32>, %b: tensor<300x8xi32>) -> tensor<300x8x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<300x8x512xbf16>, tensor<300x8x64xbf16>, memref<?x1x64x576xbf16>, tensor<300xi32>, tensor<300x8xi32> -> tensor<300x8x512xbf16> lse tensor<2179584xf32>
  return %0 : tensor<300x8x512xbf16>
}

// Equal lengths, cut: 40 sequences of four row tiles for 33 groups of CTAs.
// range: wg_equal_shares.arg3=500:511 wg_equal_shares.arg4=0:7
func.func @wg_equal_shares(%q: tensor<80x128x512xbf16>, %r: tensor<80x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<80xi32>, %b: tensor<40x8xi32>) -> tensor<80x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<80x128x512xbf16>, tensor<80x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<80xi32>, tensor<40x8xi32> -> tensor<80x128x512xbf16> lse tensor<8667648xf32>
  return %0 : tensor<80x128x512xbf16>
}

// Equal lengths, not worth cutting: two sequences to a group.
// range: wg_whole.arg3=127:127 wg_whole.arg4=0:7
func.func @wg_whole(%q: tensor<100x128x512xbf16>, %r: tensor<100x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<100xi32>, %b: tensor<100x2xi32>) -> tensor<100x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<100x128x512xbf16>, tensor<100x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<100xi32>, tensor<100x2xi32> -> tensor<100x128x512xbf16> lse tensor<8667648xf32>
  return %0 : tensor<100x128x512xbf16>
}

// Six row tiles, three together: a sequence counts twice.
// range: wg_copies.arg3=-1:511 wg_copies.arg4=0:7
func.func @wg_copies(%q: tensor<27x128x512xbf16>, %r: tensor<27x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<27xi32>, %b: tensor<9x8xi32>) -> tensor<27x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<27x128x512xbf16>, tensor<27x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<27xi32>, tensor<9x8xi32> -> tensor<27x128x512xbf16> lse tensor<8667648xf32>
  return %0 : tensor<27x128x512xbf16>
}

// Nothing to see anywhere.
// range: wg_empty.arg3=-1:-1 wg_empty.arg4=0:7
func.func @wg_empty(%q: tensor<5x128x512xbf16>, %r: tensor<5x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<5xi32>, %b: tensor<5x4xi32>) -> tensor<5x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<5x128x512xbf16>, tensor<5x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<5xi32>, tensor<5x4xi32> -> tensor<5x128x512xbf16> lse tensor<2626560xf32>
  return %0 : tensor<5x128x512xbf16>
}

// One position each, more sequences than groups.
// range: wg_one_each.arg3=0:0 wg_one_each.arg4=0:7
func.func @wg_one_each(%q: tensor<140x16x512xbf16>, %r: tensor<140x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<140xi32>, %b: tensor<140x1xi32>) -> tensor<140x16x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 5, warps = 16>
    : tensor<140x16x512xbf16>, tensor<140x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<140xi32>, tensor<140x1xi32> -> tensor<140x16x512xbf16> lse tensor<2179584xf32>
  return %0 : tensor<140x16x512xbf16>
}
