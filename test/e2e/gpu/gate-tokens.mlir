// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^gate-tokens$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Indices, offsets and rows must be equal, weights to 1e-5.
// Products are small, so that no two scores of random data are closer than the order of f32 sums can tell apart, or of small integers, whose sums are exact.

// One token of V2-Lite: 32 CTAs, the last of which routes.
// bench: one_token --scale one_token.arg1=0.022
func.func @one_token(%x: tensor<1x2048xbf16>, %g: tensor<64x2048xbf16>) -> (tensor<1x6xf32>, tensor<1x6xi32>, tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [1, 16, 256], split = 8, warps = 8> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<1x2048xbf16>, tensor<64x2048xbf16>) -> (tensor<1x6xf32>, tensor<1x6xi32>, tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>)
  return %w, %i, %o, %r, %q : tensor<1x6xf32>, tensor<1x6xi32>, tensor<65xi32>, tensor<1x6xi32>, tensor<6xi32>
}

// V3 as it is: 128 CTAs.
// bench: v3_one_token --scale v3_one_token.arg1=0.012
func.func @v3_one_token(%x: tensor<1x7168xbf16>, %g: tensor<256x7168xbf16>, %b: tensor<256xf32>) -> (tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g bias %b schedule <tile = [1, 16, 896], split = 8, warps = 14> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<1x7168xbf16>, tensor<256x7168xbf16>, tensor<256xf32>) -> (tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>)
  return %w, %i, %o, %r, %q : tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>
}

// Eight tokens in one CTA, compared with one another.
// bench: v3_eight --scale v3_eight.arg1=0.012
func.func @v3_eight(%x: tensor<8x7168xbf16>, %g: tensor<256x7168xbf16>, %b: tensor<256xf32>) -> (tensor<8x8xf32>, tensor<8x8xi32>, tensor<257xi32>, tensor<8x8xi32>, tensor<64xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g bias %b schedule <tile = [8, 16, 896], split = 8, warps = 14> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<8x7168xbf16>, tensor<256x7168xbf16>, tensor<256xf32>) -> (tensor<8x8xf32>, tensor<8x8xi32>, tensor<257xi32>, tensor<8x8xi32>, tensor<64xi32>)
  return %w, %i, %o, %r, %q : tensor<8x8xf32>, tensor<8x8xi32>, tensor<257xi32>, tensor<8x8xi32>, tensor<64xi32>
}

// Two routing CTAs, the second with fewer tokens; tokens past the last tile of eight.
// bench: v3_nine --scale v3_nine.arg1=0.044
func.func @v3_nine(%x: tensor<9x512xbf16>, %g: tensor<256x512xbf16>, %b: tensor<256xf32>) -> (tensor<9x8xf32>, tensor<9x8xi32>, tensor<257xi32>, tensor<9x8xi32>, tensor<72xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g bias %b schedule <tile = [5, 16, 256], split = 2, warps = 8> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<9x512xbf16>, tensor<256x512xbf16>, tensor<256xf32>) -> (tensor<9x8xf32>, tensor<9x8xi32>, tensor<257xi32>, tensor<9x8xi32>, tensor<72xi32>)
  return %w, %i, %o, %r, %q : tensor<9x8xf32>, tensor<9x8xi32>, tensor<257xi32>, tensor<9x8xi32>, tensor<72xi32>
}

// A routing CTA for each token: choices are exchanged.
// bench: v3_sixty_four --scale v3_sixty_four.arg1=0.031
func.func @v3_sixty_four(%x: tensor<64x1024xbf16>, %g: tensor<256x1024xbf16>, %b: tensor<256xf32>) -> (tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g bias %b schedule <tile = [1, 32, 128], split = 8, warps = 4> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<64x1024xbf16>, tensor<256x1024xbf16>, tensor<256xf32>) -> (tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>)
  return %w, %i, %o, %r, %q : tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>
}

