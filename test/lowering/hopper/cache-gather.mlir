// RUN: rm -rf %t && mkdir -p %t
// RUN: deepseek-opt %s -convert-kernel-to-nvvm -o %t/kernels.mlir && FileCheck %s --input-file=%t/kernels.mlir
// RUN: deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %s --check-prefix=PTX --input-file=%t/cache_gather_0.ptx
// RUN: FileCheck %s --check-prefix=ODD --input-file=%t/cache_gather_1.ptx
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary -o %t.ignored %}
kernel.buffer @cache cache : memref<?x2x64x576xbf16>
kernel.buffer @odd cache : memref<?x1x64x83xbf16>
kernel.buffer @p input : tensor<128xi32>
kernel.buffer @b input : tensor<1x8xi32>
kernel.buffer @w workspace : tensor<1048576xi8>

// A CTA for each page of the table. The cache's address is that of layer 1.
// CHECK-LABEL: func.func @gather
// CHECK:         kernel.launch @cache_gather_0 grid [8, 1, 1] threads 256 cluster 1 shared 32 programmatic args [#kernel.pointer<@cache + 73728>,
// CHECK-SAME:      #kernel.pointer<@p + 0>, #kernel.pointer<@b + 0>, #kernel.pointer<@w + 0>, #kernel.pointer<@w + 524288>, #kernel.pointer<@w + 589824>]
// PTX:         griddepcontrol.wait
// PTX-COUNT-6: ld.global.v4.b32
// PTX:         st.global.v4.b32
func.func @gather() {
  %c = kernel.buffer_memref @cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @p : tensor<128xi32>
  %b = kernel.load_buffer @b : tensor<1x8xi32>
  %l, %k, %n = kernel.cache_gather %c[1] at %p, %b {placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@w + 524288>, #kernel.pointer<@w + 589824>]}
    : memref<?x2x64x576xbf16>, tensor<128xi32>, tensor<1x8xi32> -> tensor<512x512xbf16>, tensor<512x64xbf16>, tensor<1xi32>
  return
}

// Rows of 77 and 6 elements: pieces of 2 bytes.
// CHECK-LABEL: func.func @odd_sizes
// CHECK:         kernel.launch @cache_gather_1 grid [8, 1, 1]
// ODD:         ld.global.b16
// ODD:         st.global.b16
func.func @odd_sizes() {
  %c = kernel.buffer_memref @odd : memref<?x1x64x83xbf16>
  %p = kernel.load_buffer @p : tensor<128xi32>
  %b = kernel.load_buffer @b : tensor<1x8xi32>
  %l, %k, %n = kernel.cache_gather %c[0] at %p, %b {placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@w + 524288>, #kernel.pointer<@w + 589824>]}
    : memref<?x1x64x83xbf16>, tensor<128xi32>, tensor<1x8xi32> -> tensor<512x77xbf16>, tensor<512x6xbf16>, tensor<1xi32>
  return
}
