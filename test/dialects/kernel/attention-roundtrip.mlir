// RUN: deepseek-opt %s | deepseek-opt | FileCheck %s
// RUN: deepseek-opt %s --mlir-print-op-generic | deepseek-opt | FileCheck %s

// CHECK-LABEL: func.func @decode
// CHECK:         kernel.mla_decode %{{.+}}, %{{.+}}, %{{.+}}[1] at %{{.+}}, %{{.+}} scale 1.250000e-01 : {{.*}} -> tensor<8x4x128xbf16>
// CHECK:         %[[P:.+]], %[[L:.+]] = kernel.mla_decode {{.*}} schedule <tile = [16, 32], stages = 4, split = 3, warps = 8> : {{.*}} -> tensor<3x8x4x128xf32> lse tensor<3x8x4xf32>
// Bytes: 128 e4m3, one scale, 16 bf16.
// CHECK:         kernel.mla_decode %{{.+}}, %{{.+}}, %{{.+}}[1] at %{{.+}}, %{{.+}} scale 1.250000e-01 : {{.*}}, memref<?x2x64x164xi8>, {{.*}} -> tensor<8x4x128xbf16>
// CHECK:         kernel.mla_combine %[[P]], %[[L]] : tensor<3x8x4x128xf32>, tensor<3x8x4xf32> -> tensor<8x4x128xbf16>
func.func @decode(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %cache: memref<?x2x64x144xbf16>, %bytes: memref<?x2x64x164xi8>, %positions: tensor<8xi32>, %table: tensor<8x16xi32>) {
  %y = kernel.mla_decode %q, %r, %cache[1] at %positions, %table scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  %part, %lse = kernel.mla_decode %q, %r, %cache[1] at %positions, %table scale 0.125 schedule <tile = [16, 32], stages = 4, split = 3, warps = 8>
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<3x8x4x128xf32> lse tensor<3x8x4xf32>
  %quantized = kernel.mla_decode %q, %r, %bytes[1] at %positions, %table scale 0.125
    : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x164xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  %joined = kernel.mla_combine %part, %lse : tensor<3x8x4x128xf32>, tensor<3x8x4xf32> -> tensor<8x4x128xbf16>
  return
}

// CHECK-LABEL: func.func @prefill
// CHECK:         %[[L:.+]], %[[K:.+]], %[[N:.+]] = kernel.cache_gather %{{.+}}[0] at %{{.+}}, %{{.+}} : memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<2x16xi32>
// CHECK:         kernel.mla_prefill %{{.+}}, %{{.+}}, %{{.+}}, %[[K]] at %{{.+}} sequences 2 scale 1.250000e-01
func.func @prefill(%q: tensor<8x4x32xbf16>, %r: tensor<8x4x16xbf16>, %cache: memref<?x2x64x144xbf16>, %kv: tensor<2048x4x64xbf16>, %positions: tensor<8xi32>, %table: tensor<2x16xi32>) {
  %latents, %keys, %lengths = kernel.cache_gather %cache[0] at %positions, %table
    : memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>
  %y = kernel.mla_prefill %q, %r, %kv, %keys at %positions sequences 2 scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, tensor<2048x4x64xbf16>, tensor<2048x16xbf16>, tensor<8xi32> -> tensor<8x4x32xbf16>
  return
}
