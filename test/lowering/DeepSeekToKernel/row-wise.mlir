// RUN: deepseek-opt %s -convert-deepseek-to-kernel | FileCheck %s
// Each row-wise operation on its own becomes a row fusion of one.

// The table is whole, the id is the row's; an id out of range is row_gather's affair.
// CHECK-LABEL: func.func @embedding
// CHECK:         kernel.row_fusion rows 8 whole [0](
// CHECK:         ^bb0(%[[T:.+]]: tensor<100x64xf32>, %[[ID:.+]]: tensor<i32>):
// CHECK:           %[[R:.+]] = kernel.row_gather %[[T]][%[[ID]]]
// CHECK:           arith.truncf %[[R]] : tensor<64xf32> to tensor<64xbf16>
func.func @embedding(%ids: tensor<8xi32>, %table: tensor<100x64xf32>) -> tensor<8x64xbf16> {
  %0 = deepseek.embedding %ids, %table : tensor<8xi32>, tensor<100x64xf32> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

// CHECK-LABEL: func.func @take_rows
// CHECK:         kernel.row_fusion rows 2 whole [0](
// CHECK:           kernel.row_gather %{{.+}}[%{{.+}}] : tensor<8xi32>, tensor<i32> -> tensor<i32>
func.func @take_rows(%x: tensor<8xi32>, %rows: tensor<2xi32>) -> tensor<2xi32> {
  %0 = deepseek.take_rows %x, %rows : tensor<8xi32>, tensor<2xi32> -> tensor<2xi32>
  return %0 : tensor<2xi32>
}

// f32 in between, one rounding at the end.
// CHECK-LABEL: func.func @rms_norm
// CHECK:         ^bb0(%[[X:.+]]: tensor<64xbf16>, %[[W:.+]]: tensor<64xf32>):
// CHECK:           %[[F:.+]] = arith.extf %[[X]]
// CHECK:           %[[SQ:.+]] = arith.mulf %[[F]], %[[F]]
// CHECK:           %[[SUM:.+]] = kernel.row_reduce add %[[SQ]]
// CHECK:           %[[N:.+]] = arith.constant dense<6.400000e+01>
// CHECK:           %[[MEAN:.+]] = arith.divf %[[SUM]], %[[N]]
// CHECK:           %[[EPS:.+]] = arith.addf %[[MEAN]], %
// CHECK:           %[[R:.+]] = math.rsqrt %[[EPS]]
// CHECK:           %[[B:.+]] = kernel.row_broadcast %[[R]]
// CHECK:           %[[S:.+]] = arith.mulf %[[F]], %[[B]]
// CHECK:           %[[O:.+]] = arith.mulf %[[S]], %[[W]]
// CHECK:           arith.truncf %[[O]] : tensor<64xf32> to tensor<64xbf16>
func.func @rms_norm(%x: tensor<8x64xbf16>, %w: tensor<64xf32>) -> tensor<8x64xbf16> {
  %0 = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x64xbf16>, tensor<64xf32> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

// All dimensions before the last are rows.
// CHECK-LABEL: func.func @rms_norm_of_heads
// CHECK:         tensor.collapse_shape %{{.+}} {{.*}} into tensor<32x64xbf16>
// CHECK:         kernel.row_fusion rows 32
// CHECK:         tensor.expand_shape %{{.+}} into tensor<8x4x64xbf16>
func.func @rms_norm_of_heads(%x: tensor<8x4x64xbf16>, %w: tensor<64xf32>) -> tensor<8x4x64xbf16> {
  %0 = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x4x64xbf16>, tensor<64xf32> -> tensor<8x4x64xbf16>
  return %0 : tensor<8x4x64xbf16>
}

// CHECK-LABEL: func.func @layer_norm
// CHECK:         kernel.row_fusion rows 8 whole [1, 2]
// CHECK:           kernel.row_reduce add
// CHECK:           arith.subf
// CHECK:           kernel.row_reduce add
// CHECK:           math.rsqrt
// CHECK:           arith.mulf
// CHECK:           arith.mulf
// CHECK:           arith.addf
func.func @layer_norm(%x: tensor<8x64xbf16>, %w: tensor<64xbf16>, %b: tensor<64xbf16>) -> tensor<8x64xbf16> {
  %0 = deepseek.layer_norm %x, %w, %b eps 1.0e-05 : tensor<8x64xbf16>, tensor<64xbf16>, tensor<64xbf16> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

// CHECK-LABEL: func.func @rope
// CHECK:         kernel.row_angles %{{.+}} {frequencies = array<f64: 1.000000e+00, 1.000000e-02>, magnitude = 1.000000e+00 : f64}
// CHECK:         kernel.row_rope %{{.+}}, %{{.+}} interleaved : tensor<3x4xf32>
// CHECK:         kernel.row_rope %{{.+}}, %{{.+}} half_split : tensor<4xf32>
func.func @rope(%p: tensor<8xi32>, %q: tensor<8x3x4xbf16>, %k: tensor<8x4xf32>) -> (tensor<8x3x4xbf16>, tensor<8x4xf32>) {
  %a = deepseek.rope_angles %p <theta = 10000.0, factor = 1.0, originalContext = 4096, betaFast = 32.0, betaSlow = 1.0, magnitude = 1.0> : tensor<8xi32> -> tensor<8x2x2xf32>
  %0 = deepseek.rope %q, %a interleaved : tensor<8x3x4xbf16>, tensor<8x2x2xf32> -> tensor<8x3x4xbf16>
  %1 = deepseek.rope %k, %a half_split : tensor<8x4xf32>, tensor<8x2x2xf32> -> tensor<8x4xf32>
  return %0, %1 : tensor<8x3x4xbf16>, tensor<8x4xf32>
}

// CHECK-LABEL: func.func @swiglu
// CHECK:           %[[E:.+]] = math.exp
// CHECK:           %[[D:.+]] = arith.addf %{{.+}}, %[[E]]
// CHECK:           arith.divf %{{.+}}, %[[D]]
func.func @swiglu(%g: tensor<8x64xbf16>, %u: tensor<8x64xbf16>) -> tensor<8x64xbf16> {
  %0 = deepseek.swiglu %g, %u : tensor<8x64xbf16>, tensor<8x64xbf16> -> tensor<8x64xbf16>
  return %0 : tensor<8x64xbf16>
}

// Activations: each row has its own scales.
// CHECK-LABEL: func.func @dequantize
// CHECK:         kernel.row_fusion rows 8 whole [](%{{.+}}, %{{.+}}) : (tensor<8x200xf8E4M3FN>, tensor<8x2xf32>)
// CHECK:           kernel.row_dequantize
func.func @dequantize(%d: tensor<8x200xf8E4M3FN>, %s: tensor<8x2xf32>) -> tensor<8x200xf32> {
  %x = deepseek.pack_scaled %d, %s : tensor<8x200xf8E4M3FN>, tensor<8x2xf32> -> !deepseek.block_scaled<8x200xf8E4M3FN, 1x128, f32>
  %0 = deepseek.dequantize %x : !deepseek.block_scaled<8x200xf8E4M3FN, 1x128, f32> -> tensor<8x200xf32>
  return %0 : tensor<8x200xf32>
}

// Values are rounded to the cache's element type.
// CHECK-LABEL: func.func @append
// CHECK:         kernel.row_fusion rows 8 whole [2, 4](
// CHECK:           %[[K:.+]] = arith.truncf %{{.+}} : tensor<4xf32> to tensor<4xbf16>
// CHECK:           kernel.row_cache_store %{{.+}}, %[[K]], %{{.+}}[1] at
// CHECK:           kernel.row_yield{{ *$}}
func.func @append(%l: tensor<8x12xbf16>, %k: tensor<8x4xf32>, %p: tensor<8xi32>, %b: tensor<2x5xi32>,
                  %c: !deepseek.latent_cache<layers = 2, page = 64, latent = 12, rope = 4, element = bf16>) {
  deepseek.latent_cache_append %l, %k to %c[1] at %p, %b
    : tensor<8x12xbf16>, tensor<8x4xf32>, !deepseek.latent_cache<layers = 2, page = 64, latent = 12, rope = 4, element = bf16>, tensor<8xi32>, tensor<2x5xi32>
  return
}

// The lower index wins for top_k, so argmax is its first.
// CHECK-LABEL: func.func @choose
// CHECK:         %{{.+}}, %[[I:.+]] = kernel.top_k %{{.+}} k 1 : tensor<4x50xf32> -> tensor<4x1xf32>, tensor<4x1xi32>
// CHECK:         %[[A:.+]] = tensor.collapse_shape %[[I]] {{.*}} into tensor<4xi32>
// CHECK:         kernel.top_k %{{.+}} k 3
// CHECK:         kernel.sample
func.func @choose(%x: tensor<4x50xf32>, %t: tensor<4xf32>, %s: tensor<4xi64>, %p: tensor<4xi32>) -> (tensor<4xi32>, tensor<4x3xi32>, tensor<4xi32>) {
  %0 = deepseek.argmax %x : tensor<4x50xf32> -> tensor<4xi32>
  %v, %i = deepseek.top_k %x k 3 : tensor<4x50xf32> -> tensor<4x3xf32>, tensor<4x3xi32>
  %1 = deepseek.sample %x, %t, %p, %t, %s, %p : (tensor<4x50xf32>, tensor<4xf32>, tensor<4xi32>, tensor<4xf32>, tensor<4xi64>, tensor<4xi32>) -> tensor<4xi32>
  return %0, %i, %1 : tensor<4xi32>, tensor<4x3xi32>, tensor<4xi32>
}
