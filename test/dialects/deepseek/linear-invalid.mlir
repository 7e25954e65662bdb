// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @embedding_c1(%t: tensor<8x1xi32>, %w: tensor<1024x256xbf16>) {
  // expected-error @+1 {{tokens must have rank 1, got 2 (8x1)}}
  %0 = deepseek.embedding %t, %w : tensor<8x1xi32>, tensor<1024x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @embedding_c2(%t: tensor<8xi32>, %w: tensor<1024x256xbf16>) {
  // expected-error @+1 {{result must be 8x256, got 8x128}}
  %0 = deepseek.embedding %t, %w : tensor<8xi32>, tensor<1024x256xbf16> -> tensor<8x128xbf16>
  return
}

// -----

func.func @take_rows_c1(%x: tensor<8x256xbf16>, %r: tensor<2x1xi32>) {
  // expected-error @+1 {{rows must have rank 1, got 2 (2x1)}}
  %0 = deepseek.take_rows %x, %r : tensor<8x256xbf16>, tensor<2x1xi32> -> tensor<2x256xbf16>
  return
}

// -----

func.func @take_rows_c2(%x: tensor<8x256xbf16>, %r: tensor<2xi32>) {
  // expected-error @+1 {{result must have element type 'bf16', got 'f32'}}
  %0 = deepseek.take_rows %x, %r : tensor<8x256xbf16>, tensor<2xi32> -> tensor<2x256xf32>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<8x256xbf16>, %w: tensor<128xbf16>) {
  // expected-error @+1 {{weight must be 256, got 128}}
  %0 = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<128xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @+1 {{result must be 8x256, got 4x256}}
  %0 = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<4x256xbf16>
  return
}

// -----

func.func @rms_norm_c3(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>) {
  // expected-error @+1 {{eps must be finite and not negative, got -1}}
  %0 = deepseek.rms_norm %x, %w eps -1.0 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @layer_norm_c1(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>, %b: tensor<8xbf16>) {
  // expected-error @+1 {{bias must be 256, got 8}}
  %0 = deepseek.layer_norm %x, %w, %b eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16>, tensor<8xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @layer_norm_c2(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>, %b: tensor<256xbf16>) {
  // expected-error @+1 {{result must be 8x256, got 256}}
  %0 = deepseek.layer_norm %x, %w, %b eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16>, tensor<256xbf16> -> tensor<256xbf16>
  return
}

// -----

func.func @layer_norm_c3(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>, %b: tensor<256xbf16>) {
  // expected-error @+1 {{eps must be finite and not negative, got -1}}
  %0 = deepseek.layer_norm %x, %w, %b eps -1.0 : tensor<8x256xbf16>, tensor<256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @linear_c1(%x: tensor<8x256xbf16>, %w: tensor<128x512xbf16>) {
  // expected-error @+1 {{x has 256 input features but the weight expects 512}}
  %0 = deepseek.linear %x, %w : tensor<8x256xbf16>, tensor<128x512xbf16> -> tensor<8x128xbf16>
  return
}

// -----

func.func @linear_c2(%x: tensor<8x256xbf16>, %w: tensor<128x256xbf16>) {
  // expected-error @+1 {{result must be 8x128, got 8x256}}
  %0 = deepseek.linear %x, %w : tensor<8x256xbf16>, tensor<128x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @linear_c3(%x: tensor<8x256xbf16>, %w: !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32>) {
  // expected-error @+1 {{input and weight must both be block-scaled or both plain}}
  %0 = deepseek.linear %x, %w : tensor<8x256xbf16>, !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32> -> tensor<8x128xbf16>
  return
}

// -----

func.func @linear_c4(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, %w: !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, ue8m0>) {
  // expected-error @+1 {{scale formats must agree, got f32 for the input and ue8m0 for the weight}}
  %0 = deepseek.linear %x, %w : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>, !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, ue8m0> -> tensor<8x128xbf16>
  return
}

// -----

func.func @linear_c5(%x: !deepseek.block_scaled<8x256xf8E4M3FN, 1x64, f32>, %w: !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32>) {
  // expected-error @+1 {{blocks must be 1x128 for the input and 128x128 for the weight, got 1x64 and 128x128}}
  %0 = deepseek.linear %x, %w : !deepseek.block_scaled<8x256xf8E4M3FN, 1x64, f32>, !deepseek.block_scaled<128x256xf8E4M3FN, 128x128, f32> -> tensor<8x128xbf16>
  return
}

// -----

func.func @head_linear_c1(%x: tensor<8x128xbf16>, %w: tensor<4x64x32xbf16>) {
  // expected-error @+1 {{x must have rank 3, got 2 (8x128)}}
  %0 = deepseek.head_linear %x, %w : tensor<8x128xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
  return
}

// -----

func.func @head_linear_c2(%x: tensor<8x3x32xbf16>, %w: tensor<4x64x32xbf16>) {
  // expected-error @+1 {{x has 3 heads but the weight has 4}}
  %0 = deepseek.head_linear %x, %w : tensor<8x3x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
  return
}

// -----

func.func @head_linear_c3(%x: tensor<8x4x32xbf16>, %w: tensor<4x64x32xbf16>) {
  // expected-error @+1 {{result must be 8x4x64, got 8x4x32}}
  %0 = deepseek.head_linear %x, %w : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x32xbf16>
  return
}

// -----

func.func @swiglu_c1(%x: tensor<8x256xbf16>, %y: tensor<8x128xbf16>) {
  // expected-error @+1 {{up must be 8x256, got 8x128}}
  %0 = deepseek.swiglu %x, %y : tensor<8x256xbf16>, tensor<8x128xbf16> -> tensor<8x256xbf16>
  return
}
