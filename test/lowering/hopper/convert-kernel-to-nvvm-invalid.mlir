// RUN: deepseek-opt %s -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

kernel.buffer @a input : tensor<128x64xbf16>
func.func @no_placement() {
  %a = kernel.load_buffer @a : tensor<128x64xbf16>
  // expected-error @below {{this value has no address: expected kernel.load_buffer, kernel.buffer_memref or an operation with a `placement` (-kernel-plan-memory)}}
  // expected-error @below {{an operand or result has no address}}
  %d = kernel.gemm %a, %a : tensor<128x64xbf16>, tensor<128x64xbf16> -> tensor<128x128xbf16>
  return
}

// -----

kernel.buffer @a input : tensor<128x64xbf16>
kernel.buffer @d output : tensor<128x128xbf16>
func.func @not_placed() {
  %a = kernel.load_buffer @a : tensor<128x64xbf16>
  %d = kernel.gemm %a, %a : tensor<128x64xbf16>, tensor<128x64xbf16> -> tensor<128x128xbf16>
  // expected-error @below {{the stored value was not placed in the buffer (-kernel-plan-memory)}}
  kernel.store_buffer %d, @d : tensor<128x128xbf16>
  return
}

// -----

kernel.buffer @a input : tensor<128x64xbf16>
kernel.buffer @d output : tensor<128x128xf32>
func.func @used_on_the_host() -> tensor<128x128xf32> {
  %a = kernel.load_buffer @a : tensor<128x64xbf16>
  // expected-error @below {{its result is used by an operation that is no kernel}}
  %d = kernel.gemm %a, %a {placement = [#kernel.pointer<@d + 0>]} : tensor<128x64xbf16>, tensor<128x64xbf16> -> tensor<128x128xf32>
  // expected-note @below {{here}}
  return %d : tensor<128x128xf32>
}

// -----

kernel.buffer @a input : tensor<128x64xbf16>
kernel.buffer @d output : tensor<128x128xf32>
func.func @shared_memory() {
  %a = kernel.load_buffer @a : tensor<128x64xbf16>
  // expected-error @below {{the kernel wants 262272 bytes of shared memory, a CTA has 232448}}
  %d = kernel.gemm %a, %a schedule <tile = [128, 128, 64], stages = 8> {placement = [#kernel.pointer<@d + 0>]}
    : tensor<128x64xbf16>, tensor<128x64xbf16> -> tensor<128x128xf32>
  return
}

// -----

// The rows of a slice with a stride are no rows that a kernel can read.
kernel.buffer @a input : tensor<4x128x64xbf16>
kernel.buffer @d output : tensor<256x128xf32>
func.func @no_view() {
  %a = kernel.load_buffer @a : tensor<4x128x64xbf16>
  %s = tensor.extract_slice %a[0, 0, 0] [4, 64, 64] [1, 1, 1] : tensor<4x128x64xbf16> to tensor<4x64x64xbf16>
  // expected-error @below {{this value is not a strided view of a buffer; it must be copied first}}
  %c = tensor.collapse_shape %s [[0, 1], [2]] : tensor<4x64x64xbf16> into tensor<256x64xbf16>
  %b = tensor.extract_slice %a[0, 0, 0] [1, 128, 64] [1, 1, 1] : tensor<4x128x64xbf16> to tensor<128x64xbf16>
  // expected-error @below {{an operand or result has no address}}
  %d = kernel.gemm %c, %b {placement = [#kernel.pointer<@d + 0>]} : tensor<256x64xbf16>, tensor<128x64xbf16> -> tensor<256x128xf32>
  return
}

// -----

// Heads are the grid's third dimension.
kernel.buffer @a input : tensor<1x70000x16xbf16>
kernel.buffer @b input : tensor<70000x16x16xbf16>
kernel.buffer @d output : tensor<1x70000x16xbf16>
func.func @grid() {
  %a = kernel.load_buffer @a : tensor<1x70000x16xbf16>
  %b = kernel.load_buffer @b : tensor<70000x16x16xbf16>
  // expected-error @below {{the kernel has 70000 blocks along z, expected 1 to 65535}}
  %d = kernel.skinny_gemm %a, %b {placement = [#kernel.pointer<@d + 0>]} : tensor<1x70000x16xbf16>, tensor<70000x16x16xbf16> -> tensor<1x70000x16xbf16>
  return
}
