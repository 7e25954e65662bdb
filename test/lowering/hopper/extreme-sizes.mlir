// REQUIRES: ptxas
// RUN: deepseek-opt %s -pass-pipeline='builtin.module(bind-buffers,func.func(kernel-choose-schedule),kernel-plan-memory,convert-kernel-to-nvvm,convert-nvvm-to-binary)' | FileCheck %s
// Families at sizes far from the published models: each gets a schedule, and ptxas reports no spill (it would be an error).
// Attention over latents has its own test, mla-decode-sizes.mlir.

// Rows of 16384 stay in registers, rows of 65536 are read twice.
// CHECK-LABEL: func.func @norm16384
// CHECK:         kernel.launch @row_fusion
func.func @norm16384(%x: tensor<3x16384xbf16>, %w: tensor<16384xbf16>) -> tensor<3x16384xbf16> {
  %y = kernel.row_fusion rows 3 whole [1] (%x, %w) : (tensor<3x16384xbf16>, tensor<16384xbf16>) -> tensor<3x16384xbf16> {
  ^bb0(%r: tensor<16384xbf16>, %g: tensor<16384xbf16>):
    %0 = arith.extf %r : tensor<16384xbf16> to tensor<16384xf32>
    %1 = arith.mulf %0, %0 : tensor<16384xf32>
    %2 = kernel.row_reduce add %1 : tensor<16384xf32> -> tensor<f32>
    %3 = math.rsqrt %2 : tensor<f32>
    %4 = kernel.row_broadcast %3 : tensor<f32> -> tensor<16384xf32>
    %5 = arith.mulf %0, %4 : tensor<16384xf32>
    %6 = arith.extf %g : tensor<16384xbf16> to tensor<16384xf32>
    %7 = arith.mulf %5, %6 : tensor<16384xf32>
    %8 = arith.truncf %7 : tensor<16384xf32> to tensor<16384xbf16>
    kernel.row_yield %8 : tensor<16384xbf16>
  }
  return %y : tensor<3x16384xbf16>
}

// CHECK-LABEL: func.func @norm65536
// CHECK:         kernel.launch @row_fusion
func.func @norm65536(%x: tensor<3x65536xbf16>, %w: tensor<65536xbf16>) -> tensor<3x65536xbf16> {
  %y = kernel.row_fusion rows 3 whole [1] (%x, %w) : (tensor<3x65536xbf16>, tensor<65536xbf16>) -> tensor<3x65536xbf16> {
  ^bb0(%r: tensor<65536xbf16>, %g: tensor<65536xbf16>):
    %0 = arith.extf %r : tensor<65536xbf16> to tensor<65536xf32>
    %1 = arith.mulf %0, %0 : tensor<65536xf32>
    %2 = kernel.row_reduce add %1 : tensor<65536xf32> -> tensor<f32>
    %3 = math.rsqrt %2 : tensor<f32>
    %4 = kernel.row_broadcast %3 : tensor<f32> -> tensor<65536xf32>
    %5 = arith.mulf %0, %4 : tensor<65536xf32>
    %6 = arith.extf %g : tensor<65536xbf16> to tensor<65536xf32>
    %7 = arith.mulf %5, %6 : tensor<65536xf32>
    %8 = arith.truncf %7 : tensor<65536xf32> to tensor<65536xbf16>
    kernel.row_yield %8 : tensor<65536xbf16>
  }
  return %y : tensor<3x65536xbf16>
}

// A vocabulary of 200019: rows of logits start at odd multiples of 4 bytes.
// CHECK-LABEL: func.func @vocabulary
// CHECK:         kernel.launch @sample
// CHECK:         kernel.launch @top_k
func.func @vocabulary(%l: tensor<3x200019xf32>, %t: tensor<3xf32>, %k: tensor<3xi32>, %p: tensor<3xf32>, %s: tensor<3xi64>, %q: tensor<3xi32>) -> (tensor<3xi32>, tensor<3x64xf32>, tensor<3x64xi32>) {
  %n = kernel.sample %l, %t, %k, %p, %s, %q : (tensor<3x200019xf32>, tensor<3xf32>, tensor<3xi32>, tensor<3xf32>, tensor<3xi64>, tensor<3xi32>) -> tensor<3xi32>
  %v, %i = kernel.top_k %l k 64 : tensor<3x200019xf32> -> tensor<3x64xf32>, tensor<3x64xi32>
  return %n, %v, %i : tensor<3xi32>, tensor<3x64xf32>, tensor<3x64xi32>
}

