// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/few.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/few" -o %t.ignored
// RUN: cat %t/few/*.ptx | FileCheck %t/few.mlir
// RUN: deepseek-opt %t/many.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/many" -o %t.ignored
// RUN: cat %t/many/row_fusion_1.ptx | FileCheck %t/many.mlir

// Few rows: the next kernel may come in at once; this one's weights are requested before it waits, its activations after.
//--- few.mlir
kernel.buffer @x input : tensor<16x2048xbf16>
kernel.buffer @w parameter : tensor<512x2048xbf16>
kernel.buffer @y output : tensor<16x512xbf16>
// CHECK: ld.global{{.*}}L1::no_allocate
// CHECK: griddepcontrol.launch_dependents
// CHECK: griddepcontrol.wait
// CHECK: ld.global.v4
func.func @few() {
  %x = kernel.load_buffer @x : tensor<16x2048xbf16>
  %w = kernel.load_buffer @w : tensor<512x2048xbf16>
  %y = kernel.skinny_gemm %x, %w {placement = [#kernel.pointer<@y + 0>]} : tensor<16x2048xbf16>, tensor<512x2048xbf16> -> tensor<16x512xbf16>
  return
}

// Many rows: the next kernel would take room; it comes in when the rows have been read. (The second kernel is looked at: an entry's input may be read before the wait.)
//--- many.mlir
kernel.buffer @x input : tensor<4096x2048xf32>
kernel.buffer @workspace workspace : tensor<33554432xi8>
kernel.buffer @y output : tensor<4096x2048xf32>
// CHECK-NOT: {{ld.global|launch_dependents}}
// CHECK:     griddepcontrol.wait
// CHECK:     ld.global
// CHECK:     griddepcontrol.launch_dependents
// CHECK:     st.global
func.func @many() {
  %x = kernel.load_buffer @x : tensor<4096x2048xf32>
  %1 = kernel.row_fusion rows 4096 whole [] (%x) {placement = [#kernel.pointer<@workspace + 0>]} : (tensor<4096x2048xf32>) -> tensor<4096x2048xf32> {
  ^bb0(%row: tensor<2048xf32>):
    %double = arith.addf %row, %row : tensor<2048xf32>
    kernel.row_yield %double : tensor<2048xf32>
  }
  %2 = kernel.row_fusion rows 4096 whole [] (%1) {placement = [#kernel.pointer<@y + 0>]} : (tensor<4096x2048xf32>) -> tensor<4096x2048xf32> {
  ^bb0(%row: tensor<2048xf32>):
    %square = arith.mulf %row, %row : tensor<2048xf32>
    kernel.row_yield %square : tensor<2048xf32>
  }
  return
}
