// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/bf16.mlir -convert-kernel-to-nvvm | FileCheck %t/bf16.mlir
// RUN: deepseek-opt %t/bf16.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/bf16" -o %t.ignored
// RUN: FileCheck %t/bf16.mlir --check-prefix=PTX --input-file=%t/bf16/skinny_gemm_0.ptx
// RUN: deepseek-opt %t/split.mlir -convert-kernel-to-nvvm | FileCheck %t/split.mlir
// RUN: deepseek-opt %t/split.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/split" -o %t.ignored
// RUN: FileCheck %t/split.mlir --check-prefix=PTX --input-file=%t/split/skinny_gemm_0.ptx
// RUN: deepseek-opt %t/fp8.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/fp8" -o %t.ignored
// RUN: FileCheck %t/fp8.mlir --check-prefix=PTX --input-file=%t/fp8/skinny_gemm_0.ptx
// RUN: FileCheck %t/fp8.mlir --check-prefix=SCALES --input-file=%t/fp8/skinny_gemm_0.ptx
// RUN: deepseek-opt %t/low.mlir -convert-kernel-to-nvvm | FileCheck %t/low.mlir
// RUN: deepseek-opt %t/low.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/low" -o %t.ignored
// RUN: FileCheck %t/low.mlir --check-prefix=PTX --input-file=%t/low/skinny_gemm_0.ptx
// RUN: deepseek-opt %t/groups.mlir -convert-kernel-to-nvvm | FileCheck %t/groups.mlir
// RUN: deepseek-opt %t/groups.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/groups" -o %t.ignored
// RUN: FileCheck %t/groups.mlir --check-prefix=PTX --input-file=%t/groups/grouped_gemm_0.ptx
// RUN: deepseek-opt %t/falls-back.mlir -convert-kernel-to-nvvm | FileCheck %t/falls-back.mlir

//--- bf16.mlir
kernel.buffer @x input : tensor<7x512xbf16>
kernel.buffer @w parameter : tensor<272x512xbf16>
kernel.buffer @y output : tensor<7x272xbf16>

