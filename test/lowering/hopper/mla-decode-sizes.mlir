// RUN: rm -rf %t && mkdir -p %t
// RUN: deepseek-opt %s -pass-pipeline='builtin.module(func.func(kernel-choose-schedule),kernel-plan-memory)' -o %t/scheduled.mlir && FileCheck %s --input-file=%t/scheduled.mlir
// RUN: deepseek-opt %t/scheduled.mlir -convert-kernel-to-nvvm -o %t/kernels.mlir
// RUN: %if ptxas %{ deepseek-opt %t/kernels.mlir -convert-nvvm-to-binary -o %t.ignored %}
// Every size of a valid model gets a schedule that the kernel can be built with: no operation is refused, no kernel spills (ptxas would
// say so and fail).

kernel.buffer @v3_batch1_q input : tensor<1x128x512xbf16>
kernel.buffer @v3_batch1_r input : tensor<1x128x64xbf16>
kernel.buffer @v3_batch1_cache cache : memref<?x2x64x576xbf16>
kernel.buffer @v3_batch1_p input : tensor<1xi32>
kernel.buffer @v3_batch1_b input : tensor<1x64xi32>
kernel.buffer @v3_batch1_o output : tensor<1x128x512xbf16>
kernel.buffer @v3_batch8_q input : tensor<8x128x512xbf16>
kernel.buffer @v3_batch8_r input : tensor<8x128x64xbf16>
kernel.buffer @v3_batch8_cache cache : memref<?x2x64x576xbf16>
kernel.buffer @v3_batch8_p input : tensor<8xi32>
kernel.buffer @v3_batch8_b input : tensor<8x64xi32>
kernel.buffer @v3_batch8_o output : tensor<8x128x512xbf16>
kernel.buffer @v3_batch128_q input : tensor<128x128x512xbf16>
kernel.buffer @v3_batch128_r input : tensor<128x128x64xbf16>
kernel.buffer @v3_batch128_cache cache : memref<?x2x64x576xbf16>
kernel.buffer @v3_batch128_p input : tensor<128xi32>
kernel.buffer @v3_batch128_b input : tensor<128x64xi32>
kernel.buffer @v3_batch128_o output : tensor<128x128x512xbf16>
kernel.buffer @v2_lite_batch1_q input : tensor<1x16x512xbf16>
kernel.buffer @v2_lite_batch1_r input : tensor<1x16x64xbf16>
kernel.buffer @v2_lite_batch1_cache cache : memref<?x2x64x576xbf16>
kernel.buffer @v2_lite_batch1_p input : tensor<1xi32>
kernel.buffer @v2_lite_batch1_b input : tensor<1x64xi32>
kernel.buffer @v2_lite_batch1_o output : tensor<1x16x512xbf16>
kernel.buffer @v2_lite_batch16_q input : tensor<16x16x512xbf16>
kernel.buffer @v2_lite_batch16_r input : tensor<16x16x64xbf16>
kernel.buffer @v2_lite_batch16_cache cache : memref<?x2x64x576xbf16>
kernel.buffer @v2_lite_batch16_p input : tensor<16xi32>
kernel.buffer @v2_lite_batch16_b input : tensor<16x64xi32>
kernel.buffer @v2_lite_batch16_o output : tensor<16x16x512xbf16>
kernel.buffer @wide_q input : tensor<1x16x1024xbf16>
kernel.buffer @wide_r input : tensor<1x16x128xbf16>
kernel.buffer @wide_cache cache : memref<?x2x64x1152xbf16>
kernel.buffer @wide_p input : tensor<1xi32>
kernel.buffer @wide_b input : tensor<1x64xi32>
kernel.buffer @wide_o output : tensor<1x16x1024xbf16>
kernel.buffer @wide_heads128_q input : tensor<8x128x1024xbf16>
kernel.buffer @wide_heads128_r input : tensor<8x128x128xbf16>
kernel.buffer @wide_heads128_cache cache : memref<?x2x64x1152xbf16>
kernel.buffer @wide_heads128_p input : tensor<8xi32>
kernel.buffer @wide_heads128_b input : tensor<8x64xi32>
kernel.buffer @wide_heads128_o output : tensor<8x128x1024xbf16>
kernel.buffer @small_q input : tensor<4x3x80xbf16>
kernel.buffer @small_r input : tensor<4x3x16xbf16>
kernel.buffer @small_cache cache : memref<?x2x64x96xbf16>
kernel.buffer @small_p input : tensor<4xi32>
kernel.buffer @small_b input : tensor<4x16xi32>
kernel.buffer @small_o output : tensor<4x3x80xbf16>
kernel.buffer @wider_q input : tensor<1x16x1536xbf16>
kernel.buffer @wider_r input : tensor<1x16x64xbf16>
kernel.buffer @wider_cache cache : memref<?x2x64x1600xbf16>
kernel.buffer @wider_p input : tensor<1xi32>
kernel.buffer @wider_b input : tensor<1x64xi32>
kernel.buffer @wider_o output : tensor<1x16x1536xbf16>
kernel.buffer @wider_heads128_q input : tensor<16x128x1536xbf16>
kernel.buffer @wider_heads128_r input : tensor<16x128x64xbf16>
kernel.buffer @wider_heads128_cache cache : memref<?x2x64x1600xbf16>
kernel.buffer @wider_heads128_p input : tensor<16xi32>
kernel.buffer @wider_heads128_b input : tensor<16x64xi32>
kernel.buffer @wider_heads128_o output : tensor<16x128x1536xbf16>
kernel.buffer @widest_q input : tensor<1x16x2272xbf16>
kernel.buffer @widest_r input : tensor<1x16x64xbf16>
kernel.buffer @widest_cache cache : memref<?x2x64x2336xbf16>
kernel.buffer @widest_p input : tensor<1xi32>
kernel.buffer @widest_b input : tensor<1x64xi32>
kernel.buffer @widest_o output : tensor<1x16x2272xbf16>
kernel.buffer @odd_q input : tensor<12x7x333xbf16>
kernel.buffer @odd_r input : tensor<12x7x11xbf16>
kernel.buffer @odd_cache cache : memref<?x2x64x344xbf16>
kernel.buffer @odd_p input : tensor<12xi32>
kernel.buffer @odd_b input : tensor<3x9xi32>
kernel.buffer @odd_o output : tensor<12x7x333xbf16>

