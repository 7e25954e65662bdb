// RUN: deepseek-opt %s -convert-buffers-to-memref | FileCheck %s

kernel.buffer @x input : tensor<8x4xf32>
kernel.buffer @y output : tensor<8x4xf32>
kernel.buffer @c cache : memref<?x2x64x80xf32>
// A load is a read-only tensor over the buffer, a store writes into its own; a cache is a memref already. An entry with a small bucket sees a prefix.
// CHECK-LABEL: func.func @f()
// CHECK:         %[[X:.+]] = kernel.buffer_memref @x : memref<2x4xf32>
// CHECK:         %[[T:.+]] = bufferization.to_tensor %[[X]] restrict : memref<2x4xf32> to tensor<2x4xf32>
// CHECK:         %[[S:.+]] = arith.addf %[[T]], %[[T]]
// CHECK:         kernel.buffer_memref @c : memref<?x2x64x80xf32>
// CHECK:         %[[Y:.+]] = kernel.buffer_memref @y : memref<2x4xf32>
// CHECK:         bufferization.materialize_in_destination %[[S]] in restrict writable %[[Y]]
// CHECK-NOT:     kernel.{{load|store}}_buffer
func.func @f() attributes {deepseek.entry = {kind = "function"}} {
  %x = kernel.load_buffer @x : tensor<2x4xf32>
  %s = arith.addf %x, %x : tensor<2x4xf32>
  %c = kernel.buffer_memref @c : memref<?x2x64x80xf32>
  kernel.store_buffer %s, @y : tensor<2x4xf32>
  return
}
