// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/valid.mlir -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %t/valid.mlir --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/valid.mlir --check-prefix=PTX --input-file=%t/mla_prefill_0.ptx
// RUN: FileCheck %t/valid.mlir --check-prefix=ONE --input-file=%t/mla_prefill_1.ptx
// RUN: FileCheck %t/valid.mlir --check-prefix=SMALL --input-file=%t/mla_prefill_2.ptx
// RUN: FileCheck %t/valid.mlir --check-prefix=PARTS --input-file=%t/mla_prefill_3.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -split-input-file -convert-kernel-to-nvvm -verify-diagnostics

//--- valid.mlir
kernel.buffer @q input : tensor<2048x16x192xbf16>
kernel.buffer @kv input : tensor<8192x16x256xbf16>
kernel.buffer @k input : tensor<8192x64xbf16>
kernel.buffer @p input : tensor<2048xi32>
kernel.buffer @few input : tensor<16xi32>
kernel.buffer @y output : tensor<2048x16x128xbf16>
kernel.buffer @small_q input : tensor<60x3x48xbf16>
kernel.buffer @small_kv input : tensor<200x3x80xbf16>
kernel.buffer @small_k input : tensor<200x16xbf16>
kernel.buffer @small_p input : tensor<60xi32>
kernel.buffer @z output : tensor<60x3x48xbf16>

// Sixteen tiles of 128 rows by sixteen heads are 256 CTAs. One query box of 64 x 64, one key box of
// 64 x 128, of each head; values start after the keys of their head.
// CHECK-LABEL: func.func @warpgroups
// CHECK:         kernel.launch @mla_prefill_0 grid [256, 1, 1] threads 384 cluster 1 shared {{[0-9]+}} programmatic
// CHECK-SAME:      args [#kernel.tensor_map<@q + 0, bf16, dims = [128, 16, 2048, 1], strides = [384, 6144, 12582912], box = [64, 1, 64, 1], swizzle = 128>,
// CHECK-SAME:      #kernel.tensor_map<@q + 256, bf16, dims = [64, 16, 2048, 1], {{[^>]*}}box = [64, 1, 64, 1], swizzle = 128>,
// CHECK-SAME:      #kernel.tensor_map<@kv + 0, bf16, dims = [128, 16, 8192, 1], strides = [512, 8192, 67108864], box = [64, 1, 128, 1], swizzle = 128>,
// CHECK-SAME:      #kernel.tensor_map<@k + 0, bf16, dims = [64, 8192, 1], strides = [128, 1048576], box = [64, 128, 1], swizzle = 128>,
// CHECK-SAME:      #kernel.tensor_map<@kv + 256, bf16, dims = [128, 16, 8192, 1], {{[^>]*}}box = [64, 1, 128, 1], swizzle = 128>,
// CHECK-SAME:      #kernel.pointer<@p + 0>, #kernel.pointer<@y + 0>]
// The producer gives registers away, the consumers take them.
// PTX:         griddepcontrol.wait
// PTX:         setmaxnreg.dec.sync.aligned.u32 40
// PTX:         setmaxnreg.inc.sync.aligned.u32 232
// The first scores, twelve products of 128 keys.
// PTX-COUNT-12: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// PTX:         wgmma.commit_group
// PTX:         wgmma.wait_group.sync.aligned 0
// The loop: scores of one tile and output of the one before are under way together; softmax starts when the scores
// are there, while the output is not.
// PTX-COUNT-12: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// PTX:         wgmma.commit_group
// PTX-COUNT-8: wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {{.*}}, 1, 1, 1, 1;
// PTX:         wgmma.commit_group
// PTX-NOT:     wgmma.mma_async
// PTX:         wgmma.wait_group.sync.aligned 1
// PTX:         ex2.approx
// PTX:         wgmma.wait_group.sync.aligned 0
// PTX-NOT:     .local
func.func @warpgroups() {
  %q = kernel.load_buffer @q : tensor<2048x16x192xbf16>
  %n = tensor.extract_slice %q[0, 0, 0] [2048, 16, 128] [1, 1, 1] : tensor<2048x16x192xbf16> to tensor<2048x16x128xbf16>
  %r = tensor.extract_slice %q[0, 0, 128] [2048, 16, 64] [1, 1, 1] : tensor<2048x16x192xbf16> to tensor<2048x16x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<8192x16x256xbf16>
  %k = kernel.load_buffer @k : tensor<8192x64xbf16>
  %p = kernel.load_buffer @p : tensor<2048xi32>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [128, 128, 8], stages = 2, warps = 12> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<2048x16x128xbf16>, tensor<2048x16x64xbf16>, tensor<8192x16x256xbf16>, tensor<8192x64xbf16>, tensor<2048xi32> -> tensor<2048x16x128xbf16>
  return
}

