// RUN: deepseek-opt %s -convert-host-to-llvm=target=sm_90a | FileCheck %s

kernel.buffer @x input : tensor<300x512xbf16>
kernel.buffer @y output : tensor<8xf32>
kernel.binary @first shared 0 registers 32 : "one"
kernel.binary @second shared 1024 registers 64 : "two"

// Parameters lie in order: an address plus bytes, a number, and a tensor map that the runtime encodes into aligned stack space. The entry stops at the
// first code that is not 0.
// CHECK-LABEL: func.func @dsrt_entry_step(
// CHECK-SAME:    %[[CONTEXT:.+]]: !llvm.ptr, %[[BUFFERS:.+]]: !llvm.ptr) -> i32
// CHECK:         %[[TABLE:.+]] = llvm.alloca %{{.+}} x !llvm.ptr
// CHECK:         %[[SCALARS:.+]] = llvm.alloca %{{.+}} x i64
// CHECK:         %[[MAPS:.+]] = llvm.alloca %{{.+}} x !llvm.array<128 x i8> {alignment = 64 : i64}
// CHECK:         %[[Y:.+]] = llvm.getelementptr %[[BUFFERS]][1]
// CHECK:         %[[YA:.+]] = llvm.load %[[Y]]
// CHECK:         %[[YB:.+]] = llvm.getelementptr %[[YA]][%{{.+}}] : (!llvm.ptr, i64) -> !llvm.ptr, i8
// CHECK:         llvm.store %[[YB]], %{{.+}} : !llvm.ptr, !llvm.ptr
// CHECK:         %[[SEVEN:.+]] = llvm.mlir.constant(7 : i32) : i32
// CHECK:         llvm.store %[[SEVEN]], %{{.+}} : i32, !llvm.ptr
// CHECK:         %[[SPEC:.+]] = llvm.mlir.addressof @[[$SPEC:dsrt_tensor_map_.+]] : !llvm.ptr
// CHECK:         %[[CODE:.+]] = llvm.call @dsrt_tensor_map_encode(%[[CONTEXT]], %{{.+}}, %{{.+}}, %{{.+}})
// CHECK:         %[[GOOD:.+]] = llvm.icmp "eq" %[[CODE]]
// CHECK:         llvm.cond_br %[[GOOD]], ^[[NEXT:.+]], ^[[EXIT:.+]](%[[CODE]] : i32)
// CHECK:       ^[[NEXT]]:
// CHECK:         llvm.call @dsrt_kernel_launch(%[[CONTEXT]], %{{.+}}, %[[TABLE]])
// CHECK:         llvm.call @dsrt_kernel_launch(%[[CONTEXT]], %{{.+}}, %[[TABLE]])
// CHECK:       ^[[EXIT]](%[[RESULT:.+]]: i32):
// CHECK:         return %[[RESULT]]
// rank 2, bf16 (4), swizzle 128; 512 x 300 elements
// CHECK:       @[[$SPEC]]("\04\00\00\00\02\00\00\00\80\00\00\00\00\00\00\00\00\02\00\00\00\00\00\00,\01\00\00
// the second kernel (1), grid 5 x 2 x 1, 256 threads, no cluster, 1024 bytes, programmatic
// CHECK:       @dsrt_launch_{{.+}}("\01\00\00\00\05\00\00\00\02\00\00\00\01\00\00\00\00\01\00\00\01\00\00\00\00\04\00\00\01\00\00\00")
// CHECK:       section = ".deepseek.kernels"
func.func @step() attributes {deepseek.entry = {kind = "function"}} {
  kernel.launch @second grid [5, 2, 1] threads 256 cluster 1 shared 1024 programmatic args [
    #kernel.pointer<@y + 4>, #kernel.int<7>,
    #kernel.tensor_map<@x + 0, bf16, dims = [512, 300], strides = [1024], box = [64, 128], swizzle = 128>]
  kernel.launch @first grid [1, 1, 1] threads 32 cluster 1 shared 0 args []
  return
}
