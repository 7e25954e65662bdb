// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @gemm_c1(%a: tensor<8x256xbf16>, %b: tensor<2x512x256xbf16>) {
  // expected-error@+1 {{b has 3 dimensions, expected 2}}
  %0 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<2x512x256xbf16> -> tensor<8x512xbf16>
  return
}

// -----

func.func @gemm_c2(%a: tensor<8x256xbf16>, %b: tensor<512x128xbf16>) {
  // expected-error@+1 {{b has shape [512, 128], expected [512, 256]}}
  %0 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x128xbf16> -> tensor<8x512xbf16>
  return
}

// -----

func.func @gemm_c2_heads(%a: tensor<8x4x32xbf16>, %b: tensor<3x64x32xbf16>) {
  // expected-error@+1 {{b has shape [3, 64, 32], expected [4, 64, 32]}}
  %0 = kernel.gemm %a, %b : tensor<8x4x32xbf16>, tensor<3x64x32xbf16> -> tensor<8x4x64xbf16>
  return
}

// -----

func.func @gemm_c2_result(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) {
  // expected-error@+1 {{result has shape [512, 8], expected [8, 512]}}
  %0 = kernel.skinny_gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<512x8xbf16>
  return
}

// -----

func.func @gemm_c3(%a: tensor<8x256xf8E4M3FN>, %b: tensor<512x256xf8E4M3FN>) {
  // expected-error@+1 {{scales must be given exactly if a and b are f8E4M3FN; a is 'f8E4M3FN', b is 'f8E4M3FN', scales are not given}}
  %0 = kernel.gemm %a, %b : tensor<8x256xf8E4M3FN>, tensor<512x256xf8E4M3FN> -> tensor<8x512xbf16>
  return
}

// -----

func.func @gemm_c3_batched(%a: tensor<8x4x128xf8E4M3FN>, %b: tensor<4x128x128xf8E4M3FN>, %s: tensor<8x1xf32>, %t: tensor<1x1xf32>) {
  // expected-error@+1 {{scaled factors must have 2 dimensions, got 3}}
  %0 = kernel.gemm %a, %b scales(%s, %t) : tensor<8x4x128xf8E4M3FN>, tensor<4x128x128xf8E4M3FN> scales(tensor<8x1xf32>, tensor<1x1xf32>) -> tensor<8x4x128xbf16>
  return
}

// -----

func.func @gemm_c4(%a: tensor<8x200xf8E4M3FN>, %b: tensor<512x200xf8E4M3FN>, %s: tensor<8x2xf32>, %t: tensor<512x2xf32>) {
  // expected-error@+1 {{b scales has shape [512, 2], expected [4, 2]}}
  %0 = kernel.gemm %a, %b scales(%s, %t) : tensor<8x200xf8E4M3FN>, tensor<512x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<512x2xf32>) -> tensor<8x512xbf16>
  return
}

// -----

func.func @gemm_c5(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>, %n: tensor<3xi32>) {
  // expected-error@+1 {{the size of rows is 3, which does not divide the rows of a 8}}
  %0 = kernel.gemm %a, %b rows(%n) : tensor<8x256xbf16>, tensor<512x256xbf16> rows(tensor<3xi32>) -> tensor<8x512xbf16>
  return
}

// -----

func.func @gemm_c6(%a: tensor<8x4x32xbf16>, %b: tensor<4x64x32xbf16>) {
  // expected-error@+1 {{a product with an epilogue must have 2 dimensions, got 3}}
  %0 = kernel.gemm %a, %b : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16> epilogue {
  ^bb0(%x: f32):
    kernel.epilogue_yield %x : f32
  }
  return
}

// -----

func.func @gemm_c6_arguments(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) {
  // expected-error@+1 {{the epilogue's arguments are f32 sums, got 'bf16'}}
  %0 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16> epilogue {
  ^bb0(%x: bf16):
    %y = arith.extf %x : bf16 to f32
    kernel.epilogue_yield %y : f32
  }
  return
}

// -----

