// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^mla-prefill$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Positions stay below the
// rows of a sequence, -1 for padding.

// Whole tiles of 64 rows and 64 keys. Positions are random: masks cut anywhere.
// range: v2_lite.arg3=0:255
func.func @v2_lite(%q: tensor<128x4x192xbf16>, %kv: tensor<256x4x256xbf16>, %k: tensor<256x64xbf16>, %p: tensor<128xi32>) -> tensor<128x4x128xbf16> {
  %n = tensor.extract_slice %q[0, 0, 0] [128, 4, 128] [1, 1, 1] : tensor<128x4x192xbf16> to tensor<128x4x128xbf16>
  %r = tensor.extract_slice %q[0, 0, 128] [128, 4, 64] [1, 1, 1] : tensor<128x4x192xbf16> to tensor<128x4x64xbf16>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07
    : tensor<128x4x128xbf16>, tensor<128x4x64xbf16>, tensor<256x4x256xbf16>, tensor<256x64xbf16>, tensor<128xi32> -> tensor<128x4x128xbf16>
  return %0 : tensor<128x4x128xbf16>
}

// Eight warps, a tail of rows.
// range: rows128.arg4=0:255
func.func @rows128(%n: tensor<200x2x128xbf16>, %r: tensor<200x2x64xbf16>, %kv: tensor<256x2x256xbf16>, %k: tensor<256x64xbf16>, %p: tensor<200xi32>) -> tensor<200x2x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [128, 64], stages = 2, warps = 8>
    : tensor<200x2x128xbf16>, tensor<200x2x64xbf16>, tensor<256x2x256xbf16>, tensor<256x64xbf16>, tensor<200xi32> -> tensor<200x2x128xbf16>
  return %0 : tensor<200x2x128xbf16>
}

// Small heads; padding tokens give zeros.
// range: small.arg4=-1:191
func.func @small(%n: tensor<77x3x32xbf16>, %r: tensor<77x3x16xbf16>, %kv: tensor<192x3x64xbf16>, %k: tensor<192x16xbf16>, %p: tensor<77xi32>) -> tensor<77x3x32xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<77x3x32xbf16>, tensor<77x3x16xbf16>, tensor<192x3x64xbf16>, tensor<192x16xbf16>, tensor<77xi32> -> tensor<77x3x32xbf16>
  return %0 : tensor<77x3x32xbf16>
}

// A row tile ends with its sequence.
// range: two_sequences.arg4=-1:127
func.func @two_sequences(%n: tensor<20x3x32xbf16>, %r: tensor<20x3x16xbf16>, %kv: tensor<256x3x80xbf16>, %k: tensor<256x16xbf16>, %p: tensor<20xi32>) -> tensor<20x3x48xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 2 scale 0.1
    : tensor<20x3x32xbf16>, tensor<20x3x16xbf16>, tensor<256x3x80xbf16>, tensor<256x16xbf16>, tensor<20xi32> -> tensor<20x3x48xbf16>
  return %0 : tensor<20x3x48xbf16>
}

// One token for each sequence.
// range: many_sequences.arg4=-1:63
func.func @many_sequences(%n: tensor<5x2x32xbf16>, %r: tensor<5x2x16xbf16>, %kv: tensor<320x2x64xbf16>, %k: tensor<320x16xbf16>, %p: tensor<5xi32>) -> tensor<5x2x32xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 5 scale 0.1
    : tensor<5x2x32xbf16>, tensor<5x2x16xbf16>, tensor<320x2x64xbf16>, tensor<320x16xbf16>, tensor<5xi32> -> tensor<5x2x32xbf16>
  return %0 : tensor<5x2x32xbf16>
}

// One row, one tile of keys.
// range: one_token.arg4=63:63
func.func @one_token(%n: tensor<1x16x128xbf16>, %r: tensor<1x16x64xbf16>, %kv: tensor<64x16x256xbf16>, %k: tensor<64x64xbf16>, %p: tensor<1xi32>) -> tensor<1x16x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<1x16x128xbf16>, tensor<1x16x64xbf16>, tensor<64x16x256xbf16>, tensor<64x64xbf16>, tensor<1xi32> -> tensor<1x16x128xbf16>
  return %0 : tensor<1x16x128xbf16>
}

