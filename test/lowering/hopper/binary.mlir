// Device functions become cubins; --ptx-only stops before ptxas.
// REQUIRES: ptxas
// RUN: rm -rf %t && deepseek-opt %s -convert-nvvm-to-binary=dump-to=%t | FileCheck %s
// RUN: FileCheck --check-prefix=PTX --input-file=%t/copy.ptx %s
// RUN: FileCheck --check-prefix=LOG --input-file=%t/copy.ptxas %s

// CHECK-NOT: llvm.func
// CHECK:     kernel.binary @copy shared 0 registers {{[1-9][0-9]*}} : "\7FELF
// CHECK:     kernel.binary @other
// CHECK-NOT: dynamic_shared

// PTX: .target sm_90a
// PTX: .visible .entry copy
// PTX: .reqntid 32
// PTX: griddepcontrol.wait
// LOG: 0 bytes stack frame
llvm.mlir.global external @dynamic_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
llvm.func @copy(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>) attributes {nvvm.kernel, nvvm.reqntid = array<i32: 32, 1, 1>} {
  %c4 = arith.constant 4 : i32
  %thread = nvvm.read.ptx.sreg.tid.x : i32
  %limit = arith.cmpi ult, %thread, %c4 : i32
  nvvm.griddepcontrol wait
  scf.if %limit {
    %from = llvm.getelementptr %x[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %to = llvm.getelementptr %y[%thread] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %value = llvm.load %from : !llvm.ptr<1> -> f32
    llvm.store %value, %to : f32, !llvm.ptr<1>
  }
  llvm.return
}
llvm.func @other() attributes {nvvm.kernel} {
  llvm.return
}
