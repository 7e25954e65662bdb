// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/valid.mlir -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %t/valid.mlir --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/valid.mlir --check-prefix=PTX --input-file=%t/mla_decode_0.ptx
// RUN: FileCheck %t/valid.mlir --check-prefix=NARROW --input-file=%t/mla_decode_1.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="dump-to=%t" -o %t.ignored && FileCheck %t/valid.mlir --check-prefix=PTXAS --input-file=%t/mla_decode_0.ptxas %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- valid.mlir
kernel.buffer @q input : tensor<80x128x512xbf16>
kernel.buffer @r input : tensor<80x128x192xbf16>
kernel.buffer @narrow input : tensor<3x16x128xbf16>
kernel.buffer @narrow_r input : tensor<3x16x64xbf16>
kernel.buffer @cache cache : memref<?x2x64x576xbf16>
kernel.buffer @narrow_cache cache : memref<?x1x32x192xbf16>
kernel.buffer @p input : tensor<80xi32>
kernel.buffer @b input : tensor<80x4xi32>
kernel.buffer @p3 input : tensor<3xi32>
kernel.buffer @b3 input : tensor<3x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>

// 160 row tiles of 64 heads: more tasks than multiprocessors, so 132 CTAs. Queries and cache (layer 1, a slice) are tensor maps.
// CHECK-LABEL: func.func @many_heads
// CHECK:         kernel.launch @mla_decode_0 grid [132, 1, 1] threads 512 cluster 1 shared {{[0-9]+}} programmatic args [#kernel.tensor_map<@q + 0,
// CHECK-SAME:      #kernel.tensor_map<@r + 256, {{.*}}box = [64, 32, 1, 1]{{.*}}#kernel.tensor_map<@cache + 73728, {{.*}}box = [64, 32, 9, 1]
// One warp copies: 32 records in one copy.
// PTX:         griddepcontrol.wait
// PTX:         setmaxnreg.dec.sync.aligned.u32 24
// PTX-COUNT-3: cp.async.bulk.tensor.4d.shared::cta.global.tile.mbarrier::complete_tx::bytes
// Scores: 22 steps with the query in registers, fourteen with it in shared memory, for each tile of a pair. Both tiles' products
// are issued before the first one's scores are read.
// PTX:           setmaxnreg.inc.sync.aligned.u32 168
// PTX-COUNT-22:  wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {{{.*}}}, {{{.*}}}, %rd
// PTX-COUNT-14:  wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {{{[^}]*}}}, %rd
// PTX:           wgmma.commit_group
// PTX-NOT:       wgmma.wait_group
// PTX-COUNT-36:  wgmma.mma_async.sync.aligned.m64n32k16
// PTX:           wgmma.wait_group.sync.aligned 1
// PTX:           ex2.approx.ftz.f32
// PTX:           stmatrix.sync.aligned.m8n8.x4.shared.b16
// PTX:           fence.proxy.async.shared::cta
// Values: two products of 128 columns for each sixteen records, B transposed.
// PTX:           setmaxnreg.inc.sync.aligned.u32 160
// PTX-COUNT-4:   wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{{[^}]*}}}, %rd{{[0-9]+}}, %rd{{[0-9]+}}, p, 1, 1, 0, 1
// PTX-NOT:       .local
// PTXAS:         0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
func.func @many_heads() {
  %q = kernel.load_buffer @q : tensor<80x128x512xbf16>
  %x = kernel.load_buffer @r : tensor<80x128x192xbf16>
  %r = tensor.extract_slice %x[0, 0, 128] [80, 128, 64] [1, 1, 1] : tensor<80x128x192xbf16> to tensor<80x128x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<80xi32>
  %b = kernel.load_buffer @b : tensor<80x4xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07 schedule <tile = [64, 32, 256], stages = 5, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<80x128x512xbf16>, tensor<80x128x64xbf16>, memref<?x2x64x576xbf16>, tensor<80xi32>, tensor<80x4xi32> -> tensor<80x128x512xbf16>
  return
}

// Records of 128 + 64 elements, sixteen heads: the whole query in registers, products of 64 columns. Three sequences of at most two
// pairs of tiles, with scratch memory: a CTA for each pair. Every CTA finds its share in one warp, before any role starts.
// CHECK-LABEL: func.func @narrow_records
// CHECK:         kernel.launch @mla_decode_1 grid [6, 1, 1] threads 512
// NARROW-COUNT-12: wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {{{.*}}}, {{{.*}}}, %rd
// NARROW:          wgmma.commit_group
// NARROW:          wgmma.mma_async.sync.aligned.m64n64k16
func.func @narrow_records() {
  %q = kernel.load_buffer @narrow : tensor<3x16x128xbf16>
  %r = kernel.load_buffer @narrow_r : tensor<3x16x64xbf16>
  %c = kernel.buffer_memref @narrow_cache : memref<?x1x32x192xbf16>
  %p = kernel.load_buffer @p3 : tensor<3xi32>
  %b = kernel.load_buffer @b3 : tensor<3x4xi32>
  %0, %scratch = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 32, 64], stages = 6, warps = 16>
    {placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@w + 65536>]}
    : tensor<3x16x128xbf16>, tensor<3x16x64xbf16>, memref<?x1x32x192xbf16>, tensor<3xi32>, tensor<3x4xi32> -> tensor<3x16x128xbf16> lse tensor<25344xf32>
  return
}

//--- invalid.mlir
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @tile() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: warpgroup products take tile [64, 32, 256], 16 warps and cluster 1, got tile [64, 64, 256], 16 warps and cluster 1}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 64, 256], stages = 5, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @warps() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: warpgroup products take tile [64, 32, 256], 16 warps and cluster 1, got tile [64, 32, 256], 8 warps and cluster 1}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 32, 256], stages = 5, warps = 8> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x96x512xbf16>
kernel.buffer @r input : tensor<1x96x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @heads() {
  %q = kernel.load_buffer @q : tensor<1x96x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x96x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: warpgroup products need a latent of 128 to 512 in steps of 128, a rotated part in steps of 64, 576 together at most, 8, 16 or 32 heads or a multiple of 64, and pages in steps of 32; got 512 + 64, 96 heads, pages of 64}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 32, 256], stages = 5, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x96x512xbf16>, tensor<1x96x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x96x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x16x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @page() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x16x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{and pages in steps of 32; got 512 + 64, 16 heads, pages of 16}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 32, 256], stages = 5, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x16x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @stages() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: stages is 6, expected 3 to 5}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 32, 256], stages = 6, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}

// -----

kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x576xbf16>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @few_stages() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{schedule: stages is 2, expected 3 to 5}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [64, 32, 256], stages = 2, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x576xbf16>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}
