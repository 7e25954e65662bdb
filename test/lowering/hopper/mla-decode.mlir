// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/valid.mlir -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %t/valid.mlir --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/valid.mlir --check-prefix=PTX --input-file=%t/mla_decode_0.ptx
// RUN: FileCheck %t/valid.mlir --check-prefix=ODD --input-file=%t/mla_decode_2.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary -o %t.ignored %}

//--- valid.mlir
kernel.buffer @q input : tensor<2x16x512xbf16>
kernel.buffer @r input : tensor<2x16x192xbf16>
kernel.buffer @wide input : tensor<2x128x512xbf16>
kernel.buffer @wide_r input : tensor<2x128x64xbf16>
kernel.buffer @odd input : tensor<2x3x77xbf16>
kernel.buffer @odd_r input : tensor<2x3x7xbf16>
kernel.buffer @cache cache : memref<?x2x64x576xbf16>
kernel.buffer @odd_cache cache : memref<?x1x64x84xbf16>
kernel.buffer @p input : tensor<2xi32>
kernel.buffer @b input : tensor<2x4xi32>
kernel.buffer @w workspace : tensor<1048576xi8>

// One row tile of sixteen heads, three parts, two sequences. The cache's address is that of layer 1, the rotated query is a slice.
// CHECK-LABEL: func.func @split
// CHECK:         kernel.launch @mla_decode_0 grid [6, 1, 1] threads 256 cluster 1 shared {{[0-9]+}} programmatic args [#kernel.pointer<@q + 0>,
// CHECK-SAME:      #kernel.pointer<@r + 256>, #kernel.pointer<@cache + 73728>, #kernel.pointer<@p + 0>, #kernel.pointer<@b + 0>,
// CHECK-SAME:      #kernel.pointer<@w + 0>, #kernel.pointer<@w + 196608>]
// Records are requested only after the kernels before have finished; scores and values are tensor-core products; two barriers for each tile.
// PTX:         griddepcontrol.wait
// PTX-DAG:     cp.async.cg.shared.global [{{.*}}], 16, %r
// PTX-DAG:     cp.async.wait_group 2
// PTX-DAG:     ldmatrix.sync.aligned.m8n8.x4.shared.b16
// PTX-DAG:     ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16
// PTX-DAG:     mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// PTX-DAG:     lg2.approx.ftz.f32
// PTX-DAG:     bar.sync
// PTX-NOT:     .local
// PTX-NOT:     atom
func.func @split() {
  %q = kernel.load_buffer @q : tensor<2x16x512xbf16>
  %x = kernel.load_buffer @r : tensor<2x16x192xbf16>
  %r = tensor.extract_slice %x[0, 0, 128] [2, 16, 64] [1, 1, 1] : tensor<2x16x192xbf16> to tensor<2x16x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<2xi32>
  %b = kernel.load_buffer @b : tensor<2x4xi32>
  %0, %l = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07 schedule <tile = [16, 32], stages = 4, split = 3, warps = 8>
    {placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@w + 196608>]}
    : tensor<2x16x512xbf16>, tensor<2x16x64xbf16>, memref<?x2x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<3x2x16x512xf32> lse tensor<3x2x16xf32>
  return
}

// Two row tiles of 64 heads for each sequence.
// CHECK-LABEL: func.func @many_heads
// CHECK:         kernel.launch @mla_decode_1 grid [4, 1, 1] threads 256
func.func @many_heads() {
  %q = kernel.load_buffer @wide : tensor<2x128x512xbf16>
  %r = kernel.load_buffer @wide_r : tensor<2x128x64xbf16>
  %c = kernel.buffer_memref @cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<2xi32>
  %b = kernel.load_buffer @b : tensor<2x4xi32>
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.07 schedule <tile = [64, 32], stages = 2, warps = 8> {placement = [#kernel.pointer<@w + 0>]}
    : tensor<2x128x512xbf16>, tensor<2x128x64xbf16>, memref<?x2x64x576xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x128x512xbf16>
  return
}

// No schedule: any shape has a default. Records of 168 bytes are copied in pieces of 8, query rows of 77 elements one by one.
// CHECK-LABEL: func.func @odd_sizes
// CHECK:         kernel.launch @mla_decode_2 grid [2, 1, 1] threads 256
// ODD:         ld.global.b16
// ODD:         cp.async.ca.shared.global [{{.*}}], 8, %r
// ODD:         st.global.b16
func.func @odd_sizes() {
  %q = kernel.load_buffer @odd : tensor<2x3x77xbf16>
  %r = kernel.load_buffer @odd_r : tensor<2x3x7xbf16>
  %c = kernel.buffer_memref @odd_cache : memref<?x1x64x84xbf16>
  %p = kernel.load_buffer @p : tensor<2xi32>
  %b = kernel.load_buffer @b : tensor<2x4xi32>
  %0 = kernel.mla_decode %q, %r, %c[0] at %p, %b scale 0.1 {placement = [#kernel.pointer<@w + 0>]}
    : tensor<2x3x77xbf16>, tensor<2x3x7xbf16>, memref<?x1x64x84xbf16>, tensor<2xi32>, tensor<2x4xi32> -> tensor<2x3x77xbf16>
  return
}
