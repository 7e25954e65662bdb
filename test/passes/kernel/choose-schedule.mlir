// RUN: deepseek-opt %s -kernel-choose-schedule | FileCheck %s

// Few rows stream the weights; many rows stay with the tensor-core family.
// CHECK-LABEL: func.func @families
// CHECK:         kernel.skinny_gemm {{.*}} schedule <tile = [8, 64, 64], stages = 4, warps = 5>
// CHECK:         kernel.gemm {{.*}} schedule <tile = [{{64|128}}, {{[0-9]+}}, 64], stages = 8, warps = {{8|12}}>
func.func @families(%x: tensor<8x256xbf16>, %y: tensor<512x256xbf16>, %w: tensor<256x256xbf16>) -> (tensor<8x256xbf16>, tensor<512x256xbf16>) {
  %0 = kernel.gemm %x, %w : tensor<8x256xbf16>, tensor<256x256xbf16> -> tensor<8x256xbf16>
  %1 = kernel.gemm %y, %w : tensor<512x256xbf16>, tensor<256x256xbf16> -> tensor<512x256xbf16>
  return %0, %1 : tensor<8x256xbf16>, tensor<512x256xbf16>
}

// A round of 128 tiles of 144 columns; few tiles with a long K share it.
// CHECK-LABEL: func.func @tensor_core_tiles
// CHECK:         kernel.gemm {{.*}} schedule <tile = [128, 144, 64], stages = 5, warps = 12>
// CHECK:         kernel.gemm {{.*}} schedule <tile = [128, {{[0-9]+}}, 64], stages = {{[0-9]}}, split = {{[2-4]}}, warps = 12>
func.func @tensor_core_tiles(%x: tensor<4096x7168xbf16>, %y: tensor<512x7168xbf16>, %w: tensor<576x7168xbf16>) -> (tensor<4096x576xbf16>, tensor<512x576xbf16>) {
  %0 = kernel.gemm %x, %w : tensor<4096x7168xbf16>, tensor<576x7168xbf16> -> tensor<4096x576xbf16>
  %1 = kernel.gemm %y, %w : tensor<512x7168xbf16>, tensor<576x7168xbf16> -> tensor<512x576xbf16>
  return %0, %1 : tensor<4096x576xbf16>, tensor<512x576xbf16>
}

// Rows of 97 elements start at any even byte: TMA cannot address them.
// CHECK-LABEL: func.func @unaligned_rows
// CHECK:         kernel.skinny_gemm
func.func @unaligned_rows(%y: tensor<512x97xbf16>, %w: tensor<256x97xbf16>) -> tensor<512x256xbf16> {
  %0 = kernel.gemm %y, %w : tensor<512x97xbf16>, tensor<256x97xbf16> -> tensor<512x256xbf16>
  return %0 : tensor<512x256xbf16>
}

// One token of sixteen heads is one tile; parts of the positions keep more multiprocessors busy, and are joined.
// CHECK-LABEL: func.func @splits_decode
// CHECK:         %[[P:.+]], %[[L:.+]] = kernel.mla_decode {{.*}} schedule <tile = [16, {{16|32|64}}], stages = {{[2-6]}}, split = [[PARTS:[0-9]+]]{{(, warps = (8|16))?}}> {{.*}} -> tensor<[[PARTS]]x1x16x1024xf32> lse tensor<[[PARTS]]x1x16xf32>
// CHECK:         kernel.mla_combine %[[P]], %[[L]] {{.*}} -> tensor<1x16x1024xbf16>
func.func @splits_decode(%q: tensor<1x16x1024xbf16>, %r: tensor<1x16x128xbf16>, %c: memref<?x27x64x1152xbf16>, %p: tensor<1xi32>, %t: tensor<1x64xi32>) -> tensor<1x16x1024xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[3] at %p, %t scale 0.1 : tensor<1x16x1024xbf16>, tensor<1x16x128xbf16>, memref<?x27x64x1152xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x16x1024xbf16>
  return %0 : tensor<1x16x1024xbf16>
}