// Only the first key is visible.
// range: first_token.arg4=0:0
func.func @first_token(%n: tensor<16x2x32xbf16>, %r: tensor<16x2x16xbf16>, %kv: tensor<64x2x64xbf16>, %k: tensor<64x16xbf16>, %p: tensor<16xi32>) -> tensor<16x2x32xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<16x2x32xbf16>, tensor<16x2x16xbf16>, tensor<64x2x64xbf16>, tensor<64x16xbf16>, tensor<16xi32> -> tensor<16x2x32xbf16>
  return %0 : tensor<16x2x32xbf16>
}

// Depth 26, copies of 2, 4 and 8 bytes, results stored one by one.
// range: odd_sizes.arg4=0:127
func.func @odd_sizes(%n: tensor<70x3x20xbf16>, %r: tensor<70x3x6xbf16>, %kv: tensor<128x3x41xbf16>, %k: tensor<128x6xbf16>, %p: tensor<70xi32>) -> tensor<70x3x21xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<70x3x20xbf16>, tensor<70x3x6xbf16>, tensor<128x3x41xbf16>, tensor<128x6xbf16>, tensor<70xi32> -> tensor<70x3x21xbf16>
  return %0 : tensor<70x3x21xbf16>
}

// Keys of 33 elements: copies of 2 bytes.
// range: odd_heads.arg4=0:127
func.func @odd_heads(%n: tensor<40x2x33xbf16>, %r: tensor<40x2x7xbf16>, %kv: tensor<128x2x73xbf16>, %k: tensor<128x7xbf16>, %p: tensor<40xi32>) -> tensor<40x2x40xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<40x2x33xbf16>, tensor<40x2x7xbf16>, tensor<128x2x73xbf16>, tensor<128x7xbf16>, tensor<40xi32> -> tensor<40x2x40xbf16>
  return %0 : tensor<40x2x40xbf16>
}

// The output columns in two parts that overlap.
// range: two_value_parts.arg3=0:63
func.func @two_value_parts(%q: tensor<33x2x192xbf16>, %kv: tensor<64x2x328xbf16>, %k: tensor<64x64xbf16>, %p: tensor<33xi32>) -> tensor<33x2x200xbf16> {
  %n = tensor.extract_slice %q[0, 0, 0] [33, 2, 128] [1, 1, 1] : tensor<33x2x192xbf16> to tensor<33x2x128xbf16>
  %r = tensor.extract_slice %q[0, 0, 128] [33, 2, 64] [1, 1, 1] : tensor<33x2x192xbf16> to tensor<33x2x64xbf16>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<33x2x128xbf16>, tensor<33x2x64xbf16>, tensor<64x2x328xbf16>, tensor<64x64xbf16>, tensor<33xi32> -> tensor<33x2x200xbf16>
  return %0 : tensor<33x2x200xbf16>
}

// The query is read from shared memory for every tile.
// range: wide.arg4=0:127
func.func @wide(%n: tensor<40x2x256xbf16>, %r: tensor<40x2x64xbf16>, %kv: tensor<128x2x512xbf16>, %k: tensor<128x64xbf16>, %p: tensor<40xi32>) -> tensor<40x2x256xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1
    : tensor<40x2x256xbf16>, tensor<40x2x64xbf16>, tensor<128x2x512xbf16>, tensor<128x64xbf16>, tensor<40xi32> -> tensor<40x2x256xbf16>
  return %0 : tensor<40x2x256xbf16>
}

// Many tiles.
// range: long_context.arg4=4000:4095
func.func @long_context(%n: tensor<16x2x128xbf16>, %r: tensor<16x2x64xbf16>, %kv: tensor<4096x2x256xbf16>, %k: tensor<4096x64xbf16>, %p: tensor<16xi32>) -> tensor<16x2x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07
    : tensor<16x2x128xbf16>, tensor<16x2x64xbf16>, tensor<4096x2x256xbf16>, tensor<4096x64xbf16>, tensor<16xi32> -> tensor<16x2x128xbf16>
  return %0 : tensor<16x2x128xbf16>
}