// V2: groups by their best expert; the last part of K ends early.
// bench: v2 --scale v2.arg1=0.014
func.func @v2(%x: tensor<7x5120xbf16>, %g: tensor<160x5120xbf16>) -> (tensor<7x6xf32>, tensor<7x6xi32>, tensor<161xi32>, tensor<7x6xi32>, tensor<42xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [7, 16, 416], split = 13, warps = 13> {topK = 6, nGroup = 8, topkGroup = 3, score = #kernel<route_score softmax>, group = #kernel<route_group max>, normalize = false, scale = 2.5}
    : (tensor<7x5120xbf16>, tensor<160x5120xbf16>) -> (tensor<7x6xf32>, tensor<7x6xi32>, tensor<161xi32>, tensor<7x6xi32>, tensor<42xi32>)
  return %w, %i, %o, %r, %q : tensor<7x6xf32>, tensor<7x6xi32>, tensor<161xi32>, tensor<7x6xi32>, tensor<42xi32>
}

// Five lanes' experts at a time, several tokens in each routing CTA, the last one with fewer.
// bench: v2_many --scale v2_many.arg1=0.040
func.func @v2_many(%x: tensor<40x640xbf16>, %g: tensor<160x640xbf16>) -> (tensor<40x6xf32>, tensor<40x6xi32>, tensor<161xi32>, tensor<40x6xi32>, tensor<240xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [3, 32, 128], split = 5, warps = 4> {topK = 6, nGroup = 8, topkGroup = 3, score = #kernel<route_score softmax>, group = #kernel<route_group max>, normalize = false, scale = 2.5}
    : (tensor<40x640xbf16>, tensor<160x640xbf16>) -> (tensor<40x6xf32>, tensor<40x6xi32>, tensor<161xi32>, tensor<40x6xi32>, tensor<240xi32>)
  return %w, %i, %o, %r, %q : tensor<40x6xf32>, tensor<40x6xi32>, tensor<161xi32>, tensor<40x6xi32>, tensor<240xi32>
}

// One CTA routes 16 tokens; sets of tokens.
// bench: lite_sixteen --scale lite_sixteen.arg1=0.022
func.func @lite_sixteen(%x: tensor<16x2048xbf16>, %g: tensor<64x2048xbf16>) -> (tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [16, 16, 512], split = 4, warps = 16> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<16x2048xbf16>, tensor<64x2048xbf16>) -> (tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>)
  return %w, %i, %o, %r, %q : tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>
}

// Two tokens in each routing CTA.
// bench: lite_sixty_four --scale lite_sixty_four.arg1=0.022
func.func @lite_sixty_four(%x: tensor<64x2048xbf16>, %g: tensor<64x2048xbf16>) -> (tensor<64x6xf32>, tensor<64x6xi32>, tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [2, 16, 256], split = 8, warps = 8> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<64x2048xbf16>, tensor<64x2048xbf16>) -> (tensor<64x6xf32>, tensor<64x6xi32>, tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>)
  return %w, %i, %o, %r, %q : tensor<64x6xf32>, tensor<64x6xi32>, tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>
}

// A row that ends inside a chunk, one warp.
// bench: odd_channels --scale odd_channels.arg1=0.071
func.func @odd_channels(%x: tensor<3x200xbf16>, %g: tensor<64x200xbf16>) -> (tensor<3x6xf32>, tensor<3x6xi32>, tensor<65xi32>, tensor<3x6xi32>, tensor<18xi32>) {
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [1, 16, 64], split = 4, warps = 1> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<3x200xbf16>, tensor<64x200xbf16>) -> (tensor<3x6xf32>, tensor<3x6xi32>, tensor<65xi32>, tensor<3x6xi32>, tensor<18xi32>)
  return %w, %i, %o, %r, %q : tensor<3x6xf32>, tensor<3x6xi32>, tensor<65xi32>, tensor<3x6xi32>, tensor<18xi32>
}

