// RUN: deepseek-opt %s -deepseek-absorb-mla=mode=always -split-input-file | FileCheck %s --check-prefixes=CHECK,ALWAYS
// RUN: deepseek-opt %s -deepseek-absorb-mla=mode=never -split-input-file | FileCheck %s --check-prefixes=CHECK,NEVER
// RUN: deepseek-opt %s -deepseek-absorb-mla="mode=auto context=4096" -split-input-file | FileCheck %s --check-prefixes=CHECK,AUTO
// RUN: deepseek-opt %s -deepseek-absorb-mla="mode=auto context=4096" -split-input-file --remark-format=emitRemark --remarks-filter=deepseek-absorb-mla -o %t.ignored 2>&1 | FileCheck %s --check-prefix=REMARK

// One new token over a long context: expanding the whole cache costs more than attending to latents.
// CHECK-LABEL: func.func @decode
// CHECK-SAME:    %[[QN:[^:]+]]: tensor<1x16x128xbf16>, %[[QR:[^:]+]]: tensor<1x16x64xbf16>, %[[C:[^:]+]]: !deepseek.latent_cache
// CHECK-SAME:    %[[W:[^:]+]]: tensor<4096x512xbf16>
// ALWAYS:        %[[K:.+]] = deepseek.absorb_key %[[W]] nope 128 value 128 : tensor<4096x512xbf16> -> tensor<16x512x128xbf16>
// ALWAYS:        %[[Q:.+]] = deepseek.head_linear %[[QN]], %[[K]]
// ALWAYS:        %[[L:.+]] = deepseek.mla_absorbed %[[Q]], %[[QR]], %[[C]][3]
// ALWAYS:        %[[V:.+]] = deepseek.absorb_value %[[W]] nope 128 value 128 : tensor<4096x512xbf16> -> tensor<16x128x512xbf16>
// ALWAYS:        %[[O:.+]] = deepseek.head_linear %[[L]], %[[V]] : {{.*}} -> tensor<1x16x128xbf16>
// ALWAYS:        return %[[O]]
// ALWAYS-NOT:    deepseek.mla {{.*}}
// NEVER:         deepseek.mla %
// NEVER-NOT:     deepseek.mla_absorbed
// AUTO:          deepseek.mla_absorbed
// REMARK:        [Passed] AbsorbMla | Category:deepseek-absorb-mla | Function=decode | Remark="absorbed {{[0-9.]+}} us, naive {{[0-9.]+}} us at T=1, S=1, context 4096, 16 heads"
func.func @decode(%qn: tensor<1x16x128xbf16>, %qr: tensor<1x16x64xbf16>,
    %c: !deepseek.latent_cache<layers = 27, page = 64, latent = 512, rope = 64, element = bf16>, %w: tensor<4096x512xbf16>,
    %p: tensor<1xi32>, %b: tensor<1x64xi32>) -> tensor<1x16x128xbf16> {
  %o = deepseek.mla %qn, %qr, %c[3], %w at %p, %b scale 0.1
    : tensor<1x16x128xbf16>, tensor<1x16x64xbf16>, !deepseek.latent_cache<layers = 27, page = 64, latent = 512, rope = 64, element = bf16>,
      tensor<4096x512xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x128xbf16>
  return %o : tensor<1x16x128xbf16>
}

// -----

// A long chunk of one sequence: the absorbed form's wider dot products cost more than one expansion.
// CHECK-LABEL: func.func @prefill
// ALWAYS:        deepseek.mla_absorbed
// NEVER:         deepseek.mla %
// AUTO:          deepseek.mla %
// REMARK:        [Missed] AbsorbMla | Category:deepseek-absorb-mla | Function=prefill
func.func @prefill(%qn: tensor<2048x128x128xbf16>, %qr: tensor<2048x128x64xbf16>,
    %c: !deepseek.latent_cache<layers = 61, page = 64, latent = 512, rope = 64, element = bf16>, %w: tensor<32768x512xbf16>,
    %p: tensor<2048xi32>, %b: tensor<1x64xi32>) -> tensor<2048x128x128xbf16> {
  %o = deepseek.mla %qn, %qr, %c[0], %w at %p, %b scale 0.1
    : tensor<2048x128x128xbf16>, tensor<2048x128x64xbf16>, !deepseek.latent_cache<layers = 61, page = 64, latent = 512, rope = 64, element = bf16>,
      tensor<32768x512xbf16>, tensor<2048xi32>, tensor<1x64xi32> -> tensor<2048x128x128xbf16>
  return %o : tensor<2048x128x128xbf16>
}

// -----

// A block-scaled kv_b is dequantised into factors of the activations' type.
// CHECK-LABEL: func.func @block_scaled
// ALWAYS:        deepseek.absorb_key %{{.+}} nope 128 value 128 : !deepseek.block_scaled<4096x512xf8E4M3FN, 128x128, f32> -> tensor<16x512x128xbf16>
func.func @block_scaled(%qn: tensor<1x16x128xbf16>, %qr: tensor<1x16x64xbf16>,
    %c: !deepseek.latent_cache<layers = 27, page = 64, latent = 512, rope = 64, element = bf16>,
    %w: !deepseek.block_scaled<4096x512xf8E4M3FN, 128x128, f32>, %p: tensor<1xi32>, %b: tensor<1x64xi32>) -> tensor<1x16x128xbf16> {
  %o = deepseek.mla %qn, %qr, %c[3], %w at %p, %b scale 0.1
    : tensor<1x16x128xbf16>, tensor<1x16x64xbf16>, !deepseek.latent_cache<layers = 27, page = 64, latent = 512, rope = 64, element = bf16>,
      !deepseek.block_scaled<4096x512xf8E4M3FN, 128x128, f32>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x128xbf16>
  return %o : tensor<1x16x128xbf16>
}

// -----

// No schedule of the absorbed kernel holds these records: naive, whatever is asked for.
// CHECK-LABEL: func.func @wide_records
// CHECK-NOT:     deepseek.mla_absorbed
// CHECK:         deepseek.mla %
// REMARK:        [Missed] AbsorbMla | Category:deepseek-absorb-mla | Function=wide_records | Remark="kept naive: no schedule of the absorbed kernel holds records of 8192 + 64 elements"
func.func @wide_records(%qn: tensor<1x16x128xbf16>, %qr: tensor<1x16x64xbf16>,
    %c: !deepseek.latent_cache<layers = 1, page = 64, latent = 8192, rope = 64, element = bf16>, %w: tensor<4096x8192xbf16>,
    %p: tensor<1xi32>, %b: tensor<1x64xi32>) -> tensor<1x16x128xbf16> {
  %o = deepseek.mla %qn, %qr, %c[0], %w at %p, %b scale 0.1
    : tensor<1x16x128xbf16>, tensor<1x16x64xbf16>, !deepseek.latent_cache<layers = 1, page = 64, latent = 8192, rope = 64, element = bf16>,
      tensor<4096x8192xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x128xbf16>
  return %o : tensor<1x16x128xbf16>
}
