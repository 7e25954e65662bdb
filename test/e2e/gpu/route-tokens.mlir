// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^route-tokens$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Indices, offsets and rows must be equal, weights to 1e-5.

// One token of V2-Lite: a row six times.
func.func @one_token(%l: tensor<1x64xf32>, %t0: tensor<1x2048xbf16>) -> (tensor<1x6xf32>, tensor<1x6xi32>, tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>, tensor<6x2048xbf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l gather(%t0) schedule <tile = [1, 1], cluster = 2, warps = 2> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<1x64xf32>, tensor<1x2048xbf16>) -> (tensor<1x6xf32>, tensor<1x6xi32>, tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>, tensor<6x2048xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<1x6xf32>, tensor<1x6xi32>, tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>, tensor<6x2048xbf16>
}

// A CTA for each token, a warp for each token in each.
func.func @sixteen_tokens(%l: tensor<16x64xf32>, %t0: tensor<16x2048xbf16>) -> (tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>, tensor<96x2048xbf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l gather(%t0) schedule <tile = [1, 1], cluster = 2, warps = 8> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<16x64xf32>, tensor<16x2048xbf16>) -> (tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>, tensor<96x2048xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>, tensor<96x2048xbf16>
}

// V3: several CTAs share a token's columns.
func.func @v3_one_token(%l: tensor<1x256xf32>, %b: tensor<256xf32>, %t0: tensor<1x7168xbf16>) -> (tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>, tensor<8x7168xbf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l bias %b gather(%t0) schedule <tile = [1, 1], cluster = 1, warps = 2> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<1x256xf32>, tensor<256xf32>, tensor<1x7168xbf16>) -> (tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>, tensor<8x7168xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>, tensor<8x7168xbf16>
}

// Clusters of eight CTAs that route eight tokens each; two words of bits for each expert.
func.func @v3_sixty_four(%l: tensor<64x256xf32>, %b: tensor<256xf32>, %t0: tensor<64x7168xbf16>) -> (tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>, tensor<512x7168xbf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l bias %b gather(%t0) schedule <tile = [1, 1], cluster = 8, warps = 8> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<64x256xf32>, tensor<256xf32>, tensor<64x7168xbf16>) -> (tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>, tensor<512x7168xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>, tensor<512x7168xbf16>
}

// Quantised rows: data and scales.
func.func @v3_quantized(%l: tensor<16x256xf32>, %b: tensor<256xf32>, %t0: tensor<16x7168xf8E4M3FN>, %t1: tensor<16x56xf32>) -> (tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>, tensor<128x7168xf8E4M3FN>, tensor<128x56xf32>) {
  %w, %i, %o, %r, %q, %g0, %g1 = kernel.route_tokens %l bias %b gather(%t0, %t1) schedule <tile = [1, 1], cluster = 4, warps = 4> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<16x256xf32>, tensor<256xf32>, tensor<16x7168xf8E4M3FN>, tensor<16x56xf32>) -> (tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>, tensor<128x7168xf8E4M3FN>, tensor<128x56xf32>)
  return %w, %i, %o, %r, %q, %g0, %g1 : tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>, tensor<128x7168xf8E4M3FN>, tensor<128x56xf32>
}