// All experts are equal: the lower ones win.
// range: equal.arg0=0:0 equal.arg1=-2:2
func.func @equal(%xi: tensor<5x64xi32>, %gi: tensor<64x64xi32>) -> (tensor<5x6xf32>, tensor<5x6xi32>, tensor<65xi32>, tensor<5x6xi32>, tensor<30xi32>) {
  %x = kernel.row_fusion rows 5 whole [] (%xi) : (tensor<5x64xi32>) -> tensor<5x64xbf16> {
  ^bb0(%u: tensor<64xi32>):
    %n = arith.sitofp %u : tensor<64xi32> to tensor<64xf32>
    %half = arith.constant dense<0.5> : tensor<64xf32>
    %0 = arith.mulf %n, %half : tensor<64xf32>
    %t = arith.truncf %0 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %t : tensor<64xbf16>
  }
  %g = kernel.row_fusion rows 64 whole [] (%gi) : (tensor<64x64xi32>) -> tensor<64x64xbf16> {
  ^bb0(%u: tensor<64xi32>):
    %n = arith.sitofp %u : tensor<64xi32> to tensor<64xf32>
    %half = arith.constant dense<0.5> : tensor<64xf32>
    %0 = arith.mulf %n, %half : tensor<64xf32>
    %t = arith.truncf %0 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %t : tensor<64xbf16>
  }
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [5, 16, 64], split = 1, warps = 5> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<5x64xbf16>, tensor<64x64xbf16>) -> (tensor<5x6xf32>, tensor<5x6xi32>, tensor<65xi32>, tensor<5x6xi32>, tensor<30xi32>)
  return %w, %i, %o, %r, %q : tensor<5x6xf32>, tensor<5x6xi32>, tensor<65xi32>, tensor<5x6xi32>, tensor<30xi32>
}

// Equal groups, too.
// range: equal_groups.arg0=1:1 equal_groups.arg1=1:1

// bench: equal_groups --range equal_groups.arg2=0:0
func.func @equal_groups(%xi: tensor<9x64xi32>, %gi: tensor<256x64xi32>, %b: tensor<256xf32>) -> (tensor<9x8xf32>, tensor<9x8xi32>, tensor<257xi32>, tensor<9x8xi32>, tensor<72xi32>) {
  %x = kernel.row_fusion rows 9 whole [] (%xi) : (tensor<9x64xi32>) -> tensor<9x64xbf16> {
  ^bb0(%u: tensor<64xi32>):
    %n = arith.sitofp %u : tensor<64xi32> to tensor<64xf32>
    %half = arith.constant dense<0.5> : tensor<64xf32>
    %0 = arith.mulf %n, %half : tensor<64xf32>
    %t = arith.truncf %0 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %t : tensor<64xbf16>
  }
  %g = kernel.row_fusion rows 256 whole [] (%gi) : (tensor<256x64xi32>) -> tensor<256x64xbf16> {
  ^bb0(%u: tensor<64xi32>):
    %n = arith.sitofp %u : tensor<64xi32> to tensor<64xf32>
    %half = arith.constant dense<0.5> : tensor<64xf32>
    %0 = arith.mulf %n, %half : tensor<64xf32>
    %t = arith.truncf %0 : tensor<64xf32> to tensor<64xbf16>
    kernel.row_yield %t : tensor<64xbf16>
  }
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g bias %b schedule <tile = [1, 16, 64], split = 1, warps = 2> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<9x64xbf16>, tensor<256x64xbf16>, tensor<256xf32>) -> (tensor<9x8xf32>, tensor<9x8xi32>, tensor<257xi32>, tensor<9x8xi32>, tensor<72xi32>)
  return %w, %i, %o, %r, %q : tensor<9x8xf32>, tensor<9x8xi32>, tensor<257xi32>, tensor<9x8xi32>, tensor<72xi32>
}

// Ties among experts and groups.
// range: ties.arg0=-1:1 ties.arg1=-1:1

