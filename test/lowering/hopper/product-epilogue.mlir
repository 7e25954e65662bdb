// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/stream.mlir -convert-kernel-to-nvvm | FileCheck %t/stream.mlir
// RUN: deepseek-opt %t/stream.mlir -convert-kernel-to-nvvm -convert-nvvm-to-binary="ptx-only dump-to=%t/stream" -o %t.ignored
// RUN: FileCheck %t/stream.mlir --check-prefix=PTX --input-file=%t/stream/skinny_gemm_0.ptx
// RUN: deepseek-opt %t/tensor-core.mlir -convert-kernel-to-nvvm | FileCheck %t/tensor-core.mlir
// RUN: not deepseek-opt %t/unknown.mlir -convert-kernel-to-nvvm 2>&1 | FileCheck %t/unknown.mlir

//--- stream.mlir
kernel.buffer @x input : tensor<7x512xbf16>
kernel.buffer @w parameter : tensor<336x512xbf16>
kernel.buffer @y output : tensor<7x136xbf16>
kernel.buffer @z output : tensor<7x64xf32>

// One tile of plain columns, five of 32 columns of each part: boxes of 32 rows of B, two to a tile of 64.
// CHECK-LABEL: func.func @joins
// CHECK:         kernel.launch @skinny_gemm_0 grid [6, 1, 1] threads 160 cluster 1
// CHECK-SAME:      #kernel.tensor_map<@w + 0, bf16, dims = [512, 336], strides = [1024], box = [64, 32], swizzle = 128>
// The weights of both runs are under way before the wait for earlier kernels.
// PTX:         cp.async.bulk.tensor.2d.shared::cta.global
// PTX:         cp.async.bulk.tensor.2d.shared::cta.global
// PTX:         griddepcontrol.wait
// PTX:         wgmma.mma_async.sync.aligned.m64n8k16
// Plain columns leave as f32 sums; the parts of four columns are loaded side by side and joined before they are rounded.
// PTX-DAG:     st.global.v4.b32
// PTX-DAG:     ex2.approx
// PTX-DAG:     st.global.v2.b32
// PTX-NOT:     .local
func.func @joins() {
  %x = kernel.load_buffer @x : tensor<7x512xbf16>
  %w = kernel.load_buffer @w : tensor<336x512xbf16>
  %y, %z = kernel.skinny_gemm %x, %w schedule <tile = [8, 64, 64], stages = 6, warps = 5> {placement = [#kernel.pointer<@y + 0>, #kernel.pointer<@z + 0>]}
    : tensor<7x512xbf16>, tensor<336x512xbf16> -> tensor<7x136xbf16> plain tensor<7x64xf32> epilogue {
  ^bb0(%gate: f32, %up: f32):
    %e = math.exp %gate : f32
    %p = arith.mulf %e, %up : f32
    kernel.epilogue_yield %p : f32
  }
  return
}

//--- tensor-core.mlir
kernel.buffer @x input : tensor<128x512xbf16>
kernel.buffer @w parameter : tensor<256x512xbf16>
kernel.buffer @y output : tensor<128x256xbf16>

// Tensor-core tiles have no epilogue: the direct body takes over, with a remark.
// CHECK-LABEL: func.func @falls_back
// CHECK:         kernel.launch @gemm_0
// CHECK-NOT:     tensor_map
func.func @falls_back() {
  %x = kernel.load_buffer @x : tensor<128x512xbf16>
  %w = kernel.load_buffer @w : tensor<256x512xbf16>
  %y = kernel.gemm %x, %w schedule <tile = [128, 128, 64], stages = 4, warps = 12> {placement = [#kernel.pointer<@y + 0>]} : tensor<128x512xbf16>, tensor<256x512xbf16> -> tensor<128x256xbf16> epilogue {
  ^bb0(%s: f32):
    %n = arith.negf %s : f32
    kernel.epilogue_yield %n : f32
  }
  return
}

//--- unknown.mlir
kernel.buffer @x input : tensor<7x512xbf16>
kernel.buffer @w parameter : tensor<256x512xbf16>
kernel.buffer @y output : tensor<7x256xbf16>

// CHECK: error: this operation cannot be part of an epilogue
func.func @no_code_for_it() {
  %x = kernel.load_buffer @x : tensor<7x512xbf16>
  %w = kernel.load_buffer @w : tensor<256x512xbf16>
  %y = kernel.skinny_gemm %x, %w schedule <tile = [8, 64, 64], stages = 6, warps = 5> {placement = [#kernel.pointer<@y + 0>]} : tensor<7x512xbf16>, tensor<256x512xbf16> -> tensor<7x256xbf16> epilogue {
  ^bb0(%s: f32):
    %n = math.atan %s : f32
    kernel.epilogue_yield %n : f32
  }
  return
}
