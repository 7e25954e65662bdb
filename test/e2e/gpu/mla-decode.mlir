// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^mla-decode$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Positions reach at most
// the block table; its entries name pages of the cache (8 unless deepseek-bench --pages says otherwise).

// V2-Lite: one row tile, 32 keys, the depth shared by two warps. The cache layer is not the first.
// range: heads16.arg3=0:255 heads16.arg4=0:7
func.func @heads16(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x2x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.05
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x2x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// V3: two row tiles of 64 for each token; the output is shared by rows and columns.
// range: heads128.arg3=0:255 heads128.arg4=0:7
func.func @heads128(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32], stages = 2, warps = 8>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// The same with sixteen warps of 128 registers.
// range: heads128_warps16.arg3=0:255 heads128_warps16.arg4=0:7
func.func @heads128_warps16(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32], stages = 2, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// Rows of 32, whole pages as tiles.
// range: heads128_rows32.arg3=200:255 heads128_rows32.arg4=0:7
func.func @heads128_rows32(%q: tensor<1x128x512xbf16>, %r: tensor<1x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<1xi32>, %b: tensor<1x4xi32>) -> tensor<1x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [32, 64], stages = 2, warps = 8>
    : tensor<1x128x512xbf16>, tensor<1x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x128x512xbf16>
  return %0 : tensor<1x128x512xbf16>
}

// tiny-shakespeare; padding tokens give zeros.
// range: heads8.arg3=-1:127 heads8.arg4=0:7
func.func @heads8(%q: tensor<3x8x128xbf16>, %r: tensor<3x8x16xbf16>, %c: memref<?x1x64x144xbf16>, %p: tensor<3xi32>, %b: tensor<3x2xi32>) -> tensor<3x8x128xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<3x8x128xbf16>, tensor<3x8x16xbf16>, memref<?x1x64x144xbf16>, tensor<3xi32>, tensor<3x2xi32> -> tensor<3x8x128xbf16>
  return %0 : tensor<3x8x128xbf16>
}

// A wrong result here and not in heads16 points to tails: rows past the heads, columns past 80, copies of 8 or 16 bytes.
// range: heads3.arg3=-1:191 heads3.arg4=0:7
func.func @heads3(%q: tensor<5x3x80xbf16>, %r: tensor<5x3x16xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<5xi32>, %b: tensor<5x3xi32>) -> tensor<5x3x80xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<5x3x80xbf16>, tensor<5x3x16xbf16>, memref<?x1x64x96xbf16>, tensor<5xi32>, tensor<5x3xi32> -> tensor<5x3x80xbf16>
  return %0 : tensor<5x3x80xbf16>
}

// Fewer column pairs than warps.
// range: heads4_dr32.arg3=0:191 heads4_dr32.arg4=0:7
func.func @heads4_dr32(%q: tensor<4x4x64xbf16>, %r: tensor<4x4x32xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<4xi32>, %b: tensor<4x3xi32>) -> tensor<4x4x64xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<4x4x64xbf16>, tensor<4x4x32xbf16>, memref<?x1x64x96xbf16>, tensor<4xi32>, tensor<4x3xi32> -> tensor<4x4x64xbf16>
  return %0 : tensor<4x4x64xbf16>
}

// The result is the record itself.
// range: one_position.arg3=0:0 one_position.arg4=0:7
func.func @one_position(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x1xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// No tail anywhere.
// range: whole_pages.arg3=191:191 whole_pages.arg4=0:7
func.func @whole_pages(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x3xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// More tiles than stages many times over; pages repeat, which a reader does not mind.
// range: long_context.arg3=4000:4095 long_context.arg4=0:7
func.func @long_context(%q: tensor<1x16x512xbf16>, %r: tensor<1x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<1xi32>, %b: tensor<1x64xi32>) -> tensor<1x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x512xbf16>
  return %0 : tensor<1x16x512xbf16>
}

// Tokens of one sequence in one row tile, each with its own limit.
// range: one_sequence.arg3=-1:191 one_sequence.arg4=0:7
func.func @one_sequence(%q: tensor<24x4x128xbf16>, %r: tensor<24x4x16xbf16>, %c: memref<?x1x64x144xbf16>, %p: tensor<24xi32>, %b: tensor<1x3xi32>) -> tensor<24x4x128xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [32, 64], stages = 3, warps = 4>
    : tensor<24x4x128xbf16>, tensor<24x4x16xbf16>, memref<?x1x64x144xbf16>, tensor<24xi32>, tensor<1x3xi32> -> tensor<24x4x128xbf16>
  return %0 : tensor<24x4x128xbf16>
}