// Five tiles of 64 rows of B; one warpgroup multiplies, one warp issues TMA. Rows of A past the seventh load as zeros.
// CHECK-LABEL: func.func @streams
// CHECK:         kernel.launch @skinny_gemm_0 grid [5, 1, 1] threads 160 cluster 1 {{.*}} programmatic
// CHECK-SAME:      #kernel.tensor_map<@x + 0, bf16, dims = [512, 7], strides = [1024], box = [64, 8], swizzle = 128>
// CHECK-SAME:      #kernel.tensor_map<@w + 0, bf16, dims = [512, 272], strides = [1024], box = [64, 64], swizzle = 128>
// The next kernel is let in at once. The first stages' weights are under way before the wait for earlier kernels, their
// activations come after it.
// PTX:         griddepcontrol.launch_dependents
// PTX:         mbarrier.arrive.expect_tx
// PTX:         cp.async.bulk.tensor.2d.shared::cta.global
// PTX:         griddepcontrol.wait
// PTX:         cp.async.bulk.tensor.2d.shared::cta.global
// B's rows are the 64-row side, A's rows the other; the first product defines the accumulator.
// PTX:         setp.ne.b32 p, 0, 0;
// PTX-NEXT:    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16
// The next stage's products are issued before the present one's have finished.
// PTX:         wgmma.wait_group.sync.aligned 1
// Four neighbouring columns to a store.
// PTX:         st.global.v2.b32
// PTX-NOT:     .local
func.func @streams() {
  %x = kernel.load_buffer @x : tensor<7x512xbf16>
  %w = kernel.load_buffer @w : tensor<272x512xbf16>
  %y = kernel.skinny_gemm %x, %w schedule <tile = [8, 64, 64], stages = 6, warps = 5> {placement = [#kernel.pointer<@y + 0>]} : tensor<7x512xbf16>, tensor<272x512xbf16> -> tensor<7x272xbf16>
  return
}

//--- split.mlir
kernel.buffer @x input : tensor<16x7168xbf16>
kernel.buffer @w parameter : tensor<576x7168xbf16>
kernel.buffer @y output : tensor<16x576xbf16>

// Nine tiles, eight CTAs of a cluster share K: 72 CTAs.
// CHECK-LABEL: func.func @splits
// CHECK:         kernel.launch @skinny_gemm_0 grid [72, 1, 1] threads 160 cluster 8
// Parts are read from the other CTAs' shared memory between two cluster barriers: a fixed order, no atomics.
// PTX:         .explicitcluster
// PTX:         wgmma.mma_async.sync.aligned.m64n16k16
// PTX:         barrier.cluster.arrive
// PTX:         mapa.shared::cluster
// PTX:         ld.shared::cluster.v4
// PTX:         barrier.cluster.arrive
// PTX-NOT:     atom
func.func @splits() {
  %x = kernel.load_buffer @x : tensor<16x7168xbf16>
  %w = kernel.load_buffer @w : tensor<576x7168xbf16>
  %y = kernel.skinny_gemm %x, %w schedule <tile = [16, 64, 64], stages = 10, split = 8, warps = 5> {placement = [#kernel.pointer<@y + 0>]} : tensor<16x7168xbf16>, tensor<576x7168xbf16> -> tensor<16x576xbf16>
  return
}

//--- fp8.mlir
kernel.buffer @x input : tensor<64x384xf8E4M3FN>
kernel.buffer @sx input : tensor<64x3xf32>
kernel.buffer @w parameter : tensor<384x384xf8E4M3FN>
kernel.buffer @sw parameter : tensor<3x3xf32>
kernel.buffer @y output : tensor<64x384xbf16>
// Two warpgroups of products, two warps that load: one issues TMA, one fetches scales without waiting for them.
// PTX:         .reqntid 320
// SCALES-DAG:  cp.async.ca.shared.global
// SCALES-DAG:  cp.async.mbarrier.arrive.noinc
// SCALES-DAG:  fma.rn.f32
// Each 128 channels start a sum of their own.
// PTX:         setp.ne.b32 p, 0, 0;
// PTX-NEXT:    wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3
// PTX:         wgmma.wait_group.sync.aligned 0
// PTX-NOT:     .local
func.func @block_scaled() {
  %x = kernel.load_buffer @x : tensor<64x384xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<64x3xf32>
  %w = kernel.load_buffer @w : tensor<384x384xf8E4M3FN>
  %sw = kernel.load_buffer @sw : tensor<3x3xf32>
  %y = kernel.skinny_gemm %x, %w scales(%sx, %sw) schedule <tile = [64, 128, 128], stages = 4, warps = 10> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<64x384xf8E4M3FN>, tensor<384x384xf8E4M3FN> scales(tensor<64x3xf32>, tensor<3x3xf32>) -> tensor<64x384xbf16>
  return
}

//--- low.mlir
kernel.buffer @x input : tensor<16x384xf8E4M3FN>
kernel.buffer @sx input : tensor<16x3xf32>
kernel.buffer @w parameter : tensor<7392x384xf8E4M3FN>
kernel.buffer @sw parameter : tensor<58x3xf32>
kernel.buffer @y output : tensor<16x7392xbf16>
// 132 tiles of 56 rows, one on each multiprocessor; wgmma multiplies 64 rows all the same. A tile may lie in two blocks
// of B's scales: each row takes its own.
// CHECK-LABEL: func.func @low_tiles
// CHECK:         kernel.launch @skinny_gemm_0 grid [132, 1, 1] threads 192
// CHECK-SAME:      #kernel.tensor_map<@w + 0, i8, dims = [384, 7392], strides = [384], box = [128, 56], swizzle = 128>
// PTX:         wgmma.mma_async.sync.aligned.m64n16k32.f32.e4m3.e4m3
// PTX:         selp.f32
// PTX:         selp.f32
// PTX-NOT:     .local
func.func @low_tiles() {
  %x = kernel.load_buffer @x : tensor<16x384xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<16x3xf32>
  %w = kernel.load_buffer @w : tensor<7392x384xf8E4M3FN>
  %sw = kernel.load_buffer @sw : tensor<58x3xf32>
  %y = kernel.skinny_gemm %x, %w scales(%sx, %sw) schedule <tile = [16, 56, 128], stages = 3, warps = 6> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<16x384xf8E4M3FN>, tensor<7392x384xf8E4M3FN> scales(tensor<16x3xf32>, tensor<58x3xf32>) -> tensor<16x7392xbf16>
  return
}

//--- groups.mlir
kernel.buffer @x input : tensor<96x2048xbf16>
kernel.buffer @offsets input : tensor<65xi32>
kernel.buffer @w parameter : tensor<64x1408x2048xbf16>
kernel.buffer @y output : tensor<96x1408xbf16>

// B's matrices are the third dimension of its tensor map. The host knows no offset: the grid is that of any routing.
// CHECK-LABEL: func.func @experts
// CHECK:         kernel.launch @grouped_gemm_0 grid [{{[0-9]+}}, 1, 1] threads 160
// CHECK-SAME:      #kernel.tensor_map<@w + 0, bf16, dims = [2048, 1408, 64], strides = [4096, 5767168], box = [64, 64, 1], swizzle = 128>
// A warp makes the table of row tiles, with all offsets under way at once.
// PTX:         griddepcontrol.wait
// PTX:         ld.global.b32
// PTX:         ld.global.b32
// PTX:         shfl.sync.up
// PTX:         cp.async.bulk.tensor.3d.shared::cta.global
// PTX:         wgmma.mma_async.sync.aligned.m64n8k16
func.func @experts() {
  %x = kernel.load_buffer @x : tensor<96x2048xbf16>
  %o = kernel.load_buffer @offsets : tensor<65xi32>
  %w = kernel.load_buffer @w : tensor<64x1408x2048xbf16>
  %y = kernel.grouped_gemm %x, %o, %w schedule <tile = [8, 64, 64], stages = 11, warps = 5> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<96x2048xbf16>, tensor<65xi32>, tensor<64x1408x2048xbf16> -> tensor<96x1408xbf16>
  return
}

//--- falls-back.mlir
kernel.buffer @x input : tensor<5x97xbf16>
kernel.buffer @w parameter : tensor<19x97xbf16>
kernel.buffer @y output : tensor<5x19xbf16>
// Rows of 97 elements start at any even byte: TMA cannot address them, the loads of mma.sync can.
// CHECK-LABEL: func.func @unaligned
// CHECK:         kernel.launch @skinny_gemm_0 grid [2, 1, 1] threads 256
// CHECK-NOT:     tensor_map
func.func @unaligned() {
  %x = kernel.load_buffer @x : tensor<5x97xbf16>
  %w = kernel.load_buffer @w : tensor<19x97xbf16>
  %y = kernel.skinny_gemm %x, %w schedule <tile = [8, 64, 64], stages = 2, warps = 5> {placement = [#kernel.pointer<@y + 0>]} : tensor<5x97xbf16>, tensor<19x97xbf16> -> tensor<5x19xbf16>
  return
}
