// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^gemm-epilogue$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Epilogues of every family of products: whole tiles,
// then rows, columns of a part, columns before the parts and K off the tile.

func.func @stream_one_row(%a: tensor<1x2048xbf16>, %b: tensor<2816x2048xbf16>) -> tensor<1x1408xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 12, split = 1, warps = 5> : tensor<1x2048xbf16>, tensor<2816x2048xbf16> -> tensor<1x1408xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<1x1408xbf16>
}

func.func @stream_plain_first(%a: tensor<1x512xbf16>, %b: tensor<768x512xbf16>) -> (tensor<1x352xbf16>, tensor<1x64xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 6, split = 1, warps = 5> : tensor<1x512xbf16>, tensor<768x512xbf16> -> tensor<1x352xbf16> plain tensor<1x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<1x352xbf16>, tensor<1x64xf32>
}

func.func @stream_split(%a: tensor<16x2048xbf16>, %b: tensor<576x2048xbf16>) -> (tensor<16x256xbf16>, tensor<16x64xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [16, 64, 64], stages = 6, split = 4, warps = 5> : tensor<16x2048xbf16>, tensor<576x2048xbf16> -> tensor<16x256xbf16> plain tensor<16x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<16x256xbf16>, tensor<16x64xf32>
}

func.func @stream_tails(%a: tensor<23x328xbf16>, %b: tensor<320x328xbf16>) -> (tensor<23x150xf32>, tensor<23x20xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [24, 64, 64], stages = 4, split = 1, warps = 5> : tensor<23x328xbf16>, tensor<320x328xbf16> -> tensor<23x150xf32> plain tensor<23x20xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<23x150xf32>, tensor<23x20xf32>
}

func.func @stream_odd_columns(%a: tensor<5x136xbf16>, %b: tensor<69x136xbf16>) -> (tensor<5x33xbf16>, tensor<5x3xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 4, split = 1, warps = 5> : tensor<5x136xbf16>, tensor<69x136xbf16> -> tensor<5x33xbf16> plain tensor<5x3xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<5x33xbf16>, tensor<5x3xf32>
}

func.func @stream_two_warpgroups(%a: tensor<9x512xbf16>, %b: tensor<416x512xbf16>) -> (tensor<9x176xbf16>, tensor<9x64xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [16, 128, 64], stages = 4, split = 1, warps = 9> : tensor<9x512xbf16>, tensor<416x512xbf16> -> tensor<9x176xbf16> plain tensor<9x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<9x176xbf16>, tensor<9x64xf32>
}