// The head of that vocabulary, for one row and for many: 200019 columns fill no tile.
// CHECK-LABEL: func.func @head
// CHECK:         kernel.launch @skinny_gemm
// CHECK:         kernel.launch @gemm
func.func @head(%x: tensor<1x16384xbf16>, %y: tensor<300x16384xbf16>, %w: tensor<200019x16384xbf16>) -> (tensor<1x200019xf32>, tensor<300x200019xf32>) {
  %0 = kernel.gemm %x, %w : tensor<1x16384xbf16>, tensor<200019x16384xbf16> -> tensor<1x200019xf32>
  %1 = kernel.gemm %y, %w : tensor<300x16384xbf16>, tensor<200019x16384xbf16> -> tensor<300x200019xf32>
  return %0, %1 : tensor<1x200019xf32>, tensor<300x200019xf32>
}

// Depths of three and of 1001: rows that TMA cannot address, for few rows and for many.
// CHECK-LABEL: func.func @odd_depths
// CHECK-COUNT-2: kernel.launch @skinny_gemm
func.func @odd_depths(%x: tensor<5x3xbf16>, %y: tensor<700x1001xbf16>, %v: tensor<81x3xbf16>, %w: tensor<77x1001xbf16>) -> (tensor<5x81xbf16>, tensor<700x77xbf16>) {
  %0 = kernel.gemm %x, %v : tensor<5x3xbf16>, tensor<81x3xbf16> -> tensor<5x81xbf16>
  %1 = kernel.gemm %y, %w : tensor<700x1001xbf16>, tensor<77x1001xbf16> -> tensor<700x77xbf16>
  return %0, %1 : tensor<5x81xbf16>, tensor<700x77xbf16>
}

// 2048 experts of 80 columns, few and many rows a group.
// CHECK-LABEL: func.func @experts
// CHECK-COUNT-2: kernel.launch @grouped_gemm
func.func @experts(%x: tensor<16x520xbf16>, %y: tensor<131072x520xbf16>, %o: tensor<2049xi32>, %w: tensor<2048x80x520xbf16>) -> (tensor<16x80xbf16>, tensor<131072x80xbf16>) {
  %0 = kernel.grouped_gemm %x, %o, %w : tensor<16x520xbf16>, tensor<2049xi32>, tensor<2048x80x520xbf16> -> tensor<16x80xbf16>
  %1 = kernel.grouped_gemm %y, %o, %w : tensor<131072x520xbf16>, tensor<2049xi32>, tensor<2048x80x520xbf16> -> tensor<131072x80xbf16>
  return %0, %1 : tensor<16x80xbf16>, tensor<131072x80xbf16>
}

// Heads of 512 + 128 and values of 512 for naive attention; one token and many.
// CHECK-LABEL: func.func @wide_heads
// CHECK-COUNT-2: kernel.launch @mla_prefill
func.func @wide_heads(%n: tensor<200x4x512xbf16>, %r: tensor<200x4x128xbf16>, %n1: tensor<1x4x512xbf16>, %r1: tensor<1x4x128xbf16>, %kv: tensor<512x4x1024xbf16>, %k: tensor<512x128xbf16>,
    %p: tensor<200xi32>, %p1: tensor<1xi32>) -> (tensor<200x4x512xbf16>, tensor<1x4x512xbf16>) {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.05
    : tensor<200x4x512xbf16>, tensor<200x4x128xbf16>, tensor<512x4x1024xbf16>, tensor<512x128xbf16>, tensor<200xi32> -> tensor<200x4x512xbf16>
  %1 = kernel.mla_prefill %n1, %r1, %kv, %k at %p1 sequences 1 scale 0.05
    : tensor<1x4x512xbf16>, tensor<1x4x128xbf16>, tensor<512x4x1024xbf16>, tensor<512x128xbf16>, tensor<1xi32> -> tensor<1x4x512xbf16>
  return %0, %1 : tensor<200x4x512xbf16>, tensor<1x4x512xbf16>
}

// CHECK-LABEL: func.func @transposes
// CHECK-COUNT-2: kernel.launch @transpose
func.func @transposes(%x: tensor<3x65537xbf16>, %y: tensor<128x1536x128xbf16>) -> (tensor<65537x3xbf16>, tensor<128x128x1536xbf16>) {
  %0 = kernel.transpose %x : tensor<3x65537xbf16> -> tensor<65537x3xbf16>
  %1 = kernel.transpose %y : tensor<128x1536x128xbf16> -> tensor<128x128x1536xbf16>
  return %0, %1 : tensor<65537x3xbf16>, tensor<128x128x1536xbf16>
}