// Two tokens for each sequence.
// range: tokens_per_sequence2.arg3=-1:191 tokens_per_sequence2.arg4=0:7
func.func @tokens_per_sequence2(%q: tensor<4x3x80xbf16>, %r: tensor<4x3x16xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<4xi32>, %b: tensor<2x3xi32>) -> tensor<4x3x80xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<4x3x80xbf16>, tensor<4x3x16xbf16>, memref<?x1x64x96xbf16>, tensor<4xi32>, tensor<2x3xi32> -> tensor<4x3x80xbf16>
  return %0 : tensor<4x3x80xbf16>
}

// Short tiles, a long ring.
// range: keys16.arg3=0:191 keys16.arg4=0:7
func.func @keys16(%q: tensor<2x16x128xbf16>, %r: tensor<2x16x16xbf16>, %c: memref<?x1x64x144xbf16>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> tensor<2x16x128xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 16], stages = 6, warps = 2>
    : tensor<2x16x128xbf16>, tensor<2x16x16xbf16>, memref<?x1x64x144xbf16>, tensor<2xi32>, tensor<2x3xi32> -> tensor<2x16x128xbf16>
  return %0 : tensor<2x16x128xbf16>
}

// The depth is shared by four groups of warps that do not divide it.
// range: warps16.arg3=-1:127 warps16.arg4=0:7
func.func @warps16(%q: tensor<3x5x80xbf16>, %r: tensor<3x5x16xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<3xi32>, %b: tensor<3x2xi32>) -> tensor<3x5x80xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 3, warps = 16>
    : tensor<3x5x80xbf16>, tensor<3x5x16xbf16>, memref<?x1x64x96xbf16>, tensor<3xi32>, tensor<3x2xi32> -> tensor<3x5x80xbf16>
  return %0 : tensor<3x5x80xbf16>
}

// One warp does everything.
// range: one_warp.arg3=63:63 one_warp.arg4=0:7
func.func @one_warp(%q: tensor<1x1x16xbf16>, %r: tensor<1x1x2xbf16>, %c: memref<?x1x64x18xbf16>, %p: tensor<1xi32>, %b: tensor<1x1xi32>) -> tensor<1x1x16xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 16], stages = 2, warps = 1>
    : tensor<1x1x16xbf16>, tensor<1x1x2xbf16>, memref<?x1x64x18xbf16>, tensor<1xi32>, tensor<1x1xi32> -> tensor<1x1x16xbf16>
  return %0 : tensor<1x1x16xbf16>
}

// Records of 84 elements, rows of 77: copies of 8 and 2 bytes, results stored one by one.
// range: odd_sizes.arg3=0:127 odd_sizes.arg4=0:7
func.func @odd_sizes(%q: tensor<2x5x77xbf16>, %r: tensor<2x5x7xbf16>, %c: memref<?x1x64x84xbf16>, %p: tensor<2xi32>, %b: tensor<2x2xi32>) -> tensor<2x5x77xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<2x5x77xbf16>, tensor<2x5x7xbf16>, memref<?x1x64x84xbf16>, tensor<2xi32>, tensor<2x2xi32> -> tensor<2x5x77xbf16>
  return %0 : tensor<2x5x77xbf16>
}

// Records of 194 bytes: element by element.
// range: odd_record.arg3=0:127 odd_record.arg4=0:7
func.func @odd_record(%q: tensor<2x3x81xbf16>, %r: tensor<2x3x16xbf16>, %c: memref<?x1x64x97xbf16>, %p: tensor<2xi32>, %b: tensor<2x2xi32>) -> tensor<2x3x81xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<2x3x81xbf16>, tensor<2x3x16xbf16>, memref<?x1x64x97xbf16>, tensor<2xi32>, tensor<2x2xi32> -> tensor<2x3x81xbf16>
  return %0 : tensor<2x3x81xbf16>
}

// The rotated query is a slice of a wider projection.
// range: sliced_query.arg3=0:127 sliced_query.arg4=0:7
func.func @sliced_query(%q: tensor<3x4x64xbf16>, %x: tensor<3x4x48xbf16>, %c: memref<?x1x64x80xbf16>, %p: tensor<3xi32>, %b: tensor<3x2xi32>) -> tensor<3x4x64xbf16> {
  %r = tensor.extract_slice %x[0, 0, 32] [3, 4, 16] [1, 1, 1] : tensor<3x4x48xbf16> to tensor<3x4x16xbf16>
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1
    : tensor<3x4x64xbf16>, tensor<3x4x16xbf16>, memref<?x1x64x80xbf16>, tensor<3xi32>, tensor<3x2xi32> -> tensor<3x4x64xbf16>
  return %0 : tensor<3x4x64xbf16>
}

