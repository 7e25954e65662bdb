// RUN: deepseek-opt %s -kernel-plan-memory -split-input-file | FileCheck %s
// RUN: deepseek-opt %s -kernel-plan-memory -split-input-file --remark-format=emitRemark --remarks-filter=kernel-plan-memory -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @w parameter : tensor<256x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
// Four products in a row: the first's result is dead when the third writes, so they share bytes; the last writes to the output itself.
// CHECK:       kernel.buffer @workspace workspace : tensor<8192xi8>
// CHECK-LABEL: func.func @chain
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 0>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 4096>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 0>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@y + 0>]
// CHECK-NOT:     kernel.store_buffer
// REMARK:      Function=chain | Remark="3 results in 8192 bytes of workspace, 12288 without reuse"
func.func @chain() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  %w = kernel.load_buffer @w : tensor<256x256xbf16>
  %0 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %1 = kernel.skinny_gemm %0, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %2 = kernel.skinny_gemm %1, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %3 = kernel.skinny_gemm %2, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  kernel.store_buffer %3, @y : tensor<8x256xbf16>
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @w parameter : tensor<256x256xbf16>
kernel.buffer @y output : tensor<8x128xbf16>
// A slice is read in place, and its root lives as long as the slice is used: the second result may not take its bytes.
// CHECK-LABEL: func.func @keeps_root_of_view
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 0>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@workspace + 4096>]
// CHECK:         kernel.skinny_gemm {{.*}}placement = [#kernel.pointer<@y + 0>]
func.func @keeps_root_of_view() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  %w = kernel.load_buffer @w : tensor<256x256xbf16>
  %0 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %v = tensor.extract_slice %0[0, 128] [8, 128] [1, 1] : tensor<8x256xbf16> to tensor<8x128xbf16>
  %1 = kernel.skinny_gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %u = tensor.extract_slice %1[0, 0] [8, 128] [1, 1] : tensor<8x256xbf16> to tensor<8x128xbf16>
  %2 = kernel.skinny_gemm %v, %u : tensor<8x128xbf16>, tensor<8x128xbf16> -> tensor<8x8xbf16>
  %3 = kernel.skinny_gemm %2, %2 : tensor<8x8xbf16>, tensor<8x8xbf16> -> tensor<8x8xbf16>
  kernel.store_buffer %3, @y : tensor<8x8xbf16>
  return
}

// -----

kernel.buffer @x input : tensor<8x256xbf16>
kernel.buffer @y output : tensor<8x256xbf16>
// An input has no kernel that could write it to the output: it is copied.
// CHECK-LABEL: func.func @copies_input
// CHECK:         kernel.row_fusion rows 8 {{.*}}placement = [#kernel.pointer<@y + 0>]
// CHECK-NOT:     kernel.store_buffer
func.func @copies_input() {
  %x = kernel.load_buffer @x : tensor<8x256xbf16>
  kernel.store_buffer %x, @y : tensor<8x256xbf16>
  return
}
