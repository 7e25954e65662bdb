// RUN: deepseek-opt %s -deepseek-fuse -split-input-file | FileCheck %s --check-prefixes=CHECK,ON
// RUN: deepseek-opt %s -deepseek-fuse=disable=add_norm,swiglu_quantize -split-input-file | FileCheck %s --check-prefixes=CHECK,OFF
// RUN: not deepseek-opt %s -deepseek-fuse=disable=nonsense -split-input-file -o %t.ignored 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: deepseek-fuse: no pattern is called 'nonsense'; there are all, rope_append, add_norm

// Residual add, norm and quantisation are one kernel; the sum and the quantised row leave it.
// CHECK-LABEL: func.func @fuses_add_norm_quantize
// ON:            %[[F:.+]]:2 = deepseek.fusion "add_norm"
// ON-NEXT:         %[[S:.+]] = deepseek.add
// ON-NEXT:         %[[N:.+]] = deepseek.rms_norm %[[S]]
// ON-NEXT:         %[[Q:.+]] = deepseek.quantize %[[N]]
// ON-NEXT:         deepseek.yield %[[S]], %[[Q]]
// ON:            return %[[F]]#0, %[[F]]#1
// With add_norm switched off, norm and quantisation still join under their own pattern.
// OFF:           deepseek.add
// OFF-NOT:       "add_norm"
// OFF:           deepseek.fusion "norm_quantize"
func.func @fuses_add_norm_quantize(%x: tensor<8x256xbf16>, %a: tensor<8x256xbf16>, %w: tensor<256xbf16>)
    -> (tensor<8x256xbf16>, !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>) {
  %s = deepseek.add %x, %a : tensor<8x256xbf16>
  %n = deepseek.rms_norm %s, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  %q = deepseek.quantize %n : tensor<8x256xbf16> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  return %s, %q : tensor<8x256xbf16>, !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
}

// -----

// What only feeds the residual sum joins it: the experts' combination and the sum with the shared expert.
// CHECK-LABEL: func.func @fuses_terms_of_the_sum
// ON:            deepseek.fusion "add_norm"
// ON-NEXT:         deepseek.moe_combine
// ON-NEXT:         deepseek.add
// ON-NEXT:         deepseek.add
// ON-NEXT:         deepseek.rms_norm
// OFF-NOT:       deepseek.fusion
func.func @fuses_terms_of_the_sum(%rows: tensor<16x256xf32>, %of: tensor<8x2xi32>, %p: tensor<8x2xf32>, %shared: tensor<8x256xf32>,
                                  %x: tensor<8x256xf32>, %w: tensor<256xbf16>) -> (tensor<8x256xf32>, tensor<8x256xbf16>) {
  %routed = deepseek.moe_combine %rows, %of, %p : tensor<16x256xf32>, tensor<8x2xi32>, tensor<8x2xf32> -> tensor<8x256xf32>
  %moe = deepseek.add %routed, %shared : tensor<8x256xf32>
  %s = deepseek.add %x, %moe : tensor<8x256xf32>
  %n = deepseek.rms_norm %s, %w eps 1.0e-06 : tensor<8x256xf32>, tensor<256xbf16> -> tensor<8x256xbf16>
  return %s, %n : tensor<8x256xf32>, tensor<8x256xbf16>
}

// -----

// A term that is also needed elsewhere stays where it is.
// CHECK-LABEL: func.func @keeps_shared_term
// CHECK:         %[[M:.+]] = deepseek.add
// ON:            deepseek.fusion "add_norm"
// ON-NEXT:         deepseek.add %{{.+}}, %[[M]]
// ON-NEXT:         deepseek.rms_norm
func.func @keeps_shared_term(%a: tensor<8x256xf32>, %b: tensor<8x256xf32>, %x: tensor<8x256xf32>, %w: tensor<256xbf16>)
    -> (tensor<8x256xf32>, tensor<8x256xf32>, tensor<8x256xbf16>) {
  %m = deepseek.add %a, %b : tensor<8x256xf32>
  %s = deepseek.add %x, %m : tensor<8x256xf32>
  %n = deepseek.rms_norm %s, %w eps 1.0e-06 : tensor<8x256xf32>, tensor<256xbf16> -> tensor<8x256xbf16>
  return %m, %s, %n : tensor<8x256xf32>, tensor<8x256xf32>, tensor<8x256xbf16>
}

