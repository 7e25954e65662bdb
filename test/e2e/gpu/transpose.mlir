// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^transpose$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Nothing is computed: results must be equal.

// Whole tiles, two elements at a time on both sides.
// bench: whole_tiles --tolerance 1e-12
func.func @whole_tiles(%x: tensor<128x512xbf16>) -> tensor<512x128xbf16> {
  %y = kernel.transpose %x : tensor<128x512xbf16> -> tensor<512x128xbf16>
  return %y : tensor<512x128xbf16>
}

// bench: tails --tolerance 1e-12
func.func @tails(%x: tensor<96x80xbf16>) -> tensor<80x96xbf16> {
  %y = kernel.transpose %x : tensor<96x80xbf16> -> tensor<80x96xbf16>
  return %y : tensor<80x96xbf16>
}

// Rows at odd addresses on one side, then on both.
// bench: odd_rows --tolerance 1e-12
func.func @odd_rows(%x: tensor<257x64xbf16>) -> tensor<64x257xbf16> {
  %y = kernel.transpose %x : tensor<257x64xbf16> -> tensor<64x257xbf16>
  return %y : tensor<64x257xbf16>
}

// bench: odd --tolerance 1e-12
func.func @odd(%x: tensor<257x1001xbf16>) -> tensor<1001x257xbf16> {
  %y = kernel.transpose %x : tensor<257x1001xbf16> -> tensor<1001x257xbf16>
  return %y : tensor<1001x257xbf16>
}

// bench: one_row --tolerance 1e-12
func.func @one_row(%x: tensor<1x1001xbf16>) -> tensor<1001x1xbf16> {
  %y = kernel.transpose %x : tensor<1x1001xbf16> -> tensor<1001x1xbf16>
  return %y : tensor<1001x1xbf16>
}

// bench: one_column --tolerance 1e-12
func.func @one_column(%x: tensor<100x1xbf16>) -> tensor<1x100xbf16> {
  %y = kernel.transpose %x : tensor<100x1xbf16> -> tensor<1x100xbf16>
  return %y : tensor<1x100xbf16>
}

// bench: f32 --tolerance 1e-12
func.func @f32(%x: tensor<100x257xf32>) -> tensor<257x100xf32> {
  %y = kernel.transpose %x : tensor<100x257xf32> -> tensor<257x100xf32>
  return %y : tensor<257x100xf32>
}

// bench: f16 --tolerance 1e-12
func.func @f16(%x: tensor<7x96xf16>) -> tensor<96x7xf16> {
  %y = kernel.transpose %x : tensor<7x96xf16> -> tensor<96x7xf16>
  return %y : tensor<96x7xf16>
}

// Four elements at a time; two; one.
// bench: fp8 --tolerance 1e-12
func.func @fp8(%x: tensor<256x384xf8E4M3FN>) -> tensor<384x256xf8E4M3FN> {
  %y = kernel.transpose %x : tensor<256x384xf8E4M3FN> -> tensor<384x256xf8E4M3FN>
  return %y : tensor<384x256xf8E4M3FN>
}

// bench: fp8_pairs --tolerance 1e-12
func.func @fp8_pairs(%x: tensor<66x130xf8E4M3FN>) -> tensor<130x66xf8E4M3FN> {
  %y = kernel.transpose %x : tensor<66x130xf8E4M3FN> -> tensor<130x66xf8E4M3FN>
  return %y : tensor<130x66xf8E4M3FN>
}

// bench: fp8_odd --tolerance 1e-12
func.func @fp8_odd(%x: tensor<77x1001xf8E4M3FN>) -> tensor<1001x77xf8E4M3FN> {
  %y = kernel.transpose %x : tensor<77x1001xf8E4M3FN> -> tensor<1001x77xf8E4M3FN>
  return %y : tensor<1001x77xf8E4M3FN>
}

// A matrix for each head.
// bench: heads --tolerance 1e-12
func.func @heads(%x: tensor<16x128x512xbf16>) -> tensor<16x512x128xbf16> {
  %y = kernel.transpose %x : tensor<16x128x512xbf16> -> tensor<16x512x128xbf16>
  return %y : tensor<16x512x128xbf16>
}

// bench: odd_heads --tolerance 1e-12
func.func @odd_heads(%x: tensor<3x33x80xbf16>) -> tensor<3x80x33xbf16> {
  %y = kernel.transpose %x : tensor<3x33x80xbf16> -> tensor<3x80x33xbf16>
  return %y : tensor<3x80x33xbf16>
}

// bench: odd_heads_fp8 --tolerance 1e-12
func.func @odd_heads_fp8(%x: tensor<5x7x13xf8E4M3FN>) -> tensor<5x13x7xf8E4M3FN> {
  %y = kernel.transpose %x : tensor<5x7x13xf8E4M3FN> -> tensor<5x13x7xf8E4M3FN>
  return %y : tensor<5x13x7xf8E4M3FN>
}

// One of two matrices that a projection interleaves for each head.
// bench: slices --tolerance 1e-12
func.func @slices(%x: tensor<3x256x512xbf16>) -> tensor<3x512x128xbf16> {
  %s = tensor.extract_slice %x[0, 128, 0] [3, 128, 512] [1, 1, 1] : tensor<3x256x512xbf16> to tensor<3x128x512xbf16>
  %y = kernel.transpose %s : tensor<3x128x512xbf16> -> tensor<3x512x128xbf16>
  return %y : tensor<3x512x128xbf16>
}

// A slice that begins at an odd address.
// bench: odd_slice --tolerance 1e-12
func.func @odd_slice(%x: tensor<96x300xbf16>) -> tensor<128x96xbf16> {
  %s = tensor.extract_slice %x[0, 3] [96, 128] [1, 1] : tensor<96x300xbf16> to tensor<96x128xbf16>
  %y = kernel.transpose %s : tensor<96x128xbf16> -> tensor<128x96xbf16>
  return %y : tensor<128x96xbf16>
}
