// RUN: deepseek-opt %s | deepseek-opt | FileCheck %s
// RUN: deepseek-opt %s --mlir-print-op-generic | deepseek-opt | FileCheck %s

// CHECK:       kernel.buffer @tokens input : tensor<128xi32>
// CHECK:       kernel.buffer @qkv_a parameter sources [#kernel.source<"q_a.weight" at 0 : tensor<128x256xbf16>>, #kernel.source<"kv_a.weight" at 65536 : tensor<144x256xbf16>>] : tensor<272x256xbf16>
// CHECK:       kernel.buffer @cache cache : memref<?x4x64x144xbf16>
// CHECK:       kernel.buffer @model.w derived : tensor<4x4xf32>
// CHECK:       kernel.buffer @logits output : tensor<8x4xf32>
// CHECK:       kernel.buffer @workspace workspace : tensor<4096xi8>
kernel.buffer @tokens input : tensor<128xi32>
kernel.buffer @qkv_a parameter sources [#kernel.source<"q_a.weight" at 0 : tensor<128x256xbf16>>, #kernel.source<"kv_a.weight" at 65536 : tensor<144x256xbf16>>] : tensor<272x256xbf16>
kernel.buffer @cache cache : memref<?x4x64x144xbf16>
kernel.buffer @model.w derived : tensor<4x4xf32>
kernel.buffer @logits output : tensor<8x4xf32>
kernel.buffer @workspace workspace : tensor<4096xi8>

// A small entry loads and stores prefixes.
// CHECK-LABEL: func.func @decode
// CHECK:         kernel.load_buffer @tokens : tensor<8xi32>
// CHECK:         kernel.load_buffer @model.w : tensor<2x4xf32>
// CHECK:         kernel.buffer_memref @cache : memref<?x4x64x144xbf16>
// CHECK:         kernel.buffer_memref @cache layer 3 : memref<?x1x64x144xbf16, strided<[36864, 9216, 144, 1], offset: ?>>
// CHECK:         kernel.store_buffer %{{.+}}, @logits : tensor<2x4xf32>
func.func @decode() {
  %tokens = kernel.load_buffer @tokens : tensor<8xi32>
  %logits = kernel.load_buffer @model.w : tensor<2x4xf32>
  %cache = kernel.buffer_memref @cache : memref<?x4x64x144xbf16>
  %layer = kernel.buffer_memref @cache layer 3 : memref<?x1x64x144xbf16, strided<[36864, 9216, 144, 1], offset: ?>>
  kernel.store_buffer %logits, @logits : tensor<2x4xf32>
  return
}

// CHECK:       kernel.binary @gemm_0 shared 98304 registers 168 : "cubin"
// CHECK-LABEL: func.func @launches
// CHECK:         kernel.launch @gemm_0 grid [132, 1, 1] threads 384 cluster 2 shared 98304 programmatic args
// CHECK-SAME:      [#kernel.pointer<@logits + 256>, #kernel.int<7>, #kernel.tensor_map<@qkv_a + 0, bf16, dims = [256, 272], strides = [512], box = [64, 128], swizzle = 128>]
kernel.binary @gemm_0 shared 98304 registers 168 : "cubin"
func.func @launches() {
  kernel.launch @gemm_0 grid [132, 1, 1] threads 384 cluster 2 shared 98304 programmatic
    args [#kernel.pointer<@logits + 256>, #kernel.int<7>, #kernel.tensor_map<@qkv_a + 0, bf16, dims = [256, 272], strides = [512], box = [64, 128], swizzle = 128>]
  return
}
