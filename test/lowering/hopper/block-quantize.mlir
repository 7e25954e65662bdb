// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/block_quantize_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=ODD --input-file=%t/block_quantize_1.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}

//--- kernels.mlir
kernel.buffer @x parameter : tensor<2x300x512xbf16>
kernel.buffer @d derived : tensor<2x300x512xf8E4M3FN>
kernel.buffer @s derived : tensor<2x3x4xf32>
kernel.buffer @odd parameter : tensor<257x1001xbf16>
kernel.buffer @od derived : tensor<257x1001xf8E4M3FN>
kernel.buffer @os derived : tensor<3x8xf32>

// 2 x 3 x 4 blocks. Sixteen bytes of eight elements each, kept in registers; the scale is a product with 1 / 448 and one correction, and a power of two divides by multiplication.
// CHECK-LABEL: func.func @experts
// CHECK:         kernel.launch @block_quantize_0 grid [24, 1, 1] threads 256 cluster 1 shared 32 programmatic args [#kernel.pointer<@x + 0>, #kernel.pointer<@d + 0>, #kernel.pointer<@s + 0>]
// PTX:           griddepcontrol.wait
// PTX-COUNT-8:   ld.global.v4.b32
// PTX:           bar.sync
// PTX-NOT:       {{div|rcp}}
// PTX-COUNT-2:   fma.rn.f32
// PTX-NOT:       {{fma|div|rcp}}
// PTX-COUNT-32:  cvt.rn.satfinite.e4m3x2.f32
func.func @experts() {
  %x = kernel.load_buffer @x : tensor<2x300x512xbf16>
  %d, %s = kernel.block_quantize %x power_of_two {placement = [#kernel.pointer<@d + 0>, #kernel.pointer<@s + 0>]} : tensor<2x300x512xbf16> -> tensor<2x300x512xf8E4M3FN>, tensor<2x3x4xf32>
  return
}

// Rows at odd addresses; every element is divided by the scale, correctly rounded: products with its reciprocal (two
// steps after the scale's two) and one correction, no division.
// CHECK-LABEL: func.func @odd_sizes
// CHECK:         kernel.launch @block_quantize_1 grid [24, 1, 1] threads 256
// ODD-COUNT-64:  ld.global.nc.b16
// ODD-NOT:       div
// ODD-COUNT-2:   fma.rn.f32
// ODD:           rcp.approx.ftz.f32
// ODD-NOT:       {{div|rcp}}
// ODD-COUNT-130: fma.rn.f32
// ODD-NOT:       fma
func.func @odd_sizes() {
  %x = kernel.load_buffer @odd : tensor<257x1001xbf16>
  %d, %s = kernel.block_quantize %x {placement = [#kernel.pointer<@od + 0>, #kernel.pointer<@os + 0>]} : tensor<257x1001xbf16> -> tensor<257x1001xf8E4M3FN>, tensor<3x8xf32>
  return
}
