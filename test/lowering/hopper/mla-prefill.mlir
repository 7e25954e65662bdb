// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/valid.mlir -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %t/valid.mlir --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/valid.mlir --check-prefix=PTX --input-file=%t/mla_prefill_0.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -verify-diagnostics

//--- valid.mlir
kernel.buffer @q input : tensor<200x16x192xbf16>
kernel.buffer @kv input : tensor<512x16x256xbf16>
kernel.buffer @k input : tensor<512x64xbf16>
kernel.buffer @p input : tensor<200xi32>
kernel.buffer @y output : tensor<200x16x128xbf16>
kernel.buffer @odd_q input : tensor<6x3x26xbf16>
kernel.buffer @odd_kv input : tensor<256x3x220xbf16>
kernel.buffer @odd_k input : tensor<256x6xbf16>
kernel.buffer @odd_p input : tensor<6xi32>
kernel.buffer @z output : tensor<6x3x200xbf16>

// Four tiles of 64 rows, sixteen heads. Both parts of the query are slices of one projection.
// CHECK-LABEL: func.func @v2_lite
// CHECK:         kernel.launch @mla_prefill_0 grid [4, 16, 1] threads 128 cluster 1 shared {{[0-9]+}} programmatic args [#kernel.pointer<@q + 0>,
// CHECK-SAME:      #kernel.pointer<@q + 256>, #kernel.pointer<@kv + 0>, #kernel.pointer<@k + 0>, #kernel.pointer<@p + 0>, #kernel.pointer<@y + 0>]
// PTX:         griddepcontrol.wait
// PTX-DAG:     cp.async.cg.shared.global [{{.*}}], 16, %r
// PTX-DAG:     ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// PTX-DAG:     mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// PTX-NOT:     .local
func.func @v2_lite() {
  %q = kernel.load_buffer @q : tensor<200x16x192xbf16>
  %n = tensor.extract_slice %q[0, 0, 0] [200, 16, 128] [1, 1, 1] : tensor<200x16x192xbf16> to tensor<200x16x128xbf16>
  %r = tensor.extract_slice %q[0, 0, 128] [200, 16, 64] [1, 1, 1] : tensor<200x16x192xbf16> to tensor<200x16x64xbf16>
  %kv = kernel.load_buffer @kv : tensor<512x16x256xbf16>
  %k = kernel.load_buffer @k : tensor<512x64xbf16>
  %p = kernel.load_buffer @p : tensor<200xi32>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 {placement = [#kernel.pointer<@y + 0>]}
    : tensor<200x16x128xbf16>, tensor<200x16x64xbf16>, tensor<512x16x256xbf16>, tensor<512x64xbf16>, tensor<200xi32> -> tensor<200x16x128xbf16>
  return
}

// Two sequences of three tokens: tiles of 16 rows. 200 output columns are two parts of 100.
// CHECK-LABEL: func.func @odd_sizes
// CHECK:         kernel.launch @mla_prefill_1 grid [1, 6, 2] threads 32
func.func @odd_sizes() {
  %q = kernel.load_buffer @odd_q : tensor<6x3x26xbf16>
  %n = tensor.extract_slice %q[0, 0, 0] [6, 3, 20] [1, 1, 1] : tensor<6x3x26xbf16> to tensor<6x3x20xbf16>
  %r = tensor.extract_slice %q[0, 0, 20] [6, 3, 6] [1, 1, 1] : tensor<6x3x26xbf16> to tensor<6x3x6xbf16>
  %kv = kernel.load_buffer @odd_kv : tensor<256x3x220xbf16>
  %k = kernel.load_buffer @odd_k : tensor<256x6xbf16>
  %p = kernel.load_buffer @odd_p : tensor<6xi32>
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 2 scale 0.1 {placement = [#kernel.pointer<@z + 0>]}
    : tensor<6x3x20xbf16>, tensor<6x3x6xbf16>, tensor<256x3x220xbf16>, tensor<256x6xbf16>, tensor<6xi32> -> tensor<6x3x200xbf16>
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
  // expected-error@+2 {{schedule: needs 240640 bytes of shared memory, 232448 fit}}
  // expected-error@+1 {{no kernel was built for this operation}}
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 schedule <tile = [64, 64], stages = 5> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<64x2x128xbf16>, tensor<64x2x64xbf16>, tensor<64x2x256xbf16>, tensor<64x64xbf16>, tensor<64xi32> -> tensor<64x2x128xbf16>
  return
}