// A longer ring, short tiles.
// range: three_stages.arg4=0:511
func.func @three_stages(%n: tensor<64x2x64xbf16>, %r: tensor<64x2x32xbf16>, %kv: tensor<512x2x128xbf16>, %k: tensor<512x32xbf16>, %p: tensor<64xi32>) -> tensor<64x2x64xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1 schedule <tile = [32, 32], stages = 3, warps = 2>
    : tensor<64x2x64xbf16>, tensor<64x2x32xbf16>, tensor<512x2x128xbf16>, tensor<512x32xbf16>, tensor<64xi32> -> tensor<64x2x64xbf16>
  return %0 : tensor<64x2x64xbf16>
}

// The shortest tiles.
// range: keys16.arg4=0:255
func.func @keys16(%n: tensor<64x2x64xbf16>, %r: tensor<64x2x32xbf16>, %kv: tensor<256x2x128xbf16>, %k: tensor<256x32xbf16>, %p: tensor<64xi32>) -> tensor<64x2x64xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1 schedule <tile = [16, 16], stages = 4, warps = 1>
    : tensor<64x2x64xbf16>, tensor<64x2x32xbf16>, tensor<256x2x128xbf16>, tensor<256x32xbf16>, tensor<64xi32> -> tensor<64x2x64xbf16>
  return %0 : tensor<64x2x64xbf16>
}

// --- for warpgroups

// Two consumers: rows past the sequence's end, padding tokens, tiles that do not divide the keys.
// range: warpgroups.arg4=-1:329
func.func @warpgroups(%n: tensor<400x3x128xbf16>, %r: tensor<400x3x64xbf16>, %kv: tensor<660x3x256xbf16>, %k: tensor<660x64xbf16>, %p: tensor<400xi32>) -> tensor<400x3x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 2 scale 0.07 schedule <tile = [128, 128, 2], stages = 2, warps = 12>
    : tensor<400x3x128xbf16>, tensor<400x3x64xbf16>, tensor<660x3x256xbf16>, tensor<660x64xbf16>, tensor<400xi32> -> tensor<400x3x128xbf16>
  return %0 : tensor<400x3x128xbf16>
}

// One consumer; 75 + 75 keys are seen at most of 128, the rest is undefined.
// range: one_consumer.arg4=-1:74
func.func @one_consumer(%n: tensor<140x2x128xbf16>, %r: tensor<140x2x64xbf16>, %kv: tensor<256x2x256xbf16>, %k: tensor<256x64xbf16>, %p: tensor<140xi32>) -> tensor<140x2x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 2 scale 0.07 schedule <tile = [64, 128], stages = 2, warps = 8>
    : tensor<140x2x128xbf16>, tensor<140x2x64xbf16>, tensor<256x2x256xbf16>, tensor<256x64xbf16>, tensor<140xi32> -> tensor<140x2x128xbf16>
  return %0 : tensor<140x2x128xbf16>
}

// More tasks than multiprocessors, three rounds; heads in groups that do not divide them. Boxes reach past small heads.
// range: many_tasks.arg4=-1:99
func.func @many_tasks(%n: tensor<150x101x32xbf16>, %r: tensor<150x101x16xbf16>, %kv: tensor<100x101x80xbf16>, %k: tensor<100x16xbf16>, %p: tensor<150xi32>) -> tensor<150x101x48xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1 schedule <tile = [64, 32, 30], stages = 3, warps = 8>
    : tensor<150x101x32xbf16>, tensor<150x101x16xbf16>, tensor<100x101x80xbf16>, tensor<100x16xbf16>, tensor<150xi32> -> tensor<150x101x48xbf16>
  return %0 : tensor<150x101x48xbf16>
}

