// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/top_k_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=ONE --input-file=%t/top_k_1.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=ODD --input-file=%t/top_k_2.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @x input : tensor<7x4096xf32>
kernel.buffer @v output : tensor<7x50xf32>
kernel.buffer @i output : tensor<7x50xi32>
kernel.buffer @v1 output : tensor<7x1xf32>
kernel.buffer @i1 output : tensor<7x1xi32>
kernel.buffer @odd input : tensor<3x257xf32>
kernel.buffer @v2 output : tensor<3x5xf32>
kernel.buffer @i2 output : tensor<3x5xi32>

// A CTA for each row. Sixteen bytes of the row at a time; counters are integers in shared memory, so their order does not show.
// CHECK-LABEL: func.func @fifty
// CHECK:         kernel.launch @top_k_0 grid [7, 1, 1] threads 512 cluster 1 shared 56288 programmatic args [#kernel.pointer<@x + 0>, #kernel.pointer<@v + 0>, #kernel.pointer<@i + 0>]
// PTX:           griddepcontrol.wait
// PTX:           ld.global{{(.nc)?}}.v4.b32
// PTX:           atom.shared.add.u32
// PTX-NOT:       atom.{{(global|shared).*f32}}
func.func @fifty() {
  %x = kernel.load_buffer @x : tensor<7x4096xf32>
  %v, %i = kernel.top_k %x k 50 {placement = [#kernel.pointer<@v + 0>, #kernel.pointer<@i + 0>]} : tensor<7x4096xf32> -> tensor<7x50xf32>, tensor<7x50xi32>
  return
}

// The largest alone: one sweep, no histogram.
// CHECK-LABEL: func.func @one
// CHECK:         kernel.launch @top_k_1 grid [7, 1, 1] threads 512
// ONE-NOT:       atom
// ONE-COUNT-2:   redux.sync.max.u32
func.func @one() {
  %x = kernel.load_buffer @x : tensor<7x4096xf32>
  %v, %i = kernel.top_k %x k 1 {placement = [#kernel.pointer<@v1 + 0>, #kernel.pointer<@i1 + 0>]} : tensor<7x4096xf32> -> tensor<7x1xf32>, tensor<7x1xi32>
  return
}

// Rows at odd multiples of 4 bytes; two warps are enough.
// CHECK-LABEL: func.func @odd_sizes
// CHECK:         kernel.launch @top_k_2 grid [3, 1, 1] threads 64
// ODD-NOT:       ld.global{{.*}}.v4
// ODD:           ld.global.nc.b32
func.func @odd_sizes() {
  %x = kernel.load_buffer @odd : tensor<3x257xf32>
  %v, %i = kernel.top_k %x k 5 {placement = [#kernel.pointer<@v2 + 0>, #kernel.pointer<@i2 + 0>]} : tensor<3x257xf32> -> tensor<3x5xf32>, tensor<3x5xi32>
  return
}

//--- invalid.mlir
kernel.buffer @x input : tensor<1x40000xf32>
kernel.buffer @v output : tensor<1x20000xf32>
kernel.buffer @i output : tensor<1x20000xi32>
func.func @too_many() {
  %x = kernel.load_buffer @x : tensor<1x40000xf32>
  // expected-error@below {{top_k chooses 20000 of 40000, expected at most 16384 of 2097152}}
  // expected-error@below {{no kernel was built for this operation}}
  %v, %i = kernel.top_k %x k 20000 {placement = [#kernel.pointer<@v + 0>, #kernel.pointer<@i + 0>]} : tensor<1x40000xf32> -> tensor<1x20000xf32>, tensor<1x20000xi32>
  return
}
