// RUN: deepseek-opt %s -outline-host-kernels -split-input-file | FileCheck %s

// Two layers: one function. The constant moves into it.
#id = affine_map<(t, c) -> (t, c)>
// CHECK-LABEL: func.func @layers
// CHECK-SAME:    %[[X:[^:]+]]: memref<4x8xf32>, %[[Y:[^:]+]]: memref<4x8xf32>
// CHECK:         call @host_generic(%[[X]], %[[Y]]) : (memref<4x8xf32>, memref<4x8xf32>) -> ()
// CHECK:         call @host_generic(%[[Y]], %[[X]]) : (memref<4x8xf32>, memref<4x8xf32>) -> ()
// CHECK:       func.func private @host_generic(%{{.+}}: memref<4x8xf32>, %{{.+}}: memref<4x8xf32>) attributes {passthrough = ["noinline"]}
// CHECK:         arith.constant 2.000000e+00
// CHECK-NOT:   func.func private
func.func @layers(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  %two = arith.constant 2.0 : f32
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %two : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%y : memref<4x8xf32>) outs(%x : memref<4x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %two : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// Two buckets share a function of any number of rows; one token has its own. The sizes of a weight stay known.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
kernel.buffer @x input : tensor<8x16xf32>
kernel.buffer @y output : tensor<8x32xf32>
kernel.buffer @w parameter sources [#kernel.source<"w" at 0 : tensor<32x16xbf16>>] : tensor<32x16xbf16>
// CHECK-LABEL: func.func @decode_1
// CHECK:         call @[[ONE:host_generic.*]](%{{.+}}, %{{.+}}, %{{.+}}) : (memref<1x16xf32>, memref<32x16xbf16>, memref<1x32xf32>)
// CHECK-LABEL: func.func @decode_4
// CHECK:         %[[X:.+]] = memref.cast %{{.+}} : memref<4x16xf32> to memref<?x16xf32>
// CHECK:         %[[Y:.+]] = memref.cast %{{.+}} : memref<4x32xf32> to memref<?x32xf32>
// CHECK:         call @[[$ANY:host_generic.*]](%[[X]], %{{.+}}, %[[Y]]) : (memref<?x16xf32>, memref<32x16xbf16>, memref<?x32xf32>)
// CHECK-LABEL: func.func @decode_8
// CHECK:         call @[[$ANY]](%{{.+}}) : (memref<?x16xf32>, memref<32x16xbf16>, memref<?x32xf32>)
// CHECK-NOT:   deepseek.threads
func.func @decode_1() {
  %x = kernel.buffer_memref @x : memref<1x16xf32>
  %w = kernel.buffer_memref @w : memref<32x16xbf16>
  %y = kernel.buffer_memref @y : memref<1x32xf32>
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<1x16xf32>, memref<32x16xbf16>) outs(%y : memref<1x32xf32>) {
  ^bb0(%a: f32, %b: bf16, %c: f32):
    linalg.yield %a : f32
  }
  return
}
func.func @decode_4() {
  %x = kernel.buffer_memref @x : memref<4x16xf32>
  %w = kernel.buffer_memref @w : memref<32x16xbf16>
  %y = kernel.buffer_memref @y : memref<4x32xf32>
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<4x16xf32>, memref<32x16xbf16>) outs(%y : memref<4x32xf32>) {
  ^bb0(%a: f32, %b: bf16, %c: f32):
    linalg.yield %a : f32
  }
  return
}
func.func @decode_8() {
  %x = kernel.buffer_memref @x : memref<8x16xf32>
  %w = kernel.buffer_memref @w : memref<32x16xbf16>
  %y = kernel.buffer_memref @y : memref<8x32xf32>
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<8x16xf32>, memref<32x16xbf16>) outs(%y : memref<8x32xf32>) {
  ^bb0(%a: f32, %b: bf16, %c: f32):
    linalg.yield %a : f32
  }
  return
}

// -----

// A loop over tokens: the number of iterations is an argument too, and no view of a known size keeps the buckets apart.
kernel.buffer @p input : tensor<8xi32>
// CHECK-LABEL: func.func @tokens_4
// CHECK:         %[[P:.+]] = memref.cast %{{.+}} : memref<4xi32> to memref<?xi32>
// CHECK:         call @[[$LOOP:host_for.*]]({{.*}}%c4{{.*}}%[[P]]{{.*}})
// CHECK-LABEL: func.func @tokens_8
// CHECK:         call @[[$LOOP]]({{.*}}%c8{{.*}})
func.func @tokens_4() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0 : i32
  %p = kernel.buffer_memref @p : memref<4xi32>
  scf.for %i = %c0 to %c4 step %c1 {
    memref.store %zero, %p[%i] : memref<4xi32>
  }
  return
}
func.func @tokens_8() {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0 : i32
  %p = kernel.buffer_memref @p : memref<8xi32>
  scf.for %i = %c0 to %c8 step %c1 {
    memref.store %zero, %p[%i] : memref<8xi32>
  }
  return
}

// -----

// A size that only one bucket has stays known.
#id = affine_map<(t, c) -> (t, c)>
// CHECK-LABEL: func.func @one_bucket
// CHECK-NOT:     memref.cast
// CHECK:         call @host_generic(%{{.+}}) : (memref<4x8xf32>) -> ()
func.func @one_bucket() {
  %zero = arith.constant 0.0 : f32
  %y = memref.alloc() : memref<4x8xf32>
  linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%y : memref<4x8xf32>) {
  ^bb0(%b: f32):
    linalg.yield %zero : f32
  }
  return
}

// -----

// Threads: 2^21 multiply-adds are worth them; a loop over rows with less becomes a plain one.
#x = affine_map<(t, n, k) -> (t, k)>
#w = affine_map<(t, n, k) -> (n, k)>
#y = affine_map<(t, n, k) -> (t, n)>
#id = affine_map<(c) -> (c)>
// CHECK-LABEL: func.func private @host_generic
// CHECK:         linalg.generic {{.+}} attrs = {deepseek.threads}
// CHECK-LABEL: func.func private @host_for
// CHECK-NOT:     scf.parallel
// CHECK:         scf.for
// CHECK-LABEL: func.func private @host_parallel
// CHECK:         scf.parallel
func.func @threads(%x: memref<1x256xf32>, %w: memref<8192x256xbf16>, %y: memref<1x8192xf32>, %rows: memref<8192xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c512 = arith.constant 512 : index
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]} ins(%x, %w : memref<1x256xf32>, memref<8192x256xbf16>) outs(%y : memref<1x8192xf32>) {
  ^bb0(%a: f32, %b: bf16, %c: f32):
    linalg.yield %a : f32
  }
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%rows : memref<8192xf32>) {
    ^bb0(%b: f32):
      linalg.yield %b : f32
    }
  }
  scf.parallel (%i) = (%c0) to (%c512) step (%c1) {
    linalg.generic {indexing_maps = [#id], iterator_types = ["parallel"]} outs(%rows : memref<8192xf32>) {
    ^bb0(%b: f32):
      linalg.yield %b : f32
    }
  }
  return
}