// Records that products of warpgroups take: the kernel cuts sequences itself, in scratch memory.
// CHECK-LABEL: func.func @cuts_on_the_device
// CHECK:         %[[R:.+]], %{{.+}} = kernel.mla_decode {{.*}} schedule <tile = [64, 32, 256], stages = 5, warps = 16> {{.*}} -> tensor<8x128x512xbf16> lse tensor<{{[0-9]+}}xf32>
// CHECK-NEXT:    return %[[R]]
func.func @cuts_on_the_device(%q: tensor<8x128x512xbf16>, %r: tensor<8x128x64xbf16>, %c: memref<?x27x64x576xbf16>, %p: tensor<8xi32>, %t: tensor<8x64xi32>) -> tensor<8x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[3] at %p, %t scale 0.1 : tensor<8x128x512xbf16>, tensor<8x128x64xbf16>, memref<?x27x64x576xbf16>, tensor<8xi32>, tensor<8x64xi32> -> tensor<8x128x512xbf16>
  return %0 : tensor<8x128x512xbf16>
}

// 128 sequences fill the GPU; joining parts would only add work. 64 rows share the records that they read.
// CHECK-LABEL: func.func @keeps_large_batch
// CHECK-NOT:     kernel.mla_combine
// CHECK: kernel.mla_decode {{.*}} schedule <tile = [64, 32, 256], stages = 5, warps = 16>
// CHECK-NOT:     kernel.mla_combine
// CHECK:         return
func.func @keeps_large_batch(%q: tensor<128x128x512xbf16>, %r: tensor<128x128x64xbf16>, %c: memref<?x27x64x576xbf16>, %p: tensor<128xi32>, %t: tensor<128x64xi32>) -> tensor<128x128x512xbf16> {
  %0 = kernel.mla_decode %q, %r, %c[3] at %p, %t scale 0.1 : tensor<128x128x512xbf16>, tensor<128x128x64xbf16>, memref<?x27x64x576xbf16>, tensor<128xi32>, tensor<128x64xi32> -> tensor<128x128x512xbf16>
  return %0 : tensor<128x128x512xbf16>
}

// What is asked for stays: the number of parts is that of the results, a schedule is kept.
// CHECK-LABEL: func.func @keeps_what_is_given
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [16, {{16|32|64}}], stages = {{[2-6]}}, split = 3{{(, warps = (8|16))?}}>
// CHECK:         kernel.mla_decode {{.*}} schedule <tile = [32, 16], stages = 5, warps = 2>
func.func @keeps_what_is_given(%q: tensor<1x3x80xbf16>, %r: tensor<1x3x16xbf16>, %c: memref<?x1x64x96xbf16>, %p: tensor<1xi32>, %t: tensor<1x64xi32>) -> (tensor<3x1x3x80xf32>, tensor<3x1x3xf32>, tensor<1x3x80xbf16>) {
  %0, %l = kernel.mla_decode %q, %r, %c[0] at %p, %t scale 0.1 : tensor<1x3x80xbf16>, tensor<1x3x16xbf16>, memref<?x1x64x96xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<3x1x3x80xf32> lse tensor<3x1x3xf32>
  %1 = kernel.mla_decode %q, %r, %c[0] at %p, %t scale 0.1 schedule <tile = [32, 16], stages = 5, warps = 2> : tensor<1x3x80xbf16>, tensor<1x3x16xbf16>, memref<?x1x64x96xbf16>, tensor<1xi32>, tensor<1x64xi32> -> tensor<1x3x80xbf16>
  return %0, %l, %1 : tensor<3x1x3x80xf32>, tensor<3x1x3xf32>, tensor<1x3x80xbf16>
}

// Twelve rows a group stream their matrices; 192 rows a group fill tensor-core tiles.
// CHECK-LABEL: func.func @groups
// CHECK:         kernel.grouped_gemm {{.*}} schedule <tile = [24, 64, 64], stages = 6, warps = 5> : tensor<768x2048xbf16>
// CHECK:         kernel.grouped_gemm {{.*}} schedule <tile = [128, {{[0-9]+}}, 64], stages = {{[0-9]}}, warps = 12> : tensor<12288x2048xbf16>
func.func @groups(%a: tensor<768x2048xbf16>, %b: tensor<12288x2048xbf16>, %o: tensor<65xi32>, %w: tensor<64x1408x2048xbf16>) -> (tensor<768x1408xbf16>, tensor<12288x1408xbf16>) {
  %0 = kernel.grouped_gemm %a, %o, %w : tensor<768x2048xbf16>, tensor<65xi32>, tensor<64x1408x2048xbf16> -> tensor<768x1408xbf16>
  %1 = kernel.grouped_gemm %b, %o, %w : tensor<12288x2048xbf16>, tensor<65xi32>, tensor<64x1408x2048xbf16> -> tensor<12288x1408xbf16>
  return %0, %1 : tensor<768x1408xbf16>, tensor<12288x1408xbf16>
}

