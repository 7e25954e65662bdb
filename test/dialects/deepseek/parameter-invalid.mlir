// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @load_parameter_unknown() {
  // expected-error @+1 {{names @w, which is no deepseek.parameter of this module}}
  %0 = deepseek.load_parameter @w : tensor<8xbf16>
  return
}

// -----

// expected-note @+1 {{parameter declared here}}
deepseek.parameter @w : tensor<16xbf16>
func.func @load_parameter_type() {
  // expected-error @+1 {{has type 'tensor<8xbf16>' but @w is 'tensor<16xbf16>'}}
  %0 = deepseek.load_parameter @w : tensor<8xbf16>
  return
}

// -----

deepseek.parameter @w : tensor<8xbf16>
func.func @store_parameter_not_derived(%x: tensor<8xbf16>) {
  // expected-error @+1 {{stores to @w, which is not derived}}
  deepseek.store_parameter %x, @w : tensor<8xbf16>
  return
}

// -----

func.func @concat_c1(%a: tensor<8x4xbf16>) {
  // expected-error @+1 {{dim must be in [0, 2), got 2}}
  %0 = deepseek.concat %a, %a dim 2 : (tensor<8x4xbf16>, tensor<8x4xbf16>) -> tensor<8x8xbf16>
  return
}

// -----

func.func @concat_c2(%a: tensor<8x4xbf16>, %b: tensor<8x5xbf16>) {
  // expected-error @+1 {{input 1 must be 8x4, got 8x5}}
  %0 = deepseek.concat %a, %b dim 0 : (tensor<8x4xbf16>, tensor<8x5xbf16>) -> tensor<16x4xbf16>
  return
}

// -----

func.func @concat_c3(%a: tensor<8x4xbf16>) {
  // expected-error @+1 {{result must be 16x4, got 8x8}}
  %0 = deepseek.concat %a, %a dim 0 : (tensor<8x4xbf16>, tensor<8x4xbf16>) -> tensor<8x8xbf16>
  return
}

// -----

func.func @stack_c1(%a: tensor<8x4xbf16>, %b: tensor<8x5xbf16>) {
  // expected-error @+1 {{input 1 must be 'tensor<8x4xbf16>' like the first, got 'tensor<8x5xbf16>'}}
  %0 = deepseek.stack %a, %b : (tensor<8x4xbf16>, tensor<8x5xbf16>) -> tensor<2x8x4xbf16>
  return
}

// -----

func.func @stack_c2(%a: tensor<8x4xbf16>) {
  // expected-error @+1 {{result must be 2x8x4, got 3x8x4}}
  %0 = deepseek.stack %a, %a : (tensor<8x4xbf16>, tensor<8x4xbf16>) -> tensor<3x8x4xbf16>
  return
}

// -----

func.func @absorb_key_c1(%w: tensor<256x64xbf16>) {
  // expected-error @+1 {{nope and value must be positive, got 0 and 32}}
  %0 = deepseek.absorb_key %w nope 0 value 32 : tensor<256x64xbf16> -> tensor<4x64x32xbf16>
  return
}

// -----

func.func @absorb_key_c2(%w: tensor<250x64xbf16>) {
  // expected-error @+1 {{the weight's 250 rows must be a multiple of nope + value = 64}}
  %0 = deepseek.absorb_key %w nope 32 value 32 : tensor<250x64xbf16> -> tensor<4x64x32xbf16>
  return
}

// -----

func.func @absorb_key_c3(%w: tensor<256x64xbf16>) {
  // expected-error @+1 {{result must be 4x64x32, got 4x32x64}}
  %0 = deepseek.absorb_key %w nope 32 value 32 : tensor<256x64xbf16> -> tensor<4x32x64xbf16>
  return
}

// -----

func.func @absorb_value_c1(%w: tensor<256x64xbf16>) {
  // expected-error @+1 {{nope and value must be positive, got 32 and -1}}
  %0 = deepseek.absorb_value %w nope 32 value -1 : tensor<256x64xbf16> -> tensor<4x32x64xbf16>
  return
}

// -----

func.func @absorb_value_c2(%w: tensor<250x64xbf16>) {
  // expected-error @+1 {{the weight's 250 rows must be a multiple of nope + value = 64}}
  %0 = deepseek.absorb_value %w nope 32 value 32 : tensor<250x64xbf16> -> tensor<4x32x64xbf16>
  return
}

// -----

func.func @absorb_value_c3(%w: tensor<256x64xbf16>) {
  // expected-error @+1 {{result must be 4x32x64, got 4x64x32}}
  %0 = deepseek.absorb_value %w nope 32 value 32 : tensor<256x64xbf16> -> tensor<4x64x32xbf16>
  return
}
