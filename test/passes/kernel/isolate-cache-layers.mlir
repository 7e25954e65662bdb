// RUN: deepseek-opt %s -kernel-isolate-cache-layers | FileCheck %s

kernel.buffer @cache cache : memref<?x4x64x144xbf16>

// The layer moves from the operation into the view, so both operations are the same kernel with other addresses.
// CHECK-LABEL: func.func @decode
// CHECK:         %[[A:.+]] = kernel.buffer_memref @cache layer 1 : memref<?x1x64x144xbf16, strided<[36864, 9216, 144, 1], offset: ?>>
// CHECK:         kernel.mla_decode %{{.+}}, %{{.+}}, %[[A]][0]
// CHECK:         %[[B:.+]] = kernel.buffer_memref @cache layer 3
// CHECK:         kernel.mla_decode %{{.+}}, %{{.+}}, %[[B]][0]
func.func @decode(%q: tensor<1x4x128xbf16>, %r: tensor<1x4x16xbf16>, %p: tensor<1xi32>, %t: tensor<1x16xi32>) -> (tensor<1x4x128xbf16>, tensor<1x4x128xbf16>) {
  %c = kernel.buffer_memref @cache : memref<?x4x64x144xbf16>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %t scale 0.1 : tensor<1x4x128xbf16>, tensor<1x4x16xbf16>, memref<?x4x64x144xbf16>, tensor<1xi32>, tensor<1x16xi32> -> tensor<1x4x128xbf16>
  %1 = kernel.mla_decode %q, %r, %c[3] at %p, %t scale 0.1 : tensor<1x4x128xbf16>, tensor<1x4x16xbf16>, memref<?x4x64x144xbf16>, tensor<1xi32>, tensor<1x16xi32> -> tensor<1x4x128xbf16>
  return %0, %1 : tensor<1x4x128xbf16>, tensor<1x4x128xbf16>
}