// bench: ties --range ties.arg2=0:0
func.func @ties(%xi: tensor<16x16xi32>, %gi: tensor<256x16xi32>, %b: tensor<256xf32>) -> (tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>) {
  %x = kernel.row_fusion rows 16 whole [] (%xi) : (tensor<16x16xi32>) -> tensor<16x16xbf16> {
  ^bb0(%u: tensor<16xi32>):
    %n = arith.sitofp %u : tensor<16xi32> to tensor<16xf32>
    %half = arith.constant dense<0.5> : tensor<16xf32>
    %0 = arith.mulf %n, %half : tensor<16xf32>
    %t = arith.truncf %0 : tensor<16xf32> to tensor<16xbf16>
    kernel.row_yield %t : tensor<16xbf16>
  }
  %g = kernel.row_fusion rows 256 whole [] (%gi) : (tensor<256x16xi32>) -> tensor<256x16xbf16> {
  ^bb0(%u: tensor<16xi32>):
    %n = arith.sitofp %u : tensor<16xi32> to tensor<16xf32>
    %half = arith.constant dense<0.5> : tensor<16xf32>
    %0 = arith.mulf %n, %half : tensor<16xf32>
    %t = arith.truncf %0 : tensor<16xf32> to tensor<16xbf16>
    kernel.row_yield %t : tensor<16xbf16>
  }
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g bias %b schedule <tile = [1, 16, 32], split = 1, warps = 1> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
    : (tensor<16x16xbf16>, tensor<256x16xbf16>, tensor<256xf32>) -> (tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>)
  return %w, %i, %o, %r, %q : tensor<16x8xf32>, tensor<16x8xi32>, tensor<257xi32>, tensor<16x8xi32>, tensor<128xi32>
}

// Logits of -inf.
// range: masked.arg0=1:2 masked.arg1=-4:4
func.func @masked(%xi: tensor<8x8xi32>, %gi: tensor<64x8xi32>) -> (tensor<8x6xf32>, tensor<8x6xi32>, tensor<65xi32>, tensor<8x6xi32>, tensor<48xi32>) {
  %x = kernel.row_fusion rows 8 whole [] (%xi) : (tensor<8x8xi32>) -> tensor<8x8xbf16> {
  ^bb0(%u: tensor<8xi32>):
    %n = arith.sitofp %u : tensor<8xi32> to tensor<8xf32>
    %half = arith.constant dense<0.5> : tensor<8xf32>
    %0 = arith.mulf %n, %half : tensor<8xf32>
    %t = arith.truncf %0 : tensor<8xf32> to tensor<8xbf16>
    kernel.row_yield %t : tensor<8xbf16>
  }
  %g = kernel.row_fusion rows 64 whole [] (%gi) : (tensor<64x8xi32>) -> tensor<64x8xbf16> {
  ^bb0(%u: tensor<8xi32>):
    %n = arith.sitofp %u : tensor<8xi32> to tensor<8xf32>
    %half = arith.constant dense<0.5> : tensor<8xf32>
    %0 = arith.mulf %n, %half : tensor<8xf32>
    %last = arith.constant dense<4> : tensor<8xi32>
    %1 = arith.cmpi eq, %u, %last : tensor<8xi32>
    %none = arith.constant dense<0xFF800000> : tensor<8xf32>
    %2 = arith.select %1, %none, %0 : tensor<8xi1>, tensor<8xf32>
    %t = arith.truncf %2 : tensor<8xf32> to tensor<8xbf16>
    kernel.row_yield %t : tensor<8xbf16>
  }
  %w, %i, %o, %r, %q = kernel.gate_tokens %x, %g schedule <tile = [8, 16, 32], split = 1, warps = 8> {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 2.5}
    : (tensor<8x8xbf16>, tensor<64x8xbf16>) -> (tensor<8x6xf32>, tensor<8x6xi32>, tensor<65xi32>, tensor<8x6xi32>, tensor<48xi32>)
  return %w, %i, %o, %r, %q : tensor<8x6xf32>, tensor<8x6xi32>, tensor<65xi32>, tensor<8x6xi32>, tensor<48xi32>
}