func.func @gemm_c7(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) {
  // expected-error@+1 {{an epilogue cannot hold 'scf.execute_region'}}
  %0 = kernel.skinny_gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16> epilogue {
  ^bb0(%x: f32):
    // expected-note@+1 {{held here}}
    scf.execute_region {
      scf.yield
    }
    kernel.epilogue_yield %x : f32
  }
  return
}

// -----

func.func @gemm_c8(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) {
  // expected-error@+1 {{result has shape [8, 512], expected [8, 256]}}
  %0 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16> epilogue {
  ^bb0(%x: f32, %y: f32):
    kernel.epilogue_yield %x : f32
  }
  return
}

// -----

func.func @gemm_c8_parts(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) {
  // expected-error@+1 {{the epilogue's 2 parts must divide 449 columns}}
  %0, %1 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x224xbf16> plain tensor<8x63xf32> epilogue {
  ^bb0(%x: f32, %y: f32):
    kernel.epilogue_yield %x : f32
  }
  return
}

// -----

func.func @gemm_c8_plain(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) {
  // expected-error@+1 {{plain is a result of products with an epilogue}}
  %0, %1 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x448xbf16> plain tensor<8x64xf32>
  return
}

// -----

func.func @grouped_gemm_epilogue(%a: tensor<8x256xbf16>, %o: tensor<5xi32>, %b: tensor<4x512x256xbf16>) {
  // expected-error@+1 {{plain has shape [4, 64], expected [8, 64]}}
  %0, %1 = kernel.grouped_gemm %a, %o, %b : tensor<8x256xbf16>, tensor<5xi32>, tensor<4x512x256xbf16> -> tensor<8x448xbf16> plain tensor<4x64xf32> epilogue {
  ^bb0(%x: f32):
    kernel.epilogue_yield %x : f32
  }
  return
}

// -----

func.func @grouped_gemm_c1(%a: tensor<8x256xbf16>, %o: tensor<5xi32>, %b: tensor<4x512x128xbf16>) {
  // expected-error@+1 {{b has shape [4, 512, 128], expected [4, 512, 256]}}
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<8x256xbf16>, tensor<5xi32>, tensor<4x512x128xbf16> -> tensor<8x512xbf16>
  return
}

// -----

func.func @grouped_gemm_c2(%a: tensor<8x256xbf16>, %o: tensor<4xi32>, %b: tensor<4x512x256xbf16>) {
  // expected-error@+1 {{offsets has shape [4], expected [5]}}
  %0 = kernel.grouped_gemm %a, %o, %b : tensor<8x256xbf16>, tensor<4xi32>, tensor<4x512x256xbf16> -> tensor<8x512xbf16>
  return
}

// -----

func.func @grouped_gemm_c3(%a: tensor<8x256xf8E4M3FN>, %o: tensor<5xi32>, %b: tensor<4x512x256xf8E4M3FN>, %s: tensor<8x2xf32>, %t: tensor<4x2xf32>) {
  // expected-error@+1 {{b scales has shape [4, 2], expected [4, 4, 2]}}
  %0 = kernel.grouped_gemm %a, %o, %b scales(%s, %t) : tensor<8x256xf8E4M3FN>, tensor<5xi32>, tensor<4x512x256xf8E4M3FN> scales(tensor<8x2xf32>, tensor<4x2xf32>) -> tensor<8x512xbf16>
  return
}

// -----

func.func @transpose_c1(%x: tensor<4x40x128xbf16>) {
  // expected-error@+1 {{result has shape [40, 4, 128], expected [4, 128, 40]}}
  %0 = kernel.transpose %x : tensor<4x40x128xbf16> -> tensor<40x4x128xbf16>
  return
}

// -----

func.func @block_quantize_c1(%x: tensor<200x130xbf16>) {
  // expected-error@+1 {{scales has shape [200, 2], expected [2, 2]}}
  %d, %s = kernel.block_quantize %x : tensor<200x130xbf16> -> tensor<200x130xf8E4M3FN>, tensor<200x2xf32>
  return
}
