// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/bf16.mlir -convert-kernel-to-nvvm | FileCheck %t/bf16.mlir
// RUN: deepseek-opt %t/bf16.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/bf16" -o %t.ignored
// RUN: cat %t/bf16/*.ptx | FileCheck %t/bf16.mlir --check-prefix=PTX
// RUN: deepseek-opt %t/fp8.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/fp8" -o %t.ignored
// RUN: cat %t/fp8/*.ptx | FileCheck %t/fp8.mlir --check-prefix=PTX

//--- bf16.mlir
kernel.buffer @x input : tensor<7x512xbf16>
kernel.buffer @w parameter : tensor<272x512xbf16>
kernel.buffer @y output : tensor<7x272xbf16>

// Seventeen tiles of sixteen columns; eight warps share the reduction. Equal products of other buffers share the kernel.
// CHECK-LABEL: func.func @few_rows
// CHECK:         kernel.launch @[[$KERNEL:skinny_gemm_[0-9]+]] grid [17, 1, 1] threads 256 cluster 1 {{.*}} programmatic args [#kernel.pointer<@x + 0>, #kernel.pointer<@w + 0>, #kernel.pointer<@y + 0>]
// The first weights are under way before the wait for earlier kernels, past L1, sixteen bytes a lane.
// PTX:         ld.global.nc.L1::no_allocate.L2::128B.v4.b32
// PTX:         griddepcontrol.wait
// PTX:         mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
// PTX-NOT:     .local
func.func @few_rows() {
  %x = kernel.load_buffer @x : tensor<7x512xbf16>
  %w = kernel.load_buffer @w : tensor<272x512xbf16>
  %y = kernel.skinny_gemm %x, %w {placement = [#kernel.pointer<@y + 0>]} : tensor<7x512xbf16>, tensor<272x512xbf16> -> tensor<7x272xbf16>
  return
}
// CHECK-LABEL: func.func @again
// CHECK:         kernel.launch @[[$KERNEL]]
// CHECK:       llvm.func @[[$KERNEL]]
// CHECK-NOT:   llvm.func @skinny_gemm
func.func @again() {
  %x = kernel.load_buffer @x : tensor<7x512xbf16>
  %w = kernel.load_buffer @w : tensor<272x512xbf16>
  %y = kernel.skinny_gemm %x, %w {placement = [#kernel.pointer<@y + 0>]} : tensor<7x512xbf16>, tensor<272x512xbf16> -> tensor<7x272xbf16>
  return
}

//--- fp8.mlir
kernel.buffer @x input : tensor<9x384xf8E4M3FN>
kernel.buffer @sx input : tensor<9x3xf32>
kernel.buffer @w parameter : tensor<300x384xf8E4M3FN>
kernel.buffer @sw parameter : tensor<3x3xf32>
kernel.buffer @y output : tensor<9x300xbf16>
// e4m3 is widened to f16, which is exact, two elements at a time.
// PTX:         cvt.rn.f16x2.e4m3x2
// PTX:         mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32
// PTX-NOT:     .local
func.func @block_scaled() {
  %x = kernel.load_buffer @x : tensor<9x384xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<9x3xf32>
  %w = kernel.load_buffer @w : tensor<300x384xf8E4M3FN>
  %sw = kernel.load_buffer @sw : tensor<3x3xf32>
  %y = kernel.skinny_gemm %x, %w scales(%sx, %sw) {placement = [#kernel.pointer<@y + 0>]}
    : tensor<9x384xf8E4M3FN>, tensor<300x384xf8E4M3FN> scales(tensor<9x3xf32>, tensor<3x3xf32>) -> tensor<9x300xbf16>
  return
}
