// RUN: deepseek-opt %s -convert-kernel-to-nvvm | FileCheck %s
// RUN: rm -rf %t && deepseek-opt %s -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: cat %t/*.ptx | FileCheck %s --check-prefix=PTX
// RUN: %if ptxas %{ deepseek-opt %s -convert-kernel-to-nvvm -convert-nvvm-to-binary -o %t.ignored %}

kernel.buffer @x input : tensor<96x2048xbf16>
kernel.buffer @offsets input : tensor<65xi32>
kernel.buffer @w parameter : tensor<64x1408x2048xbf16>
kernel.buffer @y output : tensor<96x1408xbf16>

// 88 tiles of 16 columns; 96 rows in 64 groups need at most 96 / 8 + 64 = 76 row tiles of 8. The host knows no offset.
// CHECK-LABEL: func.func @experts
// CHECK:         kernel.launch @grouped_gemm{{.*}} grid [88, 76, 1] threads 128
// Every warp looks for its tile with a prefix sum over 32 groups at a time.
// PTX:         griddepcontrol.wait
// PTX:         shfl.sync.up
// PTX:         vote.sync.ballot
// PTX:         ld.global.nc.L1::no_allocate
// PTX:         mma.sync.aligned.m16n8k16
// PTX-NOT:     .local
func.func @experts() {
  %x = kernel.load_buffer @x : tensor<96x2048xbf16>
  %o = kernel.load_buffer @offsets : tensor<65xi32>
  %w = kernel.load_buffer @w : tensor<64x1408x2048xbf16>
  %y = kernel.grouped_gemm %x, %o, %w {placement = [#kernel.pointer<@y + 0>]}
    : tensor<96x2048xbf16>, tensor<65xi32>, tensor<64x1408x2048xbf16> -> tensor<96x1408xbf16>
  return
}

// A schedule with 64 rows or more asks for tensor cores: 11 tiles of 128 columns for up to 65 tiles of rows, walked by one CTA on each multiprocessor; B's matrices are the third dimension of its tensor map. Rows of a partial tile
// are stored from registers, so that they do not overwrite the next group's.
// CHECK-LABEL: func.func @many_rows
// CHECK:         kernel.launch @grouped_gemm_1 grid [132, 1, 1] threads 256
// CHECK-SAME:      #kernel.tensor_map<@w + 0, bf16, dims = [2048, 1408, 64], strides = [4096, 5767168], box = [64, 128, 1], swizzle = 128>
// CHECK-SAME:      #kernel.pointer<@y + 0>
// PTX:         .entry grouped_gemm_1
// PTX-DAG:     wgmma.mma_async.sync.aligned.m64n128k16
// PTX-DAG:     cp.async.bulk.tensor.2d.global.shared::cta
// PTX-DAG:     st.global.b32
func.func @many_rows() {
  %x = kernel.load_buffer @x : tensor<96x2048xbf16>
  %o = kernel.load_buffer @offsets : tensor<65xi32>
  %w = kernel.load_buffer @w : tensor<64x1408x2048xbf16>
  %y = kernel.grouped_gemm %x, %o, %w schedule <tile = [64, 128, 64], stages = 4> {placement = [#kernel.pointer<@y + 0>]}
    : tensor<96x2048xbf16>, tensor<65xi32>, tensor<64x1408x2048xbf16> -> tensor<96x1408xbf16>
  return
}

// Rows of 87 elements lie on no word: loads of halves, which must not spill (56 rows a group).
// PTX:         .entry grouped_gemm_2
// PTX:         ld.global.{{.*}}b16
// PTX:         mma.sync.aligned.m16n8k16
kernel.buffer @xh input : tensor<168x87xbf16>
kernel.buffer @offsets_h input : tensor<4xi32>
kernel.buffer @wh input : tensor<3x73x87xbf16>
kernel.buffer @yh output : tensor<168x73xf32>
func.func @halves() {
  %x = kernel.load_buffer @xh : tensor<168x87xbf16>
  %o = kernel.load_buffer @offsets_h : tensor<4xi32>
  %w = kernel.load_buffer @wh : tensor<3x73x87xbf16>
  %y = kernel.grouped_gemm %x, %o, %w {placement = [#kernel.pointer<@yh + 0>]}
    : tensor<168x87xbf16>, tensor<4xi32>, tensor<3x73x87xbf16> -> tensor<168x73xf32>
  return
}
