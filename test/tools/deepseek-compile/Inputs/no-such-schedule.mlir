func.func @f(%q: tensor<1x16x512xbf16>, %r: tensor<1x16x64xbf16>, %c: memref<?x1x64x576xbf16>, %p: tensor<1xi32>, %b: tensor<1x4xi32>) -> tensor<1x16x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [0, 0], stages = 0, warps = 0>
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return %0 : tensor<1x16x512xbf16>
}
