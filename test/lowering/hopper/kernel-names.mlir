// RUN: deepseek-opt %s -convert-kernel-to-nvvm | FileCheck %s

// A kernel is called after its family and a number; numbers that make the name of a function are left out.
kernel.buffer @x input : tensor<256x512xbf16>
kernel.buffer @t output : tensor<512x256xbf16>

// CHECK-LABEL: func.func @transpose_0
// CHECK:         kernel.launch @transpose_1
func.func @transpose_0() {
  %x = kernel.load_buffer @x : tensor<256x512xbf16>
  %y = kernel.transpose %x {placement = [#kernel.pointer<@t + 0>]} : tensor<256x512xbf16> -> tensor<512x256xbf16>
  return
}
// CHECK: llvm.func @transpose_1
