// RUN: deepseek-opt %s -inline-alloca-scopes | FileCheck %s

// A scope without stack memory vanishes, its result too.
// CHECK-LABEL: func.func @inlines
// CHECK-SAME:    %[[X:[^:]+]]: memref<4xf32>, %[[I:[^:]+]]: index
// CHECK-NOT:     memref.alloca_scope
// CHECK:         %[[V:.+]] = memref.load %[[X]][%[[I]]]
// CHECK-NEXT:    return %[[V]]
func.func @inlines(%x: memref<4xf32>, %i: index) -> f32 {
  %v = memref.alloca_scope -> (f32) {
    %0 = memref.load %x[%i] : memref<4xf32>
    memref.alloca_scope.return %0 : f32
  }
  return %v : f32
}

// The stack must be given back at the end of the scope.
// CHECK-LABEL: func.func @keeps_stack_memory
// CHECK:         memref.alloca_scope
// CHECK-NEXT:      memref.alloca()
func.func @keeps_stack_memory(%v: f32, %i: index) {
  memref.alloca_scope {
    %0 = memref.alloca() : memref<4xf32>
    memref.store %v, %0[%i] : memref<4xf32>
  }
  return
}
