// RUN: deepseek-opt %s -convert-host-to-llvm -split-input-file | FileCheck %s
// Launches have a test of their own: test/lowering/convert-host-to-llvm-launches.mlir.

// Buffer i of the table is the i-th kernel.buffer of the module, whatever order an entry uses them in. The address is loaded once per use and never changes.
kernel.buffer @a input : tensor<8xf32>
kernel.buffer @b output : tensor<2x4xf32>
// CHECK-LABEL: func.func @dsrt_entry_f(
// CHECK-SAME:    %[[CONTEXT:[^:]+]]: !llvm.ptr, %[[BUFFERS:[^:]+]]: !llvm.ptr) -> i32
// CHECK-NOT:     deepseek.entry
// CHECK:         %[[SLOT:.+]] = llvm.getelementptr %[[BUFFERS]][1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
// CHECK:         %[[ADDRESS:.+]] = llvm.load %[[SLOT]] invariant : !llvm.ptr -> !llvm.ptr
// CHECK:         llvm.insertvalue %[[ADDRESS]], %{{.+}}[0]
// CHECK:         llvm.insertvalue %[[ADDRESS]], %{{.+}}[1]
// Offset 0; sizes 2, 4; strides 4, 1.
// CHECK:         llvm.mlir.constant(0 : index)
// CHECK:         %[[ROWS:.+]] = llvm.mlir.constant(2 : index)
// CHECK:         llvm.insertvalue %[[ROWS]], %{{.+}}[3, 0]
// CHECK:         %[[PITCH:.+]] = llvm.mlir.constant(4 : index)
// CHECK:         llvm.insertvalue %[[PITCH]], %{{.+}}[4, 0]
// CHECK:         %[[COLUMNS:.+]] = llvm.mlir.constant(4 : index)
// CHECK:         llvm.insertvalue %[[COLUMNS]], %{{.+}}[3, 1]
// CHECK:         %[[ONE:.+]] = llvm.mlir.constant(1 : index)
// CHECK:         %[[WHOLE:.+]] = llvm.insertvalue %[[ONE]], %{{.+}}[4, 1]
// CHECK:         %[[B:.+]] = builtin.unrealized_conversion_cast %[[WHOLE]] : {{.+}} to memref<2x4xf32>
// CHECK:         llvm.getelementptr %[[BUFFERS]][0]
// CHECK:         memref.store %{{.+}}, %[[B]]
// An entry that comes to its end returns 0.
// CHECK:         %[[ZERO:.+]] = llvm.mlir.constant(0 : i32) : i32
// CHECK:         return %[[ZERO]] : i32
func.func @f() attributes {deepseek.entry = {kind = "function"}} {
  %b = kernel.buffer_memref @b : memref<2x4xf32>
  %a = kernel.buffer_memref @a : memref<8xf32>
  %i = arith.constant 1 : index
  %x = memref.load %a[%i] : memref<8xf32>
  memref.store %x, %b[%i, %i] : memref<2x4xf32>
  return
}

// A function that is no entry keeps its signature.
// CHECK-LABEL: func.func private @shared(
// CHECK-SAME:    %{{.+}}: memref<8xf32>) {
func.func private @shared(%x: memref<8xf32>) {
  return
}

// The sections: magic and ABI version, the manifest, and a list that keeps both from being dropped. Buffers are gone.
// CHECK-NOT:   kernel.buffer
// CHECK:       llvm.mlir.global private constant @dsrt_header("DSRTART\00\01\00\00\00
// CHECK-SAME:    section = ".deepseek.header"
// CHECK:       llvm.mlir.global private constant @dsrt_manifest("{\22abi\22:1,\22target\22:\22cpu\22,\22cpu\22:\22x86-64-v3\22,
// CHECK-SAME:    section = ".deepseek.manifest"
// CHECK-NOT:   .deepseek.kernels
// CHECK:       llvm.mlir.global appending @llvm.used() {{.*}}section = "llvm.metadata"{{.*}}!llvm.array<2 x ptr>
// CHECK:         llvm.mlir.addressof @dsrt_header
// CHECK:         llvm.mlir.addressof @dsrt_manifest

// -----

// The number of a cache's pages is the runtime's affair: the descriptor names none that could be too small, and the stride of a page follows from the rest.
kernel.buffer @cache cache : memref<?x2x64x80xf32>
// CHECK-LABEL: func.func @dsrt_entry_cached(
// CHECK:         %[[MOST:.+]] = llvm.mlir.constant(2147483647 : index)
// CHECK:         llvm.insertvalue %[[MOST]], %{{.+}}[3, 0]
// CHECK:         %[[PAGE:.+]] = llvm.mlir.constant(10240 : index)
// CHECK:         llvm.insertvalue %[[PAGE]], %{{.+}}[4, 0]
// CHECK:         builtin.unrealized_conversion_cast %{{.+}} to memref<?x2x64x80xf32>
func.func @cached() attributes {deepseek.entry = {kind = "function"}} {
  %c = kernel.buffer_memref @cache : memref<?x2x64x80xf32>
  %i = arith.constant 0 : index
  %x = memref.load %c[%i, %i, %i, %i] : memref<?x2x64x80xf32>
  memref.store %x, %c[%i, %i, %i, %i] : memref<?x2x64x80xf32>
  return
}
