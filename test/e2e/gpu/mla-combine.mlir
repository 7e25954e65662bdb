// REQUIRES: cuda, sm90
// RUN: %python %S/prepare.py --build %build_dir --only '^mla-combine$' --no-models --out %t && %python %S/run.py %t
// Compared on a GPU with the CPU artefact (test/e2e/gpu/README.md). Parts that are empty
// (lse -inf) come from a split mla_decode: see mla-decode.mlir.

// Eight parts, whole vectors.
func.func @heads16(%p: tensor<8x2x16x512xf32>, %l: tensor<8x2x16xf32>) -> tensor<2x16x512xbf16> {
  %0 = kernel.mla_combine %p, %l : tensor<8x2x16x512xf32>, tensor<8x2x16xf32> -> tensor<2x16x512xbf16>
  return %0 : tensor<2x16x512xbf16>
}

// More parts than lanes, a tail in the groups of eight.
func.func @many_parts(%p: tensor<70x2x3x80xf32>, %l: tensor<70x2x3xf32>) -> tensor<2x3x80xbf16> {
  %0 = kernel.mla_combine %p, %l : tensor<70x2x3x80xf32>, tensor<70x2x3xf32> -> tensor<2x3x80xbf16>
  return %0 : tensor<2x3x80xbf16>
}

// Nothing to weigh.
func.func @one_part(%p: tensor<1x1x3x64xf32>, %l: tensor<1x1x3xf32>) -> tensor<1x3x64xbf16> {
  %0 = kernel.mla_combine %p, %l : tensor<1x1x3x64xf32>, tensor<1x1x3xf32> -> tensor<1x3x64xbf16>
  return %0 : tensor<1x3x64xbf16>
}

// Columns one by one.
func.func @odd_columns(%p: tensor<5x3x5x77xf32>, %l: tensor<5x3x5xf32>) -> tensor<3x5x77xbf16> {
  %0 = kernel.mla_combine %p, %l : tensor<5x3x5x77xf32>, tensor<5x3x5xf32> -> tensor<3x5x77xbf16>
  return %0 : tensor<3x5x77xbf16>
}

// Columns two by two, a tail past 128.
func.func @pairs(%p: tensor<9x1x2x130xf32>, %l: tensor<9x1x2xf32>) -> tensor<1x2x130xbf16> {
  %0 = kernel.mla_combine %p, %l : tensor<9x1x2x130xf32>, tensor<9x1x2xf32> -> tensor<1x2x130xbf16>
  return %0 : tensor<1x2x130xbf16>
}
