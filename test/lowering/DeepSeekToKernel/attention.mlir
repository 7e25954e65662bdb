// RUN: deepseek-opt %s -convert-deepseek-to-kernel -split-input-file | FileCheck %s

!cache = !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>

// The absorbed form is one kernel.
// CHECK-LABEL: func.func @absorbed
// CHECK-SAME:    %[[Q:[^:]+]]: tensor<8x4x128xbf16>, %[[R:[^:]+]]: tensor<8x4x16xbf16>, %[[C:[^:]+]]: !deepseek.latent_cache
// CHECK:         %[[M:.+]] = builtin.unrealized_conversion_cast %[[C]] : {{.*}} to memref<?x4x64x144xbf16>
// CHECK:         kernel.mla_decode %[[Q]], %[[R]], %[[M]][2] at %{{.+}}, %{{.+}} scale 1.250000e-01 : {{.*}} -> tensor<8x4x128xbf16>
func.func @absorbed(%q: tensor<8x4x128xbf16>, %r: tensor<8x4x16xbf16>, %c: !cache, %p: tensor<8xi32>, %b: tensor<8x16xi32>) -> tensor<8x4x128xbf16> {
  %0 = deepseek.mla_absorbed %q, %r, %c[2] at %p, %b scale 0.125 : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
  return %0 : tensor<8x4x128xbf16>
}

// The naive form: gather, expand the rows that exist, attend. A cache that bind-buffers cast is used as the memref that it was.
// CHECK-LABEL: func.func @naive
// CHECK-SAME:    %[[QN:[^:]+]]: tensor<8x4x32xbf16>, %[[QR:[^:]+]]: tensor<8x4x16xbf16>, %[[C:[^:]+]]: memref<?x4x64x144xbf16>, %[[W:[^:]+]]: tensor<256x128xbf16>
// CHECK-NOT:     unrealized_conversion_cast
// CHECK:         %[[L:.+]], %[[K:.+]], %[[N:.+]] = kernel.cache_gather %[[C]][1] at {{.*}} -> tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>
// CHECK-NOT:     kernel.row_fusion
// CHECK:         %[[KV:.+]] = kernel.gemm %[[L]], %[[W]] rows(%[[N]]) : {{.*}} -> tensor<2048x256xbf16>
// CHECK:         %[[H:.+]] = tensor.expand_shape %[[KV]] {{.*}} into tensor<2048x4x64xbf16>
// CHECK:         kernel.mla_prefill %[[QN]], %[[QR]], %[[H]], %[[K]] at %{{.+}} sequences 2 scale 1.250000e-01
func.func @naive(%qn: tensor<8x4x32xbf16>, %qr: tensor<8x4x16xbf16>, %m: memref<?x4x64x144xbf16>, %w: tensor<256x128xbf16>,
                 %p: tensor<8xi32>, %b: tensor<2x16xi32>) -> tensor<8x4x32xbf16> {
  %c = builtin.unrealized_conversion_cast %m : memref<?x4x64x144xbf16> to !cache
  %0 = deepseek.mla %qn, %qr, %c[1], %w at %p, %b scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<8x4x32xbf16>
  return %0 : tensor<8x4x32xbf16>
}

// With a block-scaled kv_b the latents are quantised, in the weight's scale format; only rows that exist.
// CHECK-LABEL: func.func @naive_scaled
// CHECK:         %[[L:.+]], %{{.+}}, %[[N:.+]] = kernel.cache_gather
// CHECK:         %[[Q:.+]]:2 = kernel.row_fusion rows 2048 limit(%[[N]] : tensor<2xi32>) whole [](%[[L]])
// CHECK:           kernel.row_quantize %{{.+}} power_of_two
// CHECK:         kernel.gemm %[[Q]]#0, %{{.+}} scales(%[[Q]]#1, %{{.+}}) rows(%[[N]])
func.func @naive_scaled(%qn: tensor<8x4x32xbf16>, %qr: tensor<8x4x16xbf16>, %c: !cache, %w: tensor<256x128xf8E4M3FN>, %s: tensor<2x1xf32>,
                        %p: tensor<8xi32>, %b: tensor<2x16xi32>) -> tensor<8x4x32xbf16> {
  %wp = deepseek.pack_scaled %w, %s : tensor<256x128xf8E4M3FN>, tensor<2x1xf32> -> !deepseek.block_scaled<256x128xf8E4M3FN, 128x128, ue8m0>
  %0 = deepseek.mla %qn, %qr, %c[1], %wp at %p, %b scale 0.125
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, !deepseek.block_scaled<256x128xf8E4M3FN, 128x128, ue8m0>, tensor<8xi32>, tensor<2x16xi32> -> tensor<8x4x32xbf16>
  return %0 : tensor<8x4x32xbf16>
}

// The tutorial variant normalises latents when it reads them.
// CHECK-LABEL: func.func @naive_normalised
// CHECK:         %[[L:.+]], %{{.+}}, %[[N:.+]] = kernel.cache_gather
// CHECK:         %[[X:.+]] = kernel.row_fusion rows 2048 limit(%[[N]] : tensor<2xi32>) whole [1, 2](%[[L]], %{{.+}}, %{{.+}})
// CHECK:           arith.subf
// CHECK:           math.rsqrt
// CHECK:         kernel.gemm %[[X]], %{{.+}} rows(%[[N]])
func.func @naive_normalised(%qn: tensor<8x4x32xbf16>, %qr: tensor<8x4x16xbf16>, %c: !cache, %w: tensor<256x128xbf16>, %nw: tensor<128xbf16>, %nb: tensor<128xbf16>,
                            %p: tensor<8xi32>, %b: tensor<2x16xi32>) -> tensor<8x4x32xbf16> {
  %0 = deepseek.mla %qn, %qr, %c[1], %w at %p, %b scale 0.125 norm(%nw, %nb) {latentNorm = #deepseek<latent_norm layer>, normEps = 1.0e-5}
    : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<2x16xi32> norm(tensor<128xbf16>, tensor<128xbf16>) -> tensor<8x4x32xbf16>
  return %0 : tensor<8x4x32xbf16>
}