// Many rows go to warpgroups; so do few over a long history, where clusters share a task's keys.
// CHECK-LABEL: func.func @prefill
// CHECK:         kernel.mla_prefill {{.*}} schedule <tile = [128, 128, 16], stages = 2, warps = 12>
// CHECK:         kernel.mla_prefill {{.*}} schedule <tile = [128, 128, 16], stages = 2, split = 4, warps = 12>
func.func @prefill(%n: tensor<4096x16x128xbf16>, %r: tensor<4096x16x64xbf16>, %a: tensor<128x16x128xbf16>, %b: tensor<128x16x64xbf16>, %kv: tensor<4096x16x256xbf16>, %k: tensor<4096x64xbf16>, %p: tensor<4096xi32>, %s: tensor<128xi32>) -> (tensor<4096x16x128xbf16>, tensor<128x16x128xbf16>) {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.07 : tensor<4096x16x128xbf16>, tensor<4096x16x64xbf16>, tensor<4096x16x256xbf16>, tensor<4096x64xbf16>, tensor<4096xi32> -> tensor<4096x16x128xbf16>
  %1 = kernel.mla_prefill %a, %b, %kv, %k at %s sequences 1 scale 0.07 : tensor<128x16x128xbf16>, tensor<128x16x64xbf16>, tensor<4096x16x256xbf16>, tensor<4096x64xbf16>, tensor<128xi32> -> tensor<128x16x128xbf16>
  return %0, %1 : tensor<4096x16x128xbf16>, tensor<128x16x128xbf16>
}

// Heads of 20 + 6 elements are for single warps.
// CHECK-LABEL: func.func @prefill_odd_heads
// CHECK:         kernel.mla_prefill {{[^<]*}} : tensor<128x3x20xbf16>
func.func @prefill_odd_heads(%n: tensor<128x3x20xbf16>, %r: tensor<128x3x6xbf16>, %kv: tensor<128x3x41xbf16>, %k: tensor<128x6xbf16>, %p: tensor<128xi32>) -> tensor<128x3x21xbf16> {
  %0 = kernel.mla_prefill %n, %r, %kv, %k at %p sequences 1 scale 0.1 : tensor<128x3x20xbf16>, tensor<128x3x6xbf16>, tensor<128x3x41xbf16>, tensor<128x6xbf16>, tensor<128xi32> -> tensor<128x3x21xbf16>
  return %0 : tensor<128x3x21xbf16>
}

// Nine tiles of columns share K among eight CTAs each; a matrix of half a gigabyte goes straight into registers.
// CHECK-LABEL: func.func @few_rows
// CHECK:         kernel.skinny_gemm {{.*}} schedule <tile = [16, 64, 64], stages = {{[0-9]+}}, split = 8, warps = 5>
// CHECK:         kernel.skinny_gemm {{.*}} schedule <tile = [8, 16, 7168]>
func.func @few_rows(%x: tensor<16x7168xbf16>, %y: tensor<1x7168xbf16>, %w: tensor<576x7168xbf16>, %v: tensor<36864x7168xbf16>) -> (tensor<16x576xbf16>, tensor<1x36864xbf16>) {
  %0 = kernel.gemm %x, %w : tensor<16x7168xbf16>, tensor<576x7168xbf16> -> tensor<16x576xbf16>
  %1 = kernel.gemm %y, %v : tensor<1x7168xbf16>, tensor<36864x7168xbf16> -> tensor<1x36864xbf16>
  return %0, %1 : tensor<16x576xbf16>, tensor<1x36864xbf16>
}

// A single row has no stride that TMA could mind.
// CHECK-LABEL: func.func @one_row_of_heads
// CHECK:         kernel.skinny_gemm {{.*}} schedule <tile = [8, 64, 64], stages = {{[0-9]+}}, split = 4, warps = 5>
func.func @one_row_of_heads(%x: tensor<1x16x128xbf16>, %w: tensor<2048x2048xbf16>) -> tensor<1x2048xbf16> {
  %0 = tensor.collapse_shape %x [[0], [1, 2]] : tensor<1x16x128xbf16> into tensor<1x2048xbf16>
  %1 = kernel.gemm %0, %w : tensor<1x2048xbf16>, tensor<2048x2048xbf16> -> tensor<1x2048xbf16>
  return %1 : tensor<1x2048xbf16>
}
