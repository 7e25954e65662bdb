// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^mla-decode-fp8$' --no-models --out %t && %python %S/run.py %t
// mla_decode of quantised records, compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Bytes of 48 to 64
// are e4m3 from 0.5 to 2, scales from 6e-10 to 3 and rotated parts of the same range; deepseek-bench --op
// mla-decode-fp8 checks random records of both signs, with NaN past the end, against float64.

// V3: two row tiles for each token.
// range: fp8_heads128.arg2=48:64 fp8_heads128.arg3=0:255 fp8_heads128.arg4=0:7
func.func @fp8_heads128(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x656xi8>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// V2-Lite: sixteen of 64 rows; padding tokens give zeros. The cache layer is not the first.
// range: fp8_heads16.arg2=48:64 fp8_heads16.arg3=-1:255 fp8_heads16.arg4=0:7
func.func @fp8_heads16(%q: tensor<3x16x512xbf16>, %r: tensor<3x16x64xbf16>, %c: memref<?x2x64x656xi8>, %p: tensor<3xi32>, %b: tensor<3x4xi32>) -> tensor<3x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<3x16x512xbf16>, tensor<3x16x64xbf16>, memref<?x2x64x656xi8>, tensor<3xi32>, tensor<3x4xi32> -> tensor<3x16x512xbf16>
  return %0 : tensor<3x16x512xbf16>
}

// No tail anywhere.
// range: fp8_whole_pages.arg2=48:64 fp8_whole_pages.arg3=191:191 fp8_whole_pages.arg4=0:7
func.func @fp8_whole_pages(%q: tensor<2x16x512xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<2xi32>, %b: tensor<2x3xi32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x656xi8>, tensor<2xi32>, tensor<2x3xi32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// The result is the record itself.
// range: fp8_one_position.arg2=48:64 fp8_one_position.arg3=0:0 fp8_one_position.arg4=0:7
func.func @fp8_one_position(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<2xi32>, %b: tensor<2x1xi32>) -> tensor<2x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x656xi8>, tensor<2xi32>, tensor<2x1xi32> -> tensor<2x128x512xbf16>
  return %0 : tensor<2x128x512xbf16>
}

// The second tile of the only pair lies past the end.
// range: fp8_few_positions.arg2=48:64 fp8_few_positions.arg3=0:31 fp8_few_positions.arg4=0:7
func.func @fp8_few_positions(%q: tensor<4x64x512xbf16>, %r: tensor<4x64x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<4xi32>, %b: tensor<4x1xi32>) -> tensor<4x64x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<4x64x512xbf16>, tensor<4x64x64xbf16>, memref<?x1x64x656xi8>, tensor<4xi32>, tensor<4x1xi32> -> tensor<4x64x512xbf16>
  return %0 : tensor<4x64x512xbf16>
}

// Two tokens of a sequence; each sees its own positions.
// range: fp8_two_tokens.arg2=48:64 fp8_two_tokens.arg3=0:255 fp8_two_tokens.arg4=0:7
func.func @fp8_two_tokens(%q: tensor<4x32x512xbf16>, %r: tensor<4x32x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<4xi32>, %b: tensor<2x4xi32>) -> tensor<4x32x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<4x32x512xbf16>, tensor<4x32x64xbf16>, memref<?x1x64x656xi8>, tensor<4xi32>, tensor<2x4xi32> -> tensor<4x32x512xbf16>
  return %0 : tensor<4x32x512xbf16>
}

// More tiles than a lookup of pages covers, prefetched all along.
// range: fp8_long.arg2=48:64 fp8_long.arg3=2300:2559 fp8_long.arg4=0:7
func.func @fp8_long(%q: tensor<1x16x512xbf16>, %r: tensor<1x16x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<1xi32>, %b: tensor<1x40xi32>) -> tensor<1x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x656xi8>, tensor<1xi32>, tensor<1x40xi32> -> tensor<1x16x512xbf16>
  return %0 : tensor<1x16x512xbf16>
}

// Parts.
// range: fp8_parts.arg2=48:64 fp8_parts.arg3=0:511 fp8_parts.arg4=0:7
func.func @fp8_parts(%q: tensor<2x128x512xbf16>, %r: tensor<2x128x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<2xi32>, %b: tensor<2x8xi32>) -> tensor<2x128x512xbf16> {
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x1x64x656xi8>, tensor<2xi32>, tensor<2x8xi32> -> tensor<2x128x512xbf16> lse tensor<2101248xf32>
  return %0 : tensor<2x128x512xbf16>
}

// Records of 392 bytes are aligned to 8: pieces come word by word.
// range: fp8_latent256.arg2=48:64 fp8_latent256.arg3=0:255 fp8_latent256.arg4=0:7
func.func @fp8_latent256(%q: tensor<2x16x256xbf16>, %r: tensor<2x16x64xbf16>, %c: memref<?x1x64x392xi8>, %p: tensor<2xi32>, %b: tensor<2x4xi32>) -> tensor<2x16x256xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 128], stages = 4, warps = 16>
    : tensor<2x16x256xbf16>, tensor<2x16x64xbf16>, memref<?x1x64x392xi8>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x16x256xbf16>
  return %0 : tensor<2x16x256xbf16>
}

// One scale; pages of one tile.
// range: fp8_latent128.arg2=48:64 fp8_latent128.arg3=0:255 fp8_latent128.arg4=0:7
func.func @fp8_latent128(%q: tensor<2x8x128xbf16>, %r: tensor<2x8x128xbf16>, %c: memref<?x1x32x388xi8>, %p: tensor<2xi32>, %b: tensor<2x8xi32>) -> tensor<2x8x128xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 64], stages = 4, warps = 16>
    : tensor<2x8x128xbf16>, tensor<2x8x128xbf16>, memref<?x1x32x388xi8>, tensor<2xi32>, tensor<2x8xi32> -> tensor<2x8x128xbf16>
  return %0 : tensor<2x8x128xbf16>
}

// More tasks than multiprocessors.
// range: fp8_grid.arg2=48:64 fp8_grid.arg3=0:127 fp8_grid.arg4=0:7
func.func @fp8_grid(%q: tensor<150x16x512xbf16>, %r: tensor<150x16x64xbf16>, %c: memref<?x1x64x656xi8>, %p: tensor<150xi32>, %b: tensor<150x2xi32>) -> tensor<150x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.05 schedule <tile = [64, 32, 256], stages = 4, warps = 16>
    : tensor<150x16x512xbf16>, tensor<150x16x64xbf16>, memref<?x1x64x656xi8>, tensor<150xi32>, tensor<150x2xi32> -> tensor<150x16x512xbf16>
  return %0 : tensor<150x16x512xbf16>
}
