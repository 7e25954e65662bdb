// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/bf16.mlir -convert-kernel-to-nvvm | FileCheck %t/bf16.mlir
// RUN: deepseek-opt %t/bf16.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/bf16" -o %t.ignored
// RUN: cat %t/bf16/*.ptx | FileCheck %t/bf16.mlir --check-prefix=PTX
// RUN: deepseek-opt %t/fp8.mlir -convert-kernel-to-nvvm | FileCheck %t/fp8.mlir
// RUN: deepseek-opt %t/fp8.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/fp8" -o %t.ignored
// RUN: cat %t/fp8/*.ptx | FileCheck %t/fp8.mlir --check-prefix=PTX
// RUN: deepseek-opt %t/overlap.mlir -convert-kernel-to-nvvm | FileCheck %t/overlap.mlir
// RUN: deepseek-opt %t/overlap.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/overlap" -o %t.ignored
// RUN: cat %t/overlap/gemm_0.ptx | FileCheck %t/overlap.mlir --check-prefix=PTX
// RUN: deepseek-opt %t/tall.mlir -convert-kernel-to-nvvm | FileCheck %t/tall.mlir
// RUN: deepseek-opt %t/tall.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/tall" -o %t.ignored
// RUN: cat %t/tall/gemm_0.ptx | FileCheck %t/tall.mlir --check-prefix=PTX
// RUN: deepseek-opt %t/shared-k.mlir -convert-kernel-to-nvvm | FileCheck %t/shared-k.mlir
// RUN: deepseek-opt %t/shared-k.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/shared-k" -o %t.ignored
// RUN: cat %t/shared-k/gemm_0.ptx | FileCheck %t/shared-k.mlir --check-prefix=PTX
// RUN: deepseek-opt %t/ragged.mlir -convert-kernel-to-nvvm | FileCheck %t/ragged.mlir
// RUN: deepseek-opt %t/unaligned.mlir -convert-kernel-to-nvvm --remark-format=emitRemark --remarks-filter=convert-kernel-to-nvvm 2>&1 | FileCheck %t/unaligned.mlir

//--- bf16.mlir
kernel.buffer @x input : tensor<300x512xbf16>
kernel.buffer @w parameter : tensor<640x512xbf16>
kernel.buffer @y output : tensor<300x640xbf16>
kernel.buffer @z output : tensor<300x640xbf16>

// Three by five tiles. Operands come by TMA in rows of 128 bytes, and so does the result go.
// CHECK-LABEL: func.func @product
// CHECK:         kernel.launch @[[$GEMM:gemm_[0-9]+]] grid [15, 1, 1] threads 384 cluster 1 shared {{[0-9]+}} programmatic args
// CHECK-SAME:      [#kernel.tensor_map<@x + 0, bf16, dims = [512, 300], strides = [1024], box = [64, 128], swizzle = 128>,
// CHECK-SAME:       #kernel.tensor_map<@w + 0, bf16, dims = [512, 640], strides = [1024], box = [64, 128], swizzle = 128>,
// CHECK-SAME:       #kernel.tensor_map<@y + 0, bf16, dims = [640, 300], strides = [1280], box = [64, 64], swizzle = 128>]
// The first product defines the accumulator, the others add to it. Nothing is read before the kernels before have finished.
// PTX:         griddepcontrol.wait
// PTX-DAG:     cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes
// PTX-DAG:     griddepcontrol.launch_dependents
// PTX-DAG:     setmaxnreg.dec.sync.aligned.u32 24
// PTX-DAG:     setmaxnreg.inc.sync.aligned.u32 240
// PTX-DAG:     wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16
// PTX-DAG:     cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group
// PTX-NOT:     .local
func.func @product() {
  %x = kernel.load_buffer @x : tensor<300x512xbf16>
  %w = kernel.load_buffer @w : tensor<640x512xbf16>
  %y = kernel.gemm %x, %w schedule <tile = [128, 128, 64], stages = 4> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x512xbf16>, tensor<640x512xbf16> -> tensor<300x640xbf16>
  return
}