// V2: groups by their best expert; a last cluster with CTAs that store nothing.
func.func @v2(%l: tensor<7x160xf32>, %t0: tensor<7x5120xbf16>) -> (tensor<7x6xf32>, tensor<7x6xi32>, tensor<161xi32>, tensor<7x6xi32>, tensor<42xi32>, tensor<42x5120xbf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l gather(%t0) schedule <tile = [1, 1], cluster = 4, warps = 2> {topK = 6, nGroup = 8, topkGroup = 3, score = #kernel<route_score softmax>, group = #kernel<route_group max>, normalize = false, scale = 2.5}
    : (tensor<7x160xf32>, tensor<7x5120xbf16>) -> (tensor<7x6xf32>, tensor<7x6xi32>, tensor<161xi32>, tensor<7x6xi32>, tensor<42xi32>, tensor<42x5120xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<7x6xf32>, tensor<7x6xi32>, tensor<161xi32>, tensor<7x6xi32>, tensor<42xi32>, tensor<42x5120xbf16>
}

// Without rows one CTA is all; a last word of bits that one token has.
func.func @no_rows(%l: tensor<33x64xf32>) -> (tensor<33x6xf32>, tensor<33x6xi32>, tensor<65xi32>, tensor<33x6xi32>, tensor<198xi32>) {
  %w, %i, %o, %r, %q = kernel.route_tokens %l {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<33x64xf32>) -> (tensor<33x6xf32>, tensor<33x6xi32>, tensor<65xi32>, tensor<33x6xi32>, tensor<198xi32>)
  return %w, %i, %o, %r, %q : tensor<33x6xf32>, tensor<33x6xi32>, tensor<65xi32>, tensor<33x6xi32>, tensor<198xi32>
}

// Rows at odd addresses; fewer experts than lanes, experts that many tokens choose.
func.func @odd(%l: tensor<63x5xf32>, %t0: tensor<63x257xbf16>, %t1: tensor<63x3x7xf32>) -> (tensor<63x3xf32>, tensor<63x3xi32>, tensor<6xi32>, tensor<63x3xi32>, tensor<189xi32>, tensor<189x257xbf16>, tensor<189x3x7xf32>) {
  %w, %i, %o, %r, %q, %g0, %g1 = kernel.route_tokens %l gather(%t0, %t1) schedule <tile = [1, 1], cluster = 8, warps = 4> {topK = 3, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<63x5xf32>, tensor<63x257xbf16>, tensor<63x3x7xf32>) -> (tensor<63x3xf32>, tensor<63x3xi32>, tensor<6xi32>, tensor<63x3xi32>, tensor<189xi32>, tensor<189x257xbf16>, tensor<189x3x7xf32>)
  return %w, %i, %o, %r, %q, %g0, %g1 : tensor<63x3xf32>, tensor<63x3xi32>, tensor<6xi32>, tensor<63x3xi32>, tensor<189xi32>, tensor<189x257xbf16>, tensor<189x3x7xf32>
}

// A last register that one lane has, four words of bits.
func.func @odd_experts(%l: tensor<100x257xf32>, %b: tensor<257xf32>) -> (tensor<100x7xf32>, tensor<100x7xi32>, tensor<258xi32>, tensor<100x7xi32>, tensor<700xi32>) {
  %w, %i, %o, %r, %q = kernel.route_tokens %l bias %b schedule <tile = [1, 1], cluster = 4, warps = 16> {topK = 7, nGroup = 1, topkGroup = 1, score = #kernel<route_score sigmoid>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<100x257xf32>, tensor<257xf32>) -> (tensor<100x7xf32>, tensor<100x7xi32>, tensor<258xi32>, tensor<100x7xi32>, tensor<700xi32>)
  return %w, %i, %o, %r, %q : tensor<100x7xf32>, tensor<100x7xi32>, tensor<258xi32>, tensor<100x7xi32>, tensor<700xi32>
}

// As many experts as fit.
func.func @most_experts(%l: tensor<3x1001xf32>, %t0: tensor<3x16xf16>) -> (tensor<3x8xf32>, tensor<3x8xi32>, tensor<1002xi32>, tensor<3x8xi32>, tensor<24xi32>, tensor<24x16xf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l gather(%t0) {topK = 8, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<3x1001xf32>, tensor<3x16xf16>) -> (tensor<3x8xf32>, tensor<3x8xi32>, tensor<1002xi32>, tensor<3x8xi32>, tensor<24xi32>, tensor<24x16xf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<3x8xf32>, tensor<3x8xi32>, tensor<1002xi32>, tensor<3x8xi32>, tensor<24xi32>, tensor<24x16xf16>
}

// All experts are equal: the lower ones win.
// range: equal.arg0=3:3
func.func @equal(%x: tensor<5x64xi32>, %t0: tensor<5x96xbf16>) -> (tensor<5x6xf32>, tensor<5x6xi32>, tensor<65xi32>, tensor<5x6xi32>, tensor<30xi32>, tensor<30x96xbf16>) {
  %l = kernel.row_fusion rows 5 whole [] (%x) : (tensor<5x64xi32>) -> tensor<5x64xf32> {
  ^bb0(%u: tensor<64xi32>):
    %0 = arith.sitofp %u : tensor<64xi32> to tensor<64xf32>
    %zero = arith.constant dense<0> : tensor<64xi32>
    %1 = arith.cmpi eq, %u, %zero : tensor<64xi32>
    %none = arith.constant dense<0xFF800000> : tensor<64xf32>
    %2 = arith.select %1, %none, %0 : tensor<64xi1>, tensor<64xf32>
    kernel.row_yield %2 : tensor<64xf32>
  }
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l gather(%t0) schedule <tile = [1, 1], cluster = 8, warps = 1> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<5x64xf32>, tensor<5x96xbf16>) -> (tensor<5x6xf32>, tensor<5x6xi32>, tensor<65xi32>, tensor<5x6xi32>, tensor<30xi32>, tensor<30x96xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<5x6xf32>, tensor<5x6xi32>, tensor<65xi32>, tensor<5x6xi32>, tensor<30xi32>, tensor<30x96xbf16>
}

// Ties among experts and groups, masked experts.
// range: ties.arg0=-2:2
// bench: ties --range ties.arg1=0:0
func.func @ties(%x: tensor<16x256xi32>, %b: tensor<256xf32>, %t0: tensor<16x128xbf16>) -> (tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>, tensor<128x128xbf16>) {
  %l = kernel.row_fusion rows 16 whole [] (%x) : (tensor<16x256xi32>) -> tensor<16x256xf32> {
  ^bb0(%u: tensor<256xi32>):
    %0 = arith.sitofp %u : tensor<256xi32> to tensor<256xf32>
    %zero = arith.constant dense<0> : tensor<256xi32>
    %1 = arith.cmpi eq, %u, %zero : tensor<256xi32>
    %none = arith.constant dense<0xFF800000> : tensor<256xf32>
    %2 = arith.select %1, %none, %0 : tensor<256xi1>, tensor<256xf32>
    kernel.row_yield %2 : tensor<256xf32>
  }
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l bias %b gather(%t0) {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<16x256xf32>, tensor<256xf32>, tensor<16x128xbf16>) -> (tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>, tensor<128x128xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>, tensor<128x128xbf16>
}

// More choices than lanes.
func.func @many_choices(%l: tensor<7x80xf32>, %t0: tensor<7x64xbf16>) -> (tensor<7x40xf32>, tensor<7x40xi32>, tensor<81xi32>, tensor<7x40xi32>, tensor<280xi32>, tensor<280x64xbf16>) {
  %w, %i, %o, %r, %q, %g0 = kernel.route_tokens %l gather(%t0) {topK = 40, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = true, scale = 2.5}
    : (tensor<7x80xf32>, tensor<7x64xbf16>) -> (tensor<7x40xf32>, tensor<7x40xi32>, tensor<81xi32>, tensor<7x40xi32>, tensor<280xi32>, tensor<280x64xbf16>)
  return %w, %i, %o, %r, %q, %g0 : tensor<7x40xf32>, tensor<7x40xi32>, tensor<81xi32>, tensor<7x40xi32>, tensor<280xi32>, tensor<280x64xbf16>
}