// One part, the first tile of the ring loaded again and again: few warps, whole pages.
// range: heads16_whole.arg3=0:255 heads16_whole.arg4=0:7
func.func @heads16_whole(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x2x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.05 schedule <tile = [16, 64], stages = 2, warps = 4>
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x2x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// The deepest ring of V2-Lite records.
// range: heads16_four_stages.arg3=0:255 heads16_four_stages.arg4=0:7
func.func @heads16_four_stages(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [16, 32], stages = 4, warps = 8>
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// V3, schedule and parts chosen from the sizes.
// range: chosen_heads128.arg3=0:255 chosen_heads128.arg4=0:7
func.func @chosen_heads128(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// As many parts as 4096 positions want, of which few have any.
// range: chosen_short.arg3=0:300 chosen_short.arg4=0:7
func.func @chosen_short(%q: tensor<1x16x512xbf16>, %r: tensor<1x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<1xi32>, %b: tensor<1x64xi32>) -> tensor<1x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x512xbf16>
  return %0 : tensor<1x16x512xbf16>
}

// Two row tiles and a quarter of the columns to a warp.
// range: rows32_warps4.arg3=0:255 rows32_warps4.arg4=0:7
func.func @rows32_warps4(%q: tensor<2x32x512xbf16>, %r: tensor<2x32x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x32x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [32, 32], stages = 2, warps = 4>
    : tensor<2x32x512xbf16>, tensor<2x32x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x32x512xbf16>
  return %0 : tensor<2x32x512xbf16>
}

// Two row tiles for each token, three parts.
// range: rows32_split.arg3=-1:255 rows32_split.arg4=0:7
func.func @rows32_split(%q: tensor<2x64x512xbf16>, %r: tensor<2x64x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x64x512xbf16> {
  %0, %l = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [32, 32], stages = 3, split = 3, warps = 8>
    : tensor<2x64x512xbf16>, tensor<2x64x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<3x2x64x512xf32> lse tensor<3x2x64xf32>
  %1 = kernel.mla_combine %0, %l : tensor<3x2x64x512xf32>, tensor<3x2x64xf32> -> tensor<2x64x512xbf16>
  return %1 : tensor<2x64x512xbf16>
}

// Rows of 64 in parts, of which the last may be empty.
// range: rows64_split.arg3=-1:255 rows64_split.arg4=0:7
func.func @rows64_split(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0, %l = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 16], stages = 3, split = 5, warps = 8>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<5x2x128x512xf32> lse tensor<5x2x128xf32>
  %1 = kernel.mla_combine %0, %l : tensor<5x2x128x512xf32>, tensor<5x2x128xf32> -> tensor<2x128x512xbf16>
  return %1 : tensor<2x128x512xbf16>
}

// Rows of several tokens, fourteen past the last.
// range: rows64_tail.arg3=-1:191 rows64_tail.arg4=0:7
func.func @rows64_tail(%q: tensor<20x5x80xbf16>, %r: tensor<20x5x16xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<20xi32>, %b: tensor<2x3xi32>) -> tensor<20x5x80xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 64], stages = 2, warps = 16>
    : tensor<20x5x80xbf16>, tensor<20x5x16xbf16>, memref<?x1x64x96xbf16>, tensor<20xi32>, tensor<2x3xi32> -> tensor<20x5x80xbf16>
  return %0 : tensor<20x5x80xbf16>
}

// Two row tiles and half of the columns to a warp.
// range: rows64_warps4.arg3=0:191 rows64_warps4.arg4=0:7
func.func @rows64_warps4(%q: tensor<16x8x128xbf16>, %r: tensor<16x8x16xbf16>, %c: memref<?x1x64x144xbf16>, %p: tensor<16xi32>, %b: tensor<1x3xi32>) -> tensor<16x8x128xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 16], stages = 4, warps = 4>
    : tensor<16x8x128xbf16>, tensor<16x8x16xbf16>, memref<?x1x64x144xbf16>, tensor<16xi32>, tensor<1x3xi32> -> tensor<16x8x128xbf16>
  return %0 : tensor<16x8x128xbf16>
}

// Records of 1024 + 128, schedule chosen.
// range: wide1152.arg3=0:255 wide1152.arg4=0:7
func.func @wide1152(%q: tensor<2x16x1024xbf16>, %r: tensor<2x16x128xbf16>, %c: memref<?x1x64x1152xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x1024xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.03
    : tensor<2x16x1024xbf16>, tensor<2x16x128xbf16>, memref<?x1x64x1152xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x16x1024xbf16>
  return %0 : tensor<2x16x1024xbf16>
}

// The same records for 128 heads: 32 rows to a CTA.
// range: wide1152_heads128.arg3=0:255 wide1152_heads128.arg4=0:7
func.func @wide1152_heads128(%q: tensor<1x128x1024xbf16>, %r: tensor<1x128x128xbf16>, %c: memref<?x1x64x1152xbf16>, %p: tensor<1xi32>, %b: tensor<1x4xi32>) -> tensor<1x128x1024xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.03 schedule <tile = [32, 32], stages = 2, warps = 8>
    : tensor<1x128x1024xbf16>, tensor<1x128x128xbf16>, memref<?x1x64x1152xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x128x1024xbf16>
  return %0 : tensor<1x128x1024xbf16>
}

