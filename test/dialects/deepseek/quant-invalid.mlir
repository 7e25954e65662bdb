// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @quantize_c1(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{result must be 8x256, got 8x128}}
  %q = deepseek.quantize %x : tensor<8x256xbf16> -> !deepseek.block_scaled<8x128xf8E4M3FN, 1x128, f32>
  return
}

// -----

func.func @quantize_c2(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{the block must be 1x128 or 128x128, got 1x64}}
  %q = deepseek.quantize %x : tensor<8x256xbf16> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x64, f32>
  return
}

// -----

func.func @dequantize_c1(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) {
  // expected-error @+1 {{result must be 8x256, got 256x8}}
  %q = deepseek.dequantize %x : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> -> tensor<256x8xbf16>
  return
}

// -----

func.func @pack_scaled_c1(%d: tensor<8x255xf8E4M3FN>, %s: tensor<8x2xf32>) {
  // expected-error @+1 {{data must be 'tensor<8x256xf8E4M3FN>', got 'tensor<8x255xf8E4M3FN>'}}
  %q = deepseek.pack_scaled %d, %s : tensor<8x255xf8E4M3FN>, tensor<8x2xf32> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  return
}

// -----

func.func @pack_scaled_c2(%d: tensor<8x300xf8E4M3FN>, %s: tensor<8x2xf32>) {
  // expected-error @+1 {{scales must be 'tensor<8x3xf32>', got 'tensor<8x2xf32>'}}
  %q = deepseek.pack_scaled %d, %s : tensor<8x300xf8E4M3FN>, tensor<8x2xf32> -> !deepseek.block_scaled<8x300xf8E4M3FN, 1x128, f32>
  return
}

// -----

func.func @unpack_scaled_c1(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) {
  // expected-error @+1 {{data must be 'tensor<8x256xf8E4M3FN>', got 'tensor<8x256xbf16>'}}
  %d, %s = deepseek.unpack_scaled %x : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> -> tensor<8x256xbf16>, tensor<8x2xf32>
  return
}

// -----

func.func @unpack_scaled_c2(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) {
  // expected-error @+1 {{scales must be 'tensor<8x2xf32>', got 'tensor<8x1xf32>'}}
  %d, %s = deepseek.unpack_scaled %x : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> -> tensor<8x256xf8E4M3FN>, tensor<8x1xf32>
  return
}

// -----

// expected-error @+1 {{block-scaled element type must be f8E4M3FN, got 'bf16'}}
func.func private @block_scaled_element(!deepseek.block_scaled<8x256xbf16, 1x128, f32>)

// -----

// expected-error @+1 {{scale format must be f32 or ue8m0, got f16}}
func.func private @block_scaled_format(!deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f16>)

// -----

// expected-error @+1 {{block-scaled tensor needs at least 2 dimensions, got 1}}
func.func private @block_scaled_rank(!deepseek.block_scaled<256xf8E4M3FN, 1x128, f32>)
