// RUN: rm -rf %t && mkdir -p %t
// RUN: deepseek-opt %s -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %s --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t/mla_combine_0.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary -o %t.ignored %}
kernel.buffer @p input : tensor<8x2x16x512xf32>
kernel.buffer @l input : tensor<8x2x16xf32>
kernel.buffer @odd input : tensor<70x2x3x77xf32>
kernel.buffer @odd_l input : tensor<70x2x3xf32>
kernel.buffer @y output : tensor<2x16x512xbf16>
kernel.buffer @z output : tensor<2x3x77xbf16>

// 32 rows of four chunks of 128 columns, four warps to a CTA. No sum is made by atomics.
// CHECK-LABEL: func.func @combine
// CHECK:         kernel.launch @mla_combine_0 grid [32, 1, 1] threads 128 cluster 1 shared 0 programmatic args [#kernel.pointer<@p + 0>, #kernel.pointer<@l + 0>, #kernel.pointer<@y + 0>]
// PTX:         griddepcontrol.wait
// PTX-COUNT-8: ld.global.v4.b32
// PTX:         st.global.v2.b32
// PTX-NOT:     atom
func.func @combine() {
  %p = kernel.load_buffer @p : tensor<8x2x16x512xf32>
  %l = kernel.load_buffer @l : tensor<8x2x16xf32>
  %0 = kernel.mla_combine %p, %l {placement = [#kernel.pointer<@y + 0>]} : tensor<8x2x16x512xf32>, tensor<8x2x16xf32> -> tensor<2x16x512xbf16>
  return
}

// Six rows of three chunks of 32 columns: the last CTA has two warps without work.
// CHECK-LABEL: func.func @odd_columns
// CHECK:         kernel.launch @mla_combine_1 grid [5, 1, 1] threads 128
func.func @odd_columns() {
  %p = kernel.load_buffer @odd : tensor<70x2x3x77xf32>
  %l = kernel.load_buffer @odd_l : tensor<70x2x3xf32>
  %0 = kernel.mla_combine %p, %l {placement = [#kernel.pointer<@z + 0>]} : tensor<70x2x3x77xf32>, tensor<70x2x3xf32> -> tensor<2x3x77xbf16>
  return
}