// Records of 1536 + 64, schedule chosen.
// range: wide1600.arg3=0:255 wide1600.arg4=0:7
func.func @wide1600(%q: tensor<2x16x1536xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x1600xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x1536xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.03
    : tensor<2x16x1536xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x1600xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x16x1536xbf16>
  return %0 : tensor<2x16x1536xbf16>
}

// The same with sixteen warps of 128 registers.
// range: wide1600_warps16.arg3=0:191 wide1600_warps16.arg4=0:7
func.func @wide1600_warps16(%q: tensor<1x16x1536xbf16>, %r: tensor<1x16x64xbf16>, %c: memref<?x1x64x1600xbf16>, %p: tensor<1xi32>, %b: tensor<1x3xi32>) -> tensor<1x16x1536xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.03 schedule <tile = [16, 16], stages = 2, warps = 16>
    : tensor<1x16x1536xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x1600xbf16>, tensor<1xi32>, tensor<1x3xi32> -> tensor<1x16x1536xbf16>
  return %0 : tensor<1x16x1536xbf16>
}

// Wide records of 2016 bytes, a latent of odd length: queries copied one by one, uneven shares of columns.
// range: wide1008.arg3=-1:191 wide1008.arg4=0:7
func.func @wide1008(%q: tensor<2x5x1001xbf16>, %r: tensor<2x5x7xbf16>, %c: memref<?x1x64x1008xbf16>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> tensor<2x5x1001xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.03
    : tensor<2x5x1001xbf16>, tensor<2x5x7xbf16>, memref<?x1x64x1008xbf16>, tensor<2xi32>, tensor<2x3xi32> -> tensor<2x5x1001xbf16>
  return %0 : tensor<2x5x1001xbf16>
}

// The widest records that any schedule holds.
// range: widest.arg3=0:191 widest.arg4=0:7
func.func @widest(%q: tensor<1x4x2272xbf16>, %r: tensor<1x4x64xbf16>, %c: memref<?x1x64x2336xbf16>, %p: tensor<1xi32>, %b: tensor<1x3xi32>) -> tensor<1x4x2272xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.02
    : tensor<1x4x2272xbf16>, tensor<1x4x64xbf16>, memref<?x1x64x2336xbf16>, tensor<1xi32>, tensor<1x3xi32> -> tensor<1x4x2272xbf16>
  return %0 : tensor<1x4x2272xbf16>
}

// Four parts, whole pages as tiles.
// range: split4.arg3=0:255 split4.arg4=0:7
func.func @split4(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x512xbf16> {
  %0, %l = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [16, 64], stages = 2, split = 4, warps = 8>
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<4x2x16x512xf32> lse tensor<4x2x16xf32>
  %1 = kernel.mla_combine %0, %l : tensor<4x2x16x512xf32>, tensor<4x2x16xf32> -> tensor<2x16x512xbf16>
  return %1 : tensor<2x16x512xbf16>
}

// Parts of unequal size.
// range: split3_rows32.arg3=-1:255 split3_rows32.arg4=0:7
func.func @split3_rows32(%q: tensor<2x16x80xbf16>, %r: tensor<2x16x16xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x80xbf16> {
  %0, %l = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [32, 16], stages = 5, split = 3, warps = 4>
    : tensor<2x16x80xbf16>, tensor<2x16x16xbf16>, memref<?x1x64x96xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<3x2x16x80xf32> lse tensor<3x2x16xf32>
  %1 = kernel.mla_combine %0, %l : tensor<3x2x16x80xf32>, tensor<3x2x16xf32> -> tensor<2x16x80xbf16>
  return %1 : tensor<2x16x80xbf16>
}

// Most parts have no positions.
// range: empty_parts.arg3=-1:20 empty_parts.arg4=0:7
func.func @empty_parts(%q: tensor<3x8x128xbf16>, %r: tensor<3x8x16xbf16>, %c: memref<?x1x64x144xbf16>, %p: tensor<3xi32>, %b: tensor<3x4xi32>) -> tensor<3x8x128xbf16> {
  %0, %l = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 4, split = 8, warps = 8>
    : tensor<3x8x128xbf16>, tensor<3x8x16xbf16>, memref<?x1x64x144xbf16>, tensor<3xi32>, tensor<3x4xi32> -> tensor<8x3x8x128xf32> lse tensor<8x3x8xf32>
  %1 = kernel.mla_combine %0, %l : tensor<8x3x8x128xf32>, tensor<8x3x8xf32> -> tensor<3x8x128xbf16>
  return %1 : tensor<3x8x128xbf16>
}