// Only the address of the result differs: the same kernel. A slice of it is what another product reads.
// CHECK-LABEL: func.func @other_addresses
// CHECK:         kernel.launch @[[$GEMM]] {{.*}}#kernel.tensor_map<@z + 0,
// CHECK:         kernel.launch @[[$SLICE:gemm_[0-9]+]] {{.*}} args [#kernel.tensor_map<@z + 256, bf16, dims = [512, 300], strides = [1280], box = [64, 128], swizzle = 128>
// CHECK:       llvm.func @[[$GEMM]]
// CHECK:       llvm.func @[[$SLICE]]
// CHECK-NOT:   llvm.func
func.func @other_addresses() {
  %x = kernel.load_buffer @x : tensor<300x512xbf16>
  %w = kernel.load_buffer @w : tensor<640x512xbf16>
  %z = kernel.gemm %x, %w schedule <tile = [128, 128, 64], stages = 4> {placement = [#kernel.pointer<@z + 0>]}
    : tensor<300x512xbf16>, tensor<640x512xbf16> -> tensor<300x640xbf16>
  %part = tensor.extract_slice %z[0, 128] [300, 512] [1, 1] : tensor<300x640xbf16> to tensor<300x512xbf16>
  %y = kernel.gemm %part, %w schedule <tile = [128, 128, 64], stages = 4> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x512xbf16>, tensor<640x512xbf16> -> tensor<300x640xbf16>
  return
}

//--- fp8.mlir
kernel.buffer @x input : tensor<300x400xf8E4M3FN>
kernel.buffer @sx input : tensor<300x4xf32>
kernel.buffer @w parameter : tensor<576x400xf8E4M3FN>
kernel.buffer @sw parameter : tensor<5x4xf32>
kernel.buffer @y output : tensor<300x576xbf16>

// A tile of 192 columns starts in the middle of a scale block every other time. Sums of 128 channels meet in f32.
// CHECK-LABEL: func.func @block_scaled
// CHECK:         kernel.launch @gemm_0 grid [9, 1, 1] threads 384 {{.*}}#kernel.tensor_map<@x + 0, i8, dims = [400, 300], strides = [400], box = [128, 128], swizzle = 128>
// PTX-DAG:     wgmma.mma_async.sync.aligned.m64n192k32.f32.e4m3.e4m3
// PTX-DAG:     wgmma.wait_group.sync.aligned 0
// PTX-DAG:     fma.rn.f32
// PTX-NOT:     .local
func.func @block_scaled() {
  %x = kernel.load_buffer @x : tensor<300x400xf8E4M3FN>
  %w = kernel.load_buffer @w : tensor<576x400xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<300x4xf32>
  %sw = kernel.load_buffer @sw : tensor<5x4xf32>
  %y = kernel.gemm %x, %w scales(%sx, %sw) schedule <tile = [128, 192, 128], stages = 4> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x400xf8E4M3FN>, tensor<576x400xf8E4M3FN> scales(tensor<300x4xf32>, tensor<5x4xf32>) -> tensor<300x576xbf16>
  return
}

//--- overlap.mlir
kernel.buffer @x input : tensor<300x1024xf8E4M3FN>
kernel.buffer @sx input : tensor<300x8xf32>
kernel.buffer @w parameter : tensor<640x1024xf8E4M3FN>
kernel.buffer @sw parameter : tensor<5x8xf32>
kernel.buffer @y output : tensor<300x640xbf16>

// A tile of 128 columns has registers for the products of two K blocks: while one is scaled and added, the tensor cores work on the next.
// CHECK-LABEL: func.func @two_parts
// CHECK:         kernel.launch @gemm_0 grid [15, 1, 1] threads 384
// PTX:         .entry gemm_0
// PTX-COUNT-8: wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3
// PTX:         wgmma.wait_group.sync.aligned 1
// PTX-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3
// PTX:         wgmma.wait_group.sync.aligned 1
// PTX-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3
// PTX:         wgmma.wait_group.sync.aligned 1
// PTX-NOT:     wgmma.mma_async
// PTX:         wgmma.wait_group.sync.aligned 0
// PTX-NOT:     .local
func.func @two_parts() {
  %x = kernel.load_buffer @x : tensor<300x1024xf8E4M3FN>
  %w = kernel.load_buffer @w : tensor<640x1024xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<300x8xf32>
  %sw = kernel.load_buffer @sw : tensor<5x8xf32>
  %y = kernel.gemm %x, %w scales(%sx, %sw) schedule <tile = [128, 128, 128], stages = 6> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x1024xf8E4M3FN>, tensor<640x1024xf8E4M3FN> scales(tensor<300x8xf32>, tensor<5x8xf32>) -> tensor<300x640xbf16>
  return
}

// One consumer has fewer registers: one set of products from 112 columns on.
// CHECK-LABEL: func.func @lone_consumer
// CHECK:         kernel.launch @gemm_1 grid [25, 1, 1] threads 256
func.func @lone_consumer() {
  %x = kernel.load_buffer @x : tensor<300x1024xf8E4M3FN>
  %w = kernel.load_buffer @w : tensor<640x1024xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<300x8xf32>
  %sw = kernel.load_buffer @sw : tensor<5x8xf32>
  %y = kernel.gemm %x, %w scales(%sx, %sw) schedule <tile = [64, 128, 128], stages = 6> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x1024xf8E4M3FN>, tensor<640x1024xf8E4M3FN> scales(tensor<300x8xf32>, tensor<5x8xf32>) -> tensor<300x640xbf16>
  return
}

//--- tall.mlir
kernel.buffer @x input : tensor<600x1024xf8E4M3FN>
kernel.buffer @sx input : tensor<600x8xf32>
kernel.buffer @w parameter : tensor<640x1024xf8E4M3FN>
kernel.buffer @sw parameter : tensor<5x8xf32>
kernel.buffer @y output : tensor<600x640xbf16>

// 256 rows: each consumer multiplies two blocks of 64 with the same columns, by turns in one set of registers. Scales of four K blocks come by TMA at a time, and a
// K block's are read before its products are issued. All of D is staged: one fence and one barrier before its stores.
// CHECK-LABEL: func.func @tall
// CHECK:         kernel.launch @gemm_0 grid [15, 1, 1] threads 384
// CHECK-SAME:      #kernel.tensor_map<@sx + 0, f32, dims = [8, 600], strides = [32], box = [4, 256], swizzle = 0>,
// CHECK-SAME:      #kernel.tensor_map<@sw + 0, f32, dims = [8, 5], strides = [32], box = [4, 1], swizzle = 0>
// PTX:         .entry gemm_0
// PTX-NOT:     ld.global
// PTX-COUNT-5: ld.shared.b32
// PTX-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3
// PTX:         wgmma.wait_group.sync.aligned 0
// PTX-COUNT-64: fma.rn.f32
// PTX-COUNT-4: wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3
// PTX:         wgmma.wait_group.sync.aligned 0
// PTX-COUNT-16: stmatrix
// PTX:         fence.proxy.async
// PTX-COUNT-4: cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group
// PTX-NOT:     stmatrix
// PTX-NOT:     .local
func.func @tall() {
  %x = kernel.load_buffer @x : tensor<600x1024xf8E4M3FN>
  %w = kernel.load_buffer @w : tensor<640x1024xf8E4M3FN>
  %sx = kernel.load_buffer @sx : tensor<600x8xf32>
  %sw = kernel.load_buffer @sw : tensor<5x8xf32>
  %y = kernel.gemm %x, %w scales(%sx, %sw) schedule <tile = [256, 128, 128], stages = 3> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<600x1024xf8E4M3FN>, tensor<640x1024xf8E4M3FN> scales(tensor<600x8xf32>, tensor<5x8xf32>) -> tensor<600x640xbf16>
  return
}

//--- shared-k.mlir
kernel.buffer @x input : tensor<300x1024xbf16>
kernel.buffer @w parameter : tensor<352x1024xbf16>
kernel.buffer @y output : tensor<300x352xbf16>

// Three CTAs of a cluster share K: each sums a third of the columns of all three, in the order of their ranks.
// CHECK-LABEL: func.func @shared_k
// CHECK:         kernel.launch @gemm_0 grid [18, 1, 1] threads 384 cluster 3
// CHECK-SAME:      #kernel.pointer<@y + 0>]
// PTX:         .entry gemm_0
// PTX-DAG:     barrier.cluster.arrive
// PTX-DAG:     ld.shared::cluster.v4
// PTX-DAG:     wgmma.mma_async.sync.aligned.m64n176k16.f32.bf16.bf16
// PTX-NOT:     .local
func.func @shared_k() {
  %x = kernel.load_buffer @x : tensor<300x1024xbf16>
  %w = kernel.load_buffer @w : tensor<352x1024xbf16>
  %y = kernel.gemm %x, %w schedule <tile = [128, 176, 64], stages = 3, split = 3> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x1024xbf16>, tensor<352x1024xbf16> -> tensor<300x352xbf16>
  return
}

// 176 columns leave in boxes of 64, 64, 32 and 16, each width with a tensor map of its own.
// CHECK-LABEL: func.func @narrow_boxes
// CHECK:         kernel.launch @gemm_1 grid [6, 1, 1] {{.*}}box = [64, 64], swizzle = 128>, #kernel.tensor_map<@y + 0, bf16, dims = [352, 300], strides = [704], box = [32, 64], swizzle = 64>,
// CHECK-SAME:      #kernel.tensor_map<@y + 0, bf16, dims = [352, 300], strides = [704], box = [16, 64], swizzle = 32>]
func.func @narrow_boxes() {
  %x = kernel.load_buffer @x : tensor<300x1024xbf16>
  %w = kernel.load_buffer @w : tensor<352x1024xbf16>
  %y = kernel.gemm %x, %w schedule <tile = [128, 176, 64], stages = 4> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<300x1024xbf16>, tensor<352x1024xbf16> -> tensor<300x352xbf16>
  return
}

//--- ragged.mlir
kernel.buffer @x input : tensor<77x3x80xbf16>
kernel.buffer @w parameter : tensor<3x96x80xbf16>
kernel.buffer @v parameter : tensor<1001x80xbf16>
kernel.buffer @n input : tensor<7xi32>
kernel.buffer @y output : tensor<77x3x96xbf16>
kernel.buffer @z output : tensor<77x1001xf32>

// Heads are the third dimension of the tensor maps.
// CHECK-LABEL: func.func @heads
// CHECK:         kernel.launch @gemm_0 grid [12, 1, 1] threads 256 {{.*}}#kernel.tensor_map<@x + 0, bf16, dims = [80, 77, 3], strides = [480, 160], box = [64, 64, 1], swizzle = 128>
// CHECK-SAME:      #kernel.tensor_map<@w + 0, bf16, dims = [80, 96, 3], strides = [160, 15360], box = [64, 64, 1], swizzle = 128>
func.func @heads() {
  %x = kernel.load_buffer @x : tensor<77x3x80xbf16>
  %w = kernel.load_buffer @w : tensor<3x96x80xbf16>
  %y = kernel.gemm %x, %w schedule <tile = [64, 64, 64], stages = 2> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<77x3x80xbf16>, tensor<3x96x80xbf16> -> tensor<77x3x96xbf16>
  return
}

// Rows of 1001 f32 are no multiple of 16 bytes: D is stored from registers. Tiles without a wanted row are skipped by both roles.
// CHECK-LABEL: func.func @odd_columns
// CHECK:         kernel.launch @gemm_1 grid [16, 1, 1] {{.*}}, #kernel.pointer<@z + 0>, #kernel.pointer<@n + 0>]
// CHECK:       llvm.func @gemm_1
func.func @odd_columns() {
  %x = kernel.load_buffer @x : tensor<77x3x80xbf16>
  %row = tensor.extract_slice %x[0, 1, 0] [77, 1, 80] [1, 1, 1] : tensor<77x3x80xbf16> to tensor<77x80xbf16>
  %v = kernel.load_buffer @v : tensor<1001x80xbf16>
  %n = kernel.load_buffer @n : tensor<7xi32>
  %z = kernel.gemm %row, %v rows(%n) schedule <tile = [64, 128, 64], stages = 3> {placement = [#kernel.pointer<@z + 0>]}
    : tensor<77x80xbf16>, tensor<1001x80xbf16> rows(tensor<7xi32>) -> tensor<77x1001xf32>
  return
}

//--- unaligned.mlir
kernel.buffer @x input : tensor<77x97xbf16>
kernel.buffer @w parameter : tensor<19x97xbf16>
kernel.buffer @y output : tensor<77x19xf32>

// TMA cannot address rows of 194 bytes: the product runs on mma.sync, and a remark says why.
// CHECK: gemm {{.*}}a stride of 194 bytes is not a multiple of 16
// CHECK: kernel.launch @gemm_0 {{.*}}args [#kernel.pointer<@x + 0>, #kernel.pointer<@w + 0>, #kernel.pointer<@y + 0>]
func.func @odd_k() {
  %x = kernel.load_buffer @x : tensor<77x97xbf16>
  %w = kernel.load_buffer @w : tensor<19x97xbf16>
  %y = kernel.gemm %x, %w schedule <tile = [64, 64, 64], stages = 4> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<77x97xbf16>, tensor<19x97xbf16> -> tensor<77x19xf32>
  return
}