func.func @stream_elementwise(%a: tensor<7x512xbf16>, %b: tensor<272x512xbf16>) -> tensor<7x272xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 4, split = 1, warps = 5> : tensor<7x512xbf16>, tensor<272x512xbf16> -> tensor<7x272xbf16> epilogue {
  ^bb0(%x: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %x : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %y = arith.divf %x, %d : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<7x272xbf16>
}

func.func @stream_four_parts(%a: tensor<7x512xbf16>, %b: tensor<288x512xbf16>) -> tensor<7x72xbf16> {
  %0 = kernel.skinny_gemm %a, %b schedule <tile = [8, 64, 64], stages = 4, split = 1, warps = 5> : tensor<7x512xbf16>, tensor<288x512xbf16> -> tensor<7x72xbf16> epilogue {
  ^bb0(%a0: f32, %a1: f32, %a2: f32, %a3: f32):
    %p = arith.mulf %a0, %a1 : f32
    %q = arith.maximumf %a2, %a3 : f32
    %y = arith.subf %p, %q : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<7x72xbf16>
}

func.func @stream_row_tiles(%a: tensor<70x256xbf16>, %b: tensor<256x256xbf16>) -> (tensor<70x96xbf16>, tensor<70x64xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [40, 64, 64], stages = 4, split = 1, warps = 5> : tensor<70x256xbf16>, tensor<256x256xbf16> -> tensor<70x96xbf16> plain tensor<70x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<70x96xbf16>, tensor<70x64xf32>
}

func.func @stream_fp8(%a: tensor<16x512xf8E4M3FN>, %b: tensor<512x512xf8E4M3FN>, %sa: tensor<16x4xf32>, %sb: tensor<4x4xf32>) -> tensor<16x256xbf16> {
  %0 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [16, 64, 128], stages = 4, split = 1, warps = 6> : tensor<16x512xf8E4M3FN>, tensor<512x512xf8E4M3FN> scales(tensor<16x4xf32>, tensor<4x4xf32>) -> tensor<16x256xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<16x256xbf16>
}

func.func @stream_fp8_plain_first(%a: tensor<9x400xf8E4M3FN>, %b: tensor<384x400xf8E4M3FN>, %sa: tensor<9x4xf32>, %sb: tensor<3x4xf32>) -> (tensor<9x160xbf16>, tensor<9x64xbf16>) {
  %0, %1 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [16, 64, 128], stages = 3, split = 2, warps = 6> : tensor<9x400xf8E4M3FN>, tensor<384x400xf8E4M3FN> scales(tensor<9x4xf32>, tensor<3x4xf32>) -> tensor<9x160xbf16> plain tensor<9x64xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<9x160xbf16>, tensor<9x64xbf16>
}

func.func @direct(%a: tensor<3x512xbf16>, %b: tensor<240x512xbf16>) -> (tensor<3x112xbf16>, tensor<3x16xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b schedule <tile = [8, 16, 512], warps = 4> : tensor<3x512xbf16>, tensor<240x512xbf16> -> tensor<3x112xbf16> plain tensor<3x16xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<3x112xbf16>, tensor<3x16xf32>
}

func.func @direct_odd(%a: tensor<17x97xbf16>, %b: tensor<65x97xbf16>) -> (tensor<17x29xf32>, tensor<17x7xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b : tensor<17x97xbf16>, tensor<65x97xbf16> -> tensor<17x29xf32> plain tensor<17x7xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<17x29xf32>, tensor<17x7xf32>
}

func.func @direct_elementwise(%a: tensor<5x97xbf16>, %b: tensor<19x97xbf16>) -> tensor<5x19xbf16> {
  %0 = kernel.skinny_gemm %a, %b : tensor<5x97xbf16>, tensor<19x97xbf16> -> tensor<5x19xbf16> epilogue {
  ^bb0(%x: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %x : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %y = arith.divf %x, %d : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<5x19xbf16>
}

func.func @direct_fp8(%a: tensor<9x200xf8E4M3FN>, %b: tensor<272x200xf8E4M3FN>, %sa: tensor<9x2xf32>, %sb: tensor<3x2xf32>) -> (tensor<9x128xbf16>, tensor<9x16xf32>) {
  %0, %1 = kernel.skinny_gemm %a, %b scales(%sa, %sb) schedule <tile = [16, 16, 200], warps = 8> : tensor<9x200xf8E4M3FN>, tensor<272x200xf8E4M3FN> scales(tensor<9x2xf32>, tensor<3x2xf32>) -> tensor<9x128xbf16> plain tensor<9x16xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<9x128xbf16>, tensor<9x16xf32>
}

func.func @chosen_one_row(%a: tensor<1x2048xbf16>, %b: tensor<5696x2048xbf16>) -> (tensor<1x2816xbf16>, tensor<1x64xf32>) {
  %0, %1 = kernel.gemm %a, %b : tensor<1x2048xbf16>, tensor<5696x2048xbf16> -> tensor<1x2816xbf16> plain tensor<1x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<1x2816xbf16>, tensor<1x64xf32>
}

func.func @chosen_fp8(%a: tensor<64x1024xf8E4M3FN>, %b: tensor<1024x1024xf8E4M3FN>, %sa: tensor<64x8xf32>, %sb: tensor<8x8xf32>) -> tensor<64x512xbf16> {
  %0 = kernel.gemm %a, %b scales(%sa, %sb) : tensor<64x1024xf8E4M3FN>, tensor<1024x1024xf8E4M3FN> scales(tensor<64x8xf32>, tensor<8x8xf32>) -> tensor<64x512xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<64x512xbf16>
}

// range: groups.arg1=0:15
func.func @groups(%a: tensor<48x256xbf16>, %i: tensor<8x6xi32>, %b: tensor<16x352x256xbf16>) -> tensor<48x176xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 16 : tensor<8x6xi32> -> tensor<17xi32>, tensor<8x6xi32>, tensor<48xi32>
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<48x256xbf16>, tensor<17xi32>, tensor<16x352x256xbf16> -> tensor<48x176xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    %b16 = arith.truncf %y : f32 to bf16
    %y16 = arith.extf %b16 : bf16 to f32
    kernel.epilogue_yield %y16 : f32
  }
  return %0 : tensor<48x176xbf16>
}

// range: groups_tails.arg1=0:4
func.func @groups_tails(%a: tensor<50x136xbf16>, %i: tensor<25x2xi32>, %b: tensor<5x160x136xbf16>) -> (tensor<50x75xf32>, tensor<50x10xf32>) {
  %o, %r, %t = kernel.sort_tokens %i groups 5 : tensor<25x2xi32> -> tensor<6xi32>, tensor<25x2xi32>, tensor<50xi32>
  %0, %1 = kernel.grouped_gemm %a, %o, %b : tensor<50x136xbf16>, tensor<6xi32>, tensor<5x160x136xbf16> -> tensor<50x75xf32> plain tensor<50x10xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0, %1 : tensor<50x75xf32>, tensor<50x10xf32>
}

// range: groups_fp8.arg1=0:7
func.func @groups_fp8(%a: tensor<48x400xf8E4M3FN>, %i: tensor<12x4xi32>, %b: tensor<8x320x400xf8E4M3FN>, %sa: tensor<48x4xf32>, %sb: tensor<8x3x4xf32>) -> tensor<48x160xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 8 : tensor<12x4xi32> -> tensor<9xi32>, tensor<12x4xi32>, tensor<48xi32>
  %0 = kernel.grouped_gemm %a, %o, %b scales(%sa, %sb) : tensor<48x400xf8E4M3FN>, tensor<9xi32>, tensor<8x320x400xf8E4M3FN> scales(tensor<48x4xf32>, tensor<8x3x4xf32>) -> tensor<48x160xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<48x160xbf16>
}

// range: groups_direct.arg1=0:2
func.func @groups_direct(%a: tensor<18x97xbf16>, %i: tensor<9x2xi32>, %b: tensor<3x42x97xbf16>) -> tensor<18x21xbf16> {
  %o, %r, %t = kernel.sort_tokens %i groups 3 : tensor<9x2xi32> -> tensor<4xi32>, tensor<9x2xi32>, tensor<18xi32>
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<18x97xbf16>, tensor<4xi32>, tensor<3x42x97xbf16> -> tensor<18x21xbf16> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %one = arith.constant 1.0 : f32
    %n = arith.negf %gate : f32
    %e = math.exp %n : f32
    %d = arith.addf %e, %one : f32
    %s = arith.divf %gate, %d : f32
    %y = arith.mulf %s, %up : f32
    kernel.epilogue_yield %y : f32
  }
  return %0 : tensor<18x21xbf16>
}
