// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PAIRS --input-file=%t/transpose_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=ODD --input-file=%t/transpose_1.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=BYTES --input-file=%t/transpose_2.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}

//--- kernels.mlir
kernel.buffer @x input : tensor<256x512xbf16>
kernel.buffer @t output : tensor<512x256xbf16>
kernel.buffer @odd input : tensor<257x1001xbf16>
kernel.buffer @odd_t output : tensor<1001x257xbf16>
kernel.buffer @heads input : tensor<16x256x512xf8E4M3FN>
kernel.buffer @heads_t output : tensor<16x512x128xf8E4M3FN>

// 4 x 8 tiles of 64 x 64; a row of a tile is 128 bytes and 4 of padding. Pairs of elements on both sides.
// CHECK-LABEL: func.func @whole_tiles
// CHECK:         kernel.launch @transpose_0 grid [32, 1, 1] threads 256 cluster 1 shared 8448 programmatic args [#kernel.pointer<@x + 0>, #kernel.pointer<@t + 0>]
// PAIRS:         griddepcontrol.wait
// PAIRS-COUNT-8: ld.global.b32
// PAIRS:         bar.sync
// PAIRS:         griddepcontrol.launch_dependents
// PAIRS-COUNT-8: st.global.b32
// PAIRS-NOT:     st.global
func.func @whole_tiles() {
  %x = kernel.load_buffer @x : tensor<256x512xbf16>
  %y = kernel.transpose %x {placement = [#kernel.pointer<@t + 0>]} : tensor<256x512xbf16> -> tensor<512x256xbf16>
  return
}

// Rows begin at odd addresses on both sides: one element at a time. 5 x 16 tiles, the last of each dimension incomplete.
// CHECK-LABEL: func.func @odd_sizes
// CHECK:         kernel.launch @transpose_1 grid [80, 1, 1] threads 256
// ODD-NOT:       global.b32
// ODD-COUNT-16:  ld.global.b16
// ODD-COUNT-16:  st.global.b16
func.func @odd_sizes() {
  %x = kernel.load_buffer @odd : tensor<257x1001xbf16>
  %y = kernel.transpose %x {placement = [#kernel.pointer<@odd_t + 0>]} : tensor<257x1001xbf16> -> tensor<1001x257xbf16>
  return
}

// A matrix for each head, read in place: its address is that of the slice. Four bytes are four elements.
// CHECK-LABEL: func.func @sliced_heads
// CHECK:         kernel.launch @transpose_2 grid [256, 1, 1] threads 256 cluster 1 shared 4352 programmatic args [#kernel.pointer<@heads + 65536>, #kernel.pointer<@heads_t + 0>]
// BYTES-COUNT-4:  ld.global.b32
// BYTES:          bar.sync
// BYTES-COUNT-4:  st.global.b32
func.func @sliced_heads() {
  %x = kernel.load_buffer @heads : tensor<16x256x512xf8E4M3FN>
  %s = tensor.extract_slice %x[0, 128, 0] [16, 128, 512] [1, 1, 1] : tensor<16x256x512xf8E4M3FN> to tensor<16x128x512xf8E4M3FN>
  %y = kernel.transpose %s {placement = [#kernel.pointer<@heads_t + 0>]} : tensor<16x128x512xf8E4M3FN> -> tensor<16x512x128xf8E4M3FN>
  return
}