// Nobody sees anything.
// range: all_padding.arg4=-1:-1
func.func @all_padding(%n: tensor<70x2x128xbf16>, %r: tensor<70x2x64xbf16>, %kv: tensor<64x2x256xbf16>, %k: tensor<64x64xbf16>, %p: tensor<70xi32>) -> tensor<70x2x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1 schedule <tile = [128, 64], stages = 2, warps = 12>
    : tensor<70x2x128xbf16>, tensor<70x2x64xbf16>, tensor<64x2x256xbf16>, tensor<64x64xbf16>, tensor<70xi32> -> tensor<70x2x128xbf16>
  return %0 : tensor<70x2x128xbf16>
}

// Scores of several thousand: a softmax that takes one key.
// range: extreme_scores.arg4=0:499
// bench: extreme_scores --scale extreme_scores.arg0=100
func.func @extreme_scores(%n: tensor<200x2x128xbf16>, %r: tensor<200x2x64xbf16>, %kv: tensor<500x2x256xbf16>, %k: tensor<500x64xbf16>, %p: tensor<200xi32>) -> tensor<200x2x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 1.0 schedule <tile = [128, 128], stages = 2, warps = 12>
    : tensor<200x2x128xbf16>, tensor<200x2x64xbf16>, tensor<500x2x256xbf16>, tensor<500x64xbf16>, tensor<200xi32> -> tensor<200x2x128xbf16>
  return %0 : tensor<200x2x128xbf16>
}

// Wide values, short tiles.
// range: wide_values.arg4=0:299
func.func @wide_values(%n: tensor<130x2x256xbf16>, %r: tensor<130x2x64xbf16>, %kv: tensor<300x2x512xbf16>, %k: tensor<300x64xbf16>, %p: tensor<130xi32>) -> tensor<130x2x256xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [128, 64], stages = 2, warps = 12>
    : tensor<130x2x256xbf16>, tensor<130x2x64xbf16>, tensor<300x2x512xbf16>, tensor<300x64xbf16>, tensor<130xi32> -> tensor<130x2x256xbf16>
  return %0 : tensor<130x2x256xbf16>
}

// Clusters of two share the keys: rows past the end, padding, a last part that reaches before position 0.
// range: parts2.arg4=-1:329
func.func @parts2(%n: tensor<400x3x128xbf16>, %r: tensor<400x3x64xbf16>, %kv: tensor<660x3x256xbf16>, %k: tensor<660x64xbf16>, %p: tensor<400xi32>) -> tensor<400x3x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 2 scale 0.07 schedule <tile = [128, 128, 2], stages = 2, split = 2, warps = 12>
    : tensor<400x3x128xbf16>, tensor<400x3x64xbf16>, tensor<660x3x256xbf16>, tensor<660x64xbf16>, tensor<400xi32> -> tensor<400x3x128xbf16>
  return %0 : tensor<400x3x128xbf16>
}

// More parts than tiles: some of the eight have none.
// range: parts8.arg4=-1:260
func.func @parts8(%n: tensor<20x5x128xbf16>, %r: tensor<20x5x64xbf16>, %kv: tensor<300x5x256xbf16>, %k: tensor<300x64xbf16>, %p: tensor<20xi32>) -> tensor<20x5x128xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [64, 128, 5], stages = 2, split = 8, warps = 8>
    : tensor<20x5x128xbf16>, tensor<20x5x64xbf16>, tensor<300x5x256xbf16>, tensor<300x64xbf16>, tensor<20xi32> -> tensor<20x5x128xbf16>
  return %0 : tensor<20x5x128xbf16>
}

// Parts of nothing; small heads.
// range: parts_padding.arg4=-1:-1
func.func @parts_padding(%n: tensor<70x2x64xbf16>, %r: tensor<70x2x32xbf16>, %kv: tensor<64x2x112xbf16>, %k: tensor<64x32xbf16>, %p: tensor<70xi32>) -> tensor<70x2x48xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1 schedule <tile = [64, 64], stages = 2, split = 4, warps = 8>
    : tensor<70x2x64xbf16>, tensor<70x2x32xbf16>, tensor<64x2x112xbf16>, tensor<64x32xbf16>, tensor<70xi32> -> tensor<70x2x48xbf16>
  return %0 : tensor<70x2x48xbf16>
}
