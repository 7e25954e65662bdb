// RUN: deepseek-opt %s -split-input-file -verify-diagnostics

func.func @all_reduce_c1(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{ranks must be positive, got 0}}
  %r = deepseek.all_reduce %x ranks 0 sum : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @all_gather_c1(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{ranks must be positive, got 0}}
  %r = deepseek.all_gather %x ranks 0 dim 1 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @all_gather_c2(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{dim must be in [0, 2), got 2}}
  %r = deepseek.all_gather %x ranks 4 dim 2 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @reduce_scatter_c1(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{ranks must be positive, got 0}}
  %r = deepseek.reduce_scatter %x ranks 0 sum dim 1 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @reduce_scatter_c2(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{dim must be in [0, 2), got 2}}
  %r = deepseek.reduce_scatter %x ranks 4 sum dim 2 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @all_to_all_c1(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{ranks must be positive, got 0}}
  %r = deepseek.all_to_all %x ranks 0 dim 1 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @all_to_all_c2(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{dim must be in [0, 2), got 2}}
  %r = deepseek.all_to_all %x ranks 4 dim 2 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @all_reduce_c2(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{result must be 'tensor<8x256xbf16>', got 'tensor<8x256xf32>'}}
  %r = deepseek.all_reduce %x ranks 4 sum : tensor<8x256xbf16> -> tensor<8x256xf32>
  return
}

// -----

func.func @all_gather_c3(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{result must be 'tensor<8x1024xbf16>', got 'tensor<8x256xbf16>'}}
  %r = deepseek.all_gather %x ranks 4 dim 1 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @reduce_scatter_c3(%x: tensor<8x255xbf16>) {
  // expected-error @+1 {{dimension 1 of size 255 must be a multiple of the 4 ranks}}
  %r = deepseek.reduce_scatter %x ranks 4 sum dim 1 : tensor<8x255xbf16> -> tensor<8x64xbf16>
  return
}

// -----

func.func @reduce_scatter_c4(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{result must be 'tensor<8x64xbf16>', got 'tensor<8x256xbf16>'}}
  %r = deepseek.reduce_scatter %x ranks 4 sum dim 1 : tensor<8x256xbf16> -> tensor<8x256xbf16>
  return
}

// -----

func.func @all_to_all_c3(%x: tensor<8x255xbf16>) {
  // expected-error @+1 {{dimension 1 of size 255 must be a multiple of the 4 ranks}}
  %r = deepseek.all_to_all %x ranks 4 dim 1 : tensor<8x255xbf16> -> tensor<8x255xbf16>
  return
}

// -----

func.func @all_to_all_c4(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{result must be 'tensor<8x256xbf16>', got 'tensor<8x64xbf16>'}}
  %r = deepseek.all_to_all %x ranks 4 dim 1 : tensor<8x256xbf16> -> tensor<8x64xbf16>
  return
}

// -----

func.func @all_gather_start_result(%x: tensor<8x256xbf16>) {
  // expected-error @+1 {{result must be 'tensor<8x1024xbf16>', got 'tensor<8x256xbf16>'}}
  %r = deepseek.all_gather_start %x ranks 4 dim 1 : tensor<8x256xbf16> -> !deepseek.future<tensor<8x256xbf16>>
  return
}

// -----

func.func @wait_c1(%f: !deepseek.future<tensor<8x256xbf16>>) {
  // expected-error @+1 {{result must be 'tensor<8x256xbf16>', got 'tensor<8x256xf32>'}}
  %r = deepseek.wait %f : !deepseek.future<tensor<8x256xbf16>> -> tensor<8x256xf32>
  return
}