// One consumer needs no share of another's registers.
// CHECK-LABEL: func.func @one_consumer
// CHECK:         kernel.launch @mla_prefill_1 grid [512, 1, 1] threads 256
// ONE-NOT:     setmaxnreg
// ONE:         wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
func.func @one_consumer() {
  %q = kernel.load_buffer @q : tensor<2048x16x192xbf16>
  %n = tensor.extract_slice %q[0, 0, 0] [2048, 16, 128] [1, 1, 1] : tensor<2048x16x192xbf16> to tensor<2048x16x128xbf16>
  %r = tensor.extract_slice %q[0, 0, 128] [2048, 16, 64] [1, 1, 1] : tensor<2048x16x192xbf16> to tensor<2048x16x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<8192x16x256xbf16>
  %k = kernel.load_buffer @k : tensor<8192x64xbf16>
  %p = kernel.load_buffer @p : tensor<2048xi32>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [64, 128, 8], stages = 2, warps = 8> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<2048x16x128xbf16>, tensor<2048x16x64xbf16>, tensor<8192x16x256xbf16>, tensor<8192x64xbf16>, tensor<2048xi32> -> tensor<2048x16x128xbf16>
  return
}

// Two sequences of thirty tokens. 32 + 16 elements of the depth are two boxes, of which TMA fills the rest with zeros:
// three products for the scores; 48 columns of the output.
// CHECK-LABEL: func.func @small_heads
// CHECK:         kernel.launch @mla_prefill_2 grid [6, 1, 1] threads 384
// CHECK-SAME:      #kernel.tensor_map<@small_q + 0, bf16, dims = [32, 3, 30, 2], strides = [96, 288, 8640], box = [64, 1, 64, 1], swizzle = 128>
// SMALL-COUNT-3: wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16
// SMALL:       wgmma.commit_group
// SMALL:       wgmma.mma_async.sync.aligned.m64n48k16.f32.bf16.bf16
func.func @small_heads() {
  %q = kernel.load_buffer @small_q : tensor<60x3x48xbf16>
  %n = tensor.extract_slice %q[0, 0, 0] [60, 3, 32] [1, 1, 1] : tensor<60x3x48xbf16> to tensor<60x3x32xbf16>
  %r = tensor.extract_slice %q[0, 0, 32] [60, 3, 16] [1, 1, 1] : tensor<60x3x48xbf16> to tensor<60x3x16xbf16>
  %kv = kernel.load_buffer @small_kv : tensor<200x3x80xbf16>
  %k = kernel.load_buffer @small_k : tensor<200x16xbf16>
  %p = kernel.load_buffer @small_p : tensor<60xi32>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 2 scale 0.1 schedule <tile = [128, 64], stages = 3, warps = 12> {placement = [#kernel.pointer<@z + 0>]}
    : tensor<60x3x32xbf16>, tensor<60x3x16xbf16>, tensor<200x3x80xbf16>, tensor<200x16xbf16>, tensor<60xi32> -> tensor<60x3x48xbf16>
  return
}

// Sixteen tokens over a long history: four CTAs share a task's keys and join their outputs in each other's memory.
// CHECK-LABEL: func.func @parts
// CHECK:         kernel.launch @mla_prefill_3 grid [64, 1, 1] threads 256 cluster 4
// PARTS:       .explicitcluster
// PARTS:       wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// PARTS:       barrier.cluster.arrive
// PARTS:       barrier.cluster.wait
// PARTS-COUNT-8: mapa.shared::cluster
// PARTS:       barrier.cluster.arrive
func.func @parts() {
  %q = kernel.load_buffer @q : tensor<2048x16x192xbf16>
  %n = tensor.extract_slice %q[0, 0, 0] [16, 16, 128] [1, 1, 1] : tensor<2048x16x192xbf16> to tensor<16x16x128xbf16>
  %r = tensor.extract_slice %q[0, 0, 128] [16, 16, 64] [1, 1, 1] : tensor<2048x16x192xbf16> to tensor<16x16x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<8192x16x256xbf16>
  %k = kernel.load_buffer @k : tensor<8192x64xbf16>
  %p = kernel.load_buffer @few : tensor<16xi32>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [64, 128, 16], stages = 2, split = 4, warps = 8> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<16x16x128xbf16>, tensor<16x16x64xbf16>, tensor<8192x16x256xbf16>, tensor<8192x64xbf16>, tensor<16xi32> -> tensor<16x16x128xbf16>
  return
}

//--- invalid.mlir
kernel.buffer @n input : tensor<64x2x128xbf16>
kernel.buffer @r input : tensor<64x2x64xbf16>
kernel.buffer @kv input : tensor<64x2x256xbf16>
kernel.buffer @k input : tensor<64x64xbf16>
kernel.buffer @p input : tensor<64xi32>
kernel.buffer @y output : tensor<64x2x128xbf16>
func.func @shared_memory() {
  %n = kernel.load_buffer @n : tensor<64x2x128xbf16>
  %r = kernel.load_buffer @r : tensor<64x2x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<64x2x256xbf16>
  %k = kernel.load_buffer @k : tensor<64x64xbf16>
  %p = kernel.load_buffer @p : tensor<64xi32>
  // expected-error@+2 {{schedule: needs 295024 bytes of shared memory, 232448 fit}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [128, 128], stages = 3, warps = 12> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<64x2x128xbf16>, tensor<64x2x64xbf16>, tensor<64x2x256xbf16>, tensor<64x64xbf16>, tensor<64xi32> -> tensor<64x2x128xbf16>
  return
}
// -----
kernel.buffer @n input : tensor<64x2x128xbf16>
kernel.buffer @r input : tensor<64x2x64xbf16>
kernel.buffer @kv input : tensor<64x2x256xbf16>
kernel.buffer @k input : tensor<64x64xbf16>
kernel.buffer @p input : tensor<64xi32>
kernel.buffer @y output : tensor<64x2x128xbf16>
func.func @keys() {
  %n = kernel.load_buffer @n : tensor<64x2x128xbf16>
  %r = kernel.load_buffer @r : tensor<64x2x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<64x2x256xbf16>
  %k = kernel.load_buffer @k : tensor<64x64xbf16>
  %p = kernel.load_buffer @p : tensor<64xi32>
  // expected-error@+2 {{schedule: no wgmma form for 128 rows, 40 keys, 2 stages and heads of 128 + 64 and 128 elements: expected 64 or 128 rows, 16 to 256 keys, 2 to 8 stages, all sizes multiples of 16, at most 256 values}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [128, 40], stages = 2, warps = 12> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<64x2x128xbf16>, tensor<64x2x64xbf16>, tensor<64x2x256xbf16>, tensor<64x64xbf16>, tensor<64xi32> -> tensor<64x2x128xbf16>
  return
}
// -----
kernel.buffer @n input : tensor<64x2x128xbf16>
kernel.buffer @r input : tensor<64x2x64xbf16>
kernel.buffer @kv input : tensor<64x2x256xbf16>
kernel.buffer @k input : tensor<64x64xbf16>
kernel.buffer @p input : tensor<64xi32>
kernel.buffer @y output : tensor<64x2x128xbf16>
func.func @parts() {
  %n = kernel.load_buffer @n : tensor<64x2x128xbf16>
  %r = kernel.load_buffer @r : tensor<64x2x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<64x2x256xbf16>
  %k = kernel.load_buffer @k : tensor<64x64xbf16>
  %p = kernel.load_buffer @p : tensor<64xi32>
  // expected-error@+2 {{schedule: 3 parts of the keys, expected 1, 2, 4 or 8 whose 70656 bytes of results fit the 98304 of the key tiles}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [128, 128], stages = 2, split = 3, warps = 12> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<64x2x128xbf16>, tensor<64x2x64xbf16>, tensor<64x2x256xbf16>, tensor<64x64xbf16>, tensor<64xi32> -> tensor<64x2x128xbf16>
  return
}