// V3, one sequence.
// CHECK-LABEL: func.func @v3_batch1
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [32, 32], stages = 2, split =
func.func @v3_batch1() {
  %q = kernel.load_buffer @v3_batch1_q : tensor<1x128x512xbf16>
  %r = kernel.load_buffer @v3_batch1_r : tensor<1x128x64xbf16>
  %c = kernel.buffer_memref @v3_batch1_cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @v3_batch1_p : tensor<1xi32>
  %b = kernel.load_buffer @v3_batch1_b : tensor<1x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<1x128x512xbf16>, tensor<1x128x64xbf16>, memref<?x2x64x576xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x128x512xbf16>
  kernel.store_buffer %0, @v3_batch1_o : tensor<1x128x512xbf16>
  return
}

// Many heads share a tile: a record is read twice or four times, not eight times.
// CHECK-LABEL: func.func @v3_batch8
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [{{32|64}},
func.func @v3_batch8() {
  %q = kernel.load_buffer @v3_batch8_q : tensor<8x128x512xbf16>
  %r = kernel.load_buffer @v3_batch8_r : tensor<8x128x64xbf16>
  %c = kernel.buffer_memref @v3_batch8_cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @v3_batch8_p : tensor<8xi32>
  %b = kernel.load_buffer @v3_batch8_b : tensor<8x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<8x128x512xbf16>, tensor<8x128x64xbf16>, memref<?x2x64x576xbf16>, tensor<8xi32>, tensor<8x64xi32> -> tensor<8x128x512xbf16>
  kernel.store_buffer %0, @v3_batch8_o : tensor<8x128x512xbf16>
  return
}

// A full batch: no parts.
// CHECK-LABEL: func.func @v3_batch128
// CHECK-NOT:     mla_combine
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [64,
// CHECK-NOT:     mla_combine
func.func @v3_batch128() {
  %q = kernel.load_buffer @v3_batch128_q : tensor<128x128x512xbf16>
  %r = kernel.load_buffer @v3_batch128_r : tensor<128x128x64xbf16>
  %c = kernel.buffer_memref @v3_batch128_cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @v3_batch128_p : tensor<128xi32>
  %b = kernel.load_buffer @v3_batch128_b : tensor<128x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<128x128x512xbf16>, tensor<128x128x64xbf16>, memref<?x2x64x576xbf16>, tensor<128xi32>, tensor<128x64xi32> -> tensor<128x128x512xbf16>
  kernel.store_buffer %0, @v3_batch128_o : tensor<128x128x512xbf16>
  return
}

// V2-Lite.
// CHECK-LABEL: func.func @v2_lite_batch1
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [64, 32, 256], stages = 5, warps = 16> {{.*}} lse tensor<{{[0-9]+}}xf32>
func.func @v2_lite_batch1() {
  %q = kernel.load_buffer @v2_lite_batch1_q : tensor<1x16x512xbf16>
  %r = kernel.load_buffer @v2_lite_batch1_r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @v2_lite_batch1_cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @v2_lite_batch1_p : tensor<1xi32>
  %b = kernel.load_buffer @v2_lite_batch1_b : tensor<1x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<1x16x512xbf16>, tensor<1x16x64xbf16>, memref<?x2x64x576xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x512xbf16>
  kernel.store_buffer %0, @v2_lite_batch1_o : tensor<1x16x512xbf16>
  return
}

// The same, sixteen sequences.
// CHECK-LABEL: func.func @v2_lite_batch16
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [64, 32, 256],
func.func @v2_lite_batch16() {
  %q = kernel.load_buffer @v2_lite_batch16_q : tensor<16x16x512xbf16>
  %r = kernel.load_buffer @v2_lite_batch16_r : tensor<16x16x64xbf16>
  %c = kernel.buffer_memref @v2_lite_batch16_cache : memref<?x2x64x576xbf16>
  %p = kernel.load_buffer @v2_lite_batch16_p : tensor<16xi32>
  %b = kernel.load_buffer @v2_lite_batch16_b : tensor<16x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<16x16x512xbf16>, tensor<16x16x64xbf16>, memref<?x2x64x576xbf16>, tensor<16xi32>, tensor<16x64xi32> -> tensor<16x16x512xbf16>
  kernel.store_buffer %0, @v2_lite_batch16_o : tensor<16x16x512xbf16>
  return
}

// Twice the usual record, 16 and 128 heads.
// CHECK-LABEL: func.func @wide
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [16,
func.func @wide() {
  %q = kernel.load_buffer @wide_q : tensor<1x16x1024xbf16>
  %r = kernel.load_buffer @wide_r : tensor<1x16x128xbf16>
  %c = kernel.buffer_memref @wide_cache : memref<?x2x64x1152xbf16>
  %p = kernel.load_buffer @wide_p : tensor<1xi32>
  %b = kernel.load_buffer @wide_b : tensor<1x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<1x16x1024xbf16>, tensor<1x16x128xbf16>, memref<?x2x64x1152xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x1024xbf16>
  kernel.store_buffer %0, @wide_o : tensor<1x16x1024xbf16>
  return
}

// CHECK-LABEL: func.func @wide_heads128
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [{{32|64}},
func.func @wide_heads128() {
  %q = kernel.load_buffer @wide_heads128_q : tensor<8x128x1024xbf16>
  %r = kernel.load_buffer @wide_heads128_r : tensor<8x128x128xbf16>
  %c = kernel.buffer_memref @wide_heads128_cache : memref<?x2x64x1152xbf16>
  %p = kernel.load_buffer @wide_heads128_p : tensor<8xi32>
  %b = kernel.load_buffer @wide_heads128_b : tensor<8x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<8x128x1024xbf16>, tensor<8x128x128xbf16>, memref<?x2x64x1152xbf16>, tensor<8xi32>, tensor<8x64xi32> -> tensor<8x128x1024xbf16>
  kernel.store_buffer %0, @wide_heads128_o : tensor<8x128x1024xbf16>
  return
}

// Sizes that no tile divides; rows of 80 + 16 elements.
// CHECK-LABEL: func.func @small
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [16,
func.func @small() {
  %q = kernel.load_buffer @small_q : tensor<4x3x80xbf16>
  %r = kernel.load_buffer @small_r : tensor<4x3x16xbf16>
  %c = kernel.buffer_memref @small_cache : memref<?x2x64x96xbf16>
  %p = kernel.load_buffer @small_p : tensor<4xi32>
  %b = kernel.load_buffer @small_b : tensor<4x16xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<4x3x80xbf16>, tensor<4x3x16xbf16>, memref<?x2x64x96xbf16>, tensor<4xi32>, tensor<4x16xi32> -> tensor<4x3x80xbf16>
  kernel.store_buffer %0, @small_o : tensor<4x3x80xbf16>
  return
}

// Three times the usual record.
// CHECK-LABEL: func.func @wider
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [16,
func.func @wider() {
  %q = kernel.load_buffer @wider_q : tensor<1x16x1536xbf16>
  %r = kernel.load_buffer @wider_r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @wider_cache : memref<?x2x64x1600xbf16>
  %p = kernel.load_buffer @wider_p : tensor<1xi32>
  %b = kernel.load_buffer @wider_b : tensor<1x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<1x16x1536xbf16>, tensor<1x16x64xbf16>, memref<?x2x64x1600xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x1536xbf16>
  kernel.store_buffer %0, @wider_o : tensor<1x16x1536xbf16>
  return
}

// CHECK-LABEL: func.func @wider_heads128
// CHECK:         kernel.mla_decode {{.*}} schedule <tile =
func.func @wider_heads128() {
  %q = kernel.load_buffer @wider_heads128_q : tensor<16x128x1536xbf16>
  %r = kernel.load_buffer @wider_heads128_r : tensor<16x128x64xbf16>
  %c = kernel.buffer_memref @wider_heads128_cache : memref<?x2x64x1600xbf16>
  %p = kernel.load_buffer @wider_heads128_p : tensor<16xi32>
  %b = kernel.load_buffer @wider_heads128_b : tensor<16x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<16x128x1536xbf16>, tensor<16x128x64xbf16>, memref<?x2x64x1600xbf16>, tensor<16xi32>, tensor<16x64xi32> -> tensor<16x128x1536xbf16>
  kernel.store_buffer %0, @wider_heads128_o : tensor<16x128x1536xbf16>
  return
}

// As wide as two stages of 16 records allow.
// CHECK-LABEL: func.func @widest
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [16, 16], stages = 2,
func.func @widest() {
  %q = kernel.load_buffer @widest_q : tensor<1x16x2272xbf16>
  %r = kernel.load_buffer @widest_r : tensor<1x16x64xbf16>
  %c = kernel.buffer_memref @widest_cache : memref<?x2x64x2336xbf16>
  %p = kernel.load_buffer @widest_p : tensor<1xi32>
  %b = kernel.load_buffer @widest_b : tensor<1x64xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<1x16x2272xbf16>, tensor<1x16x64xbf16>, memref<?x2x64x2336xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x2272xbf16>
  kernel.store_buffer %0, @widest_o : tensor<1x16x2272xbf16>
  return
}

// Odd sizes, several tokens of a sequence.
// CHECK-LABEL: func.func @odd
// CHECK:         kernel.mla_decode {{.*}} schedule <tile =
func.func @odd() {
  %q = kernel.load_buffer @odd_q : tensor<12x7x333xbf16>
  %r = kernel.load_buffer @odd_r : tensor<12x7x11xbf16>
  %c = kernel.buffer_memref @odd_cache : memref<?x2x64x344xbf16>
  %p = kernel.load_buffer @odd_p : tensor<12xi32>
  %b = kernel.load_buffer @odd_b : tensor<3x9xi32>
  %0 = kernel.mla_decode %q, %r, %c[1] at %p, %b scale 0.07
    : tensor<12x7x333xbf16>, tensor<12x7x11xbf16>, memref<?x2x64x344xbf16>, tensor<12xi32>, tensor<3x9xi32> -> tensor<12x7x333xbf16>
  kernel.store_buffer %0, @odd_o : tensor<12x7x333xbf16>
  return
}
