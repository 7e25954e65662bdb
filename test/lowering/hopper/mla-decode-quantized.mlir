// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/valid.mlir -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %t/valid.mlir --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/valid.mlir --check-prefix=PTX --input-file=%t/mla_decode_0.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="dump-to=%t" -o %t.ignored && FileCheck %t/valid.mlir --check-prefix=PTXAS --input-file=%t/mla_decode_0.ptxas %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- valid.mlir
kernel.buffer @q input : tensor<80x128x512xbf16>
kernel.buffer @r input : tensor<80x128x64xbf16>
kernel.buffer @cache cache : memref<?x2x64x656xi8>
kernel.buffer @p input : tensor<80xi32>
kernel.buffer @b input : tensor<80x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>

// The queries are tensor maps, the cache (layer 1, 64 records of 656 bytes on) is a pointer.
// CHECK-LABEL: func.func @quantized
// CHECK:         kernel.launch @mla_decode_0 grid [132, 1, 1] threads 512 cluster 1 {{.*}} args [#kernel.tensor_map<@q + 0,
// CHECK-SAME:      #kernel.tensor_map<@r + 0,
// CHECK-SAME:      #kernel.pointer<@cache + 41984>
// A warpgroup converts: each warp's ring of two chunks of records is filled by bulk copies, before the query is requested; whole tiles
// are requested of the second-level cache. A chunk of four records takes 32 conversions of pairs in a lane, three steps after the loads
// from the ring; its slot is filled again only after the last of them. Then the tile is handed to the asynchronous proxy.
// PTX:          setmaxnreg.dec.sync.aligned.u32 40
// PTX-COUNT-2:  cp.async.bulk.shared::cta.global.mbarrier
// PTX:          cp.async.bulk.prefetch.L2.global
// PTX-COUNT-2:  cp.async.bulk.tensor.4d.shared::cta.global.tile
// PTX-COUNT-3:  ld.shared.v2.b32
// PTX:          cp.async.bulk.prefetch.L2.global
// PTX-NOT:      cp.async.bulk.shared
// PTX-COUNT-32: cvt.rn.f16x2.e4m3x2
// PTX:          st.shared.v4
// PTX:          bar.warp.sync
// PTX:          cp.async.bulk.shared::cta.global.mbarrier
// PTX-NOT:      cp.async.bulk.shared
// PTX-COUNT-32: cvt.rn.f16x2.e4m3x2
// PTX:          bar.warp.sync
// PTX:          cp.async.bulk.shared::cta.global.mbarrier
// PTX-NOT:      cvt.rn.f16x2.e4m3x2
// PTX:          setmaxnreg
// PTX-SAME:     .inc.sync.aligned.u32 152
// Scores and values as with a cache of bf16; less of the query stays in registers.
// PTX-COUNT-15:  wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {{{.*}}}, {{{.*}}}, %rd
// PTX-COUNT-21:  wgmma.mma_async.sync.aligned.m64n32k16.f32.bf16.bf16 {{{[^}]*}}}, %rd
// PTX:           setmaxnreg.inc.sync.aligned.u32 160
// PTX-COUNT-4:   wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// PTXAS:         0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
func.func @quantized() {
  %q = kernel.load_buffer @q : tensor<80x128x512xbf16>
  %r = kernel.load_buffer @r : tensor<80x128x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x2x64x656xi8>
  %p = kernel.load_buffer @p : tensor<80xi32>
  %b = kernel.load_buffer @b : tensor<80x4xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07 schedule <tile = [64, 32, 256], stages = 4, warps = 16> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<80x128x512xbf16>, tensor<80x128x64xbf16>, memref<?x2x64x656xi8>, tensor<80xi32>, tensor<80x4xi32> -> tensor<80x128x512xbf16>
  return
}

// Two tokens of a sequence take two more registers, for the limits of their positions.
kernel.buffer @q2 input : tensor<2x128x512xbf16>
kernel.buffer @r2 input : tensor<2x128x64xbf16>
kernel.buffer @p2 input : tensor<2xi32>
kernel.buffer @b2 input : tensor<1x64xi32>
kernel.buffer @w2 workspace : tensor<1048576xi8>
func.func @two_tokens() {
  %q = kernel.load_buffer @q2 : tensor<2x128x512xbf16>
  %r = kernel.load_buffer @r2 : tensor<2x128x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x2x64x656xi8>
  %p = kernel.load_buffer @p2 : tensor<2xi32>
  %b = kernel.load_buffer @b2 : tensor<1x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07 schedule <tile = [64, 32, 256], stages = 4, warps = 16> {placement = [#kernel.pointer<@w2 + 0>]}
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x2x64x656xi8>, tensor<2xi32>, tensor<1x64xi32> -> tensor<2x128x512xbf16>
  return
}

//--- invalid.mlir
kernel.buffer @q input : tensor<1x16x512xbf16>
kernel.buffer @r input : tensor<1x16x64xbf16>
kernel.buffer @cache cache : memref<?x1x64x656xi8>
kernel.buffer @p input : tensor<1xi32>
kernel.buffer @b input : tensor<1x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>
func.func @products_of_warps() {
  %q = kernel.load_buffer @q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x1x64x656xi8>
  %p = kernel.load_buffer @p : tensor<1xi32>
  %b = kernel.load_buffer @b : tensor<1x4xi32>
  // expected-error@+2 {{the sm_90a kernel reads quantised records with warpgroup products only}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 schedule <tile = [16, 32], stages = 4, warps = 8> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x1x64x656xi8>, tensor<1xi32>, tensor<1x4xi32> -> tensor<1x16x512xbf16>
  return
}
