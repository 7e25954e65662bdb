// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^block-quantize$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Divisions and one rounding: results must be equal.

// Whole blocks.
// bench: whole_blocks --tolerance 1e-12
func.func @whole_blocks(%x: tensor<256x512xbf16>) -> (tensor<256x512xf8E4M3FN>, tensor<2x4xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<256x512xbf16> -> tensor<256x512xf8E4M3FN>, tensor<2x4xf32>
  return %d, %s : tensor<256x512xf8E4M3FN>, tensor<2x4xf32>
}

// Partial blocks below, to the right, both; a block of one element.
// bench: tails --tolerance 1e-12
func.func @tails(%x: tensor<300x1408xbf16>) -> (tensor<300x1408xf8E4M3FN>, tensor<3x11xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<300x1408xbf16> -> tensor<300x1408xf8E4M3FN>, tensor<3x11xf32>
  return %d, %s : tensor<300x1408xf8E4M3FN>, tensor<3x11xf32>
}

// bench: odd --tolerance 1e-12
func.func @odd(%x: tensor<257x1001xbf16>) -> (tensor<257x1001xf8E4M3FN>, tensor<3x8xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<257x1001xbf16> -> tensor<257x1001xf8E4M3FN>, tensor<3x8xf32>
  return %d, %s : tensor<257x1001xf8E4M3FN>, tensor<3x8xf32>
}

// bench: one_element_more --tolerance 1e-12
func.func @one_element_more(%x: tensor<129x129xbf16>) -> (tensor<129x129xf8E4M3FN>, tensor<2x2xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<129x129xbf16> -> tensor<129x129xf8E4M3FN>, tensor<2x2xf32>
  return %d, %s : tensor<129x129xf8E4M3FN>, tensor<2x2xf32>
}

// bench: small --tolerance 1e-12
func.func @small(%x: tensor<3x80xbf16>) -> (tensor<3x80xf8E4M3FN>, tensor<1x1xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<3x80xbf16> -> tensor<3x80xf8E4M3FN>, tensor<1x1xf32>
  return %d, %s : tensor<3x80xf8E4M3FN>, tensor<1x1xf32>
}

// bench: one_row --tolerance 1e-12
func.func @one_row(%x: tensor<1x257xbf16>) -> (tensor<1x257xf8E4M3FN>, tensor<1x3xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<1x257xbf16> -> tensor<1x257xf8E4M3FN>, tensor<1x3xf32>
  return %d, %s : tensor<1x257xf8E4M3FN>, tensor<1x3xf32>
}

// Scales that are powers of two.
// bench: ue8m0 --tolerance 1e-12
func.func @ue8m0(%x: tensor<256x384xbf16>) -> (tensor<256x384xf8E4M3FN>, tensor<2x3xf32>) {
  %d, %s = kernel.block_quantize %x power_of_two : tensor<256x384xbf16> -> tensor<256x384xf8E4M3FN>, tensor<2x3xf32>
  return %d, %s : tensor<256x384xf8E4M3FN>, tensor<2x3xf32>
}

// bench: ue8m0_odd --tolerance 1e-12
func.func @ue8m0_odd(%x: tensor<100x257xbf16>) -> (tensor<100x257xf8E4M3FN>, tensor<1x3xf32>) {
  %d, %s = kernel.block_quantize %x power_of_two : tensor<100x257xbf16> -> tensor<100x257xf8E4M3FN>, tensor<1x3xf32>
  return %d, %s : tensor<100x257xf8E4M3FN>, tensor<1x3xf32>
}

// Other element types.
// bench: f32 --tolerance 1e-12
func.func @f32(%x: tensor<130x260xf32>) -> (tensor<130x260xf8E4M3FN>, tensor<2x3xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<130x260xf32> -> tensor<130x260xf8E4M3FN>, tensor<2x3xf32>
  return %d, %s : tensor<130x260xf8E4M3FN>, tensor<2x3xf32>
}

// bench: f16 --tolerance 1e-12
func.func @f16(%x: tensor<64x96xf16>) -> (tensor<64x96xf8E4M3FN>, tensor<1x1xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<64x96xf16> -> tensor<64x96xf8E4M3FN>, tensor<1x1xf32>
  return %d, %s : tensor<64x96xf8E4M3FN>, tensor<1x1xf32>
}

// A matrix for each expert.
// bench: experts --tolerance 1e-12
func.func @experts(%x: tensor<5x96x200xbf16>) -> (tensor<5x96x200xf8E4M3FN>, tensor<5x1x2xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<5x96x200xbf16> -> tensor<5x96x200xf8E4M3FN>, tensor<5x1x2xf32>
  return %d, %s : tensor<5x96x200xf8E4M3FN>, tensor<5x1x2xf32>
}

// bench: experts_odd --tolerance 1e-12
func.func @experts_odd(%x: tensor<3x129x77xf32>) -> (tensor<3x129x77xf8E4M3FN>, tensor<3x2x1xf32>) {
  %d, %s = kernel.block_quantize %x power_of_two : tensor<3x129x77xf32> -> tensor<3x129x77xf8E4M3FN>, tensor<3x2x1xf32>
  return %d, %s : tensor<3x129x77xf8E4M3FN>, tensor<3x2x1xf32>
}

// Zeros, and values below the smallest scale: 1e-4 / 448; scales far from one.
// bench: zeros --tolerance 1e-12 --scale zeros.arg0=0
func.func @zeros(%x: tensor<130x130xbf16>) -> (tensor<130x130xf8E4M3FN>, tensor<2x2xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<130x130xbf16> -> tensor<130x130xf8E4M3FN>, tensor<2x2xf32>
  return %d, %s : tensor<130x130xf8E4M3FN>, tensor<2x2xf32>
}

// bench: tiny --tolerance 1e-12 --scale tiny.arg0=1e-6
func.func @tiny(%x: tensor<130x130xbf16>) -> (tensor<130x130xf8E4M3FN>, tensor<2x2xf32>) {
  %d, %s = kernel.block_quantize %x power_of_two : tensor<130x130xbf16> -> tensor<130x130xf8E4M3FN>, tensor<2x2xf32>
  return %d, %s : tensor<130x130xf8E4M3FN>, tensor<2x2xf32>
}

// bench: large --tolerance 1e-12 --scale large.arg0=1e30
func.func @large(%x: tensor<130x130xbf16>) -> (tensor<130x130xf8E4M3FN>, tensor<2x2xf32>) {
  %d, %s = kernel.block_quantize %x : tensor<130x130xbf16> -> tensor<130x130xf8E4M3FN>, tensor<2x2xf32>
  return %d, %s : tensor<130x130xf8E4M3FN>, tensor<2x2xf32>
}

// Rows of a wider matrix.
// bench: slices --tolerance 1e-12
func.func @slices(%x: tensor<200x520xbf16>) -> (tensor<200x257xf8E4M3FN>, tensor<2x3xf32>) {
  %p = tensor.extract_slice %x[0, 261] [200, 257] [1, 1] : tensor<200x520xbf16> to tensor<200x257xbf16>
  %d, %s = kernel.block_quantize %p : tensor<200x257xbf16> -> tensor<200x257xf8E4M3FN>, tensor<2x3xf32>
  return %d, %s : tensor<200x257xf8E4M3FN>, tensor<2x3xf32>
}