// -----

// The sum is needed before the norm's place: moving it down would break its user.
// CHECK-LABEL: func.func @keeps_sum_needed_early
// CHECK-NOT:     deepseek.fusion
// CHECK:         return
func.func @keeps_sum_needed_early(%x: tensor<8x256xbf16>, %a: tensor<8x256xbf16>, %w: tensor<256x256xbf16>)
    -> (tensor<8x256xbf16>, tensor<8x256xbf16>) {
  %s = deepseek.add %x, %a : tensor<8x256xbf16>
  %l = deepseek.linear %s, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %v = tensor.extract_slice %l[0, 0] [1, 256] [1, 1] : tensor<8x256xbf16> to tensor<256xbf16>
  %n = deepseek.rms_norm %s, %v eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  return %n, %l : tensor<8x256xbf16>, tensor<8x256xbf16>
}

// -----

// CHECK-LABEL: func.func @fuses_swiglu_quantize
// ON:            deepseek.fusion "swiglu_quantize"
// ON-NEXT:         deepseek.swiglu
// ON-NEXT:         deepseek.quantize
// OFF-NOT:       deepseek.fusion
func.func @fuses_swiglu_quantize(%g: tensor<8x256xbf16>, %u: tensor<8x256xbf16>) -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32> {
  %s = deepseek.swiglu %g, %u : tensor<8x256xbf16>, tensor<8x256xbf16> -> tensor<8x256xbf16>
  %q = deepseek.quantize %s : tensor<8x256xbf16> -> !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
  return %q : !deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>
}

// -----

// A norm alone is a kernel already; it needs no region.
// CHECK-LABEL: func.func @keeps_single_operation
// CHECK-NOT:     deepseek.fusion
// CHECK:         return
func.func @keeps_single_operation(%x: tensor<8x256xbf16>, %w: tensor<256xbf16>) -> tensor<8x256xbf16> {
  %n = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
  return %n : tensor<8x256xbf16>
}

// -----

!cache = !deepseek.latent_cache<layers = 1, page = 64, latent = 128, rope = 16, element = bf16>
// The record's latent and key, and the query's rotation, are made and stored by one kernel.
// CHECK-LABEL: func.func @fuses_rope_append
// CHECK:         %[[F:.+]] = deepseek.fusion "rope_append" -> tensor<8x4x16xbf16>
// CHECK-DAG:       deepseek.rms_norm
// CHECK-DAG:       deepseek.rope %{{.+}} interleaved : tensor<8x16xbf16>
// CHECK-DAG:       %[[Q:.+]] = deepseek.rope %{{.+}} interleaved : tensor<8x4x16xbf16>
// CHECK:           deepseek.latent_cache_append
// CHECK:           deepseek.yield %[[Q]]
func.func @fuses_rope_append(%l: tensor<8x128xbf16>, %w: tensor<128xbf16>, %k: tensor<8x16xbf16>, %q: tensor<8x4x16xbf16>, %a: tensor<8x8x2xf32>,
    %c: !cache, %p: tensor<8xi32>, %b: tensor<8x4xi32>) -> tensor<8x4x16xbf16> {
  %n = deepseek.rms_norm %l, %w eps 1.0e-06 : tensor<8x128xbf16>, tensor<128xbf16> -> tensor<8x128xbf16>
  %qr = deepseek.rope %q, %a interleaved : tensor<8x4x16xbf16>, tensor<8x8x2xf32> -> tensor<8x4x16xbf16>
  %kr = deepseek.rope %k, %a interleaved : tensor<8x16xbf16>, tensor<8x8x2xf32> -> tensor<8x16xbf16>
  deepseek.latent_cache_append %n, %kr to %c[0] at %p, %b : tensor<8x128xbf16>, tensor<8x16xbf16>, !cache, tensor<8xi32>, tensor<8x4xi32>
  return %qr : tensor<8x4x16xbf16>
}
