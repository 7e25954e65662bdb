// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/route_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=MANY --input-file=%t/route_1.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @l input : tensor<64x256xf32>
kernel.buffer @b parameter : tensor<256xf32>
kernel.buffer @w output : tensor<64x8xf32>
kernel.buffer @i output : tensor<64x8xi32>
kernel.buffer @lll input : tensor<64x2048xf32>
kernel.buffer @bbb parameter : tensor<2048xf32>
kernel.buffer @ll input : tensor<1025x80xf32>
kernel.buffer @ww output : tensor<1025x40xf32>
kernel.buffer @ii output : tensor<1025x40xi32>

// A warp for each token, no barrier of the CTA. The bias is a parameter: read before the wait for earlier kernels. A lane
// has eight neighbours; groups are ranked by shuffles, eight rounds choose experts.
// CHECK-LABEL: func.func @grouped
// CHECK:         kernel.launch @route_0 grid [64, 1, 1] threads 32 cluster 1 shared 1056 programmatic args
// CHECK-SAME:      [#kernel.pointer<@l + 0>, #kernel.pointer<@b + 0>, #kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>]
// PTX-COUNT-2:   ld.global.v4
// PTX:           griddepcontrol.wait
// PTX-COUNT-2:   ld.global.v4
// PTX-NOT:       bar.sync
// PTX-COUNT-8:   redux.sync.max.u32
// PTX-NOT:       redux.sync.max
// PTX-NOT:       .local
func.func @grouped() {
  %l = kernel.load_buffer @l : tensor<64x256xf32>
  %b = kernel.load_buffer @b : tensor<256xf32>
  %w, %i = kernel.route %l bias %b {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>]} : tensor<64x256xf32>, tensor<256xf32> -> tensor<64x8xf32>, tensor<64x8xi32>
  return
}

// From 1024 tokens on, four to a CTA; the last CTA has one. Choices beyond the 32 lanes are a second pair of stores.
// CHECK-LABEL: func.func @many
// CHECK:         kernel.launch @route_1 grid [257, 1, 1] threads 128 cluster 1 shared 1280
// MANY-COUNT-40: redux.sync.max.u32
// MANY-COUNT-4:  st.global.b32
// MANY-NOT:      st.global
func.func @many() {
  %l = kernel.load_buffer @ll : tensor<1025x80xf32>
  %w, %i = kernel.route %l {topK = 40, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0,
    placement = [#kernel.pointer<@ww + 0>, #kernel.pointer<@ii + 0>]} : tensor<1025x80xf32> -> tensor<1025x40xf32>, tensor<1025x40xi32>
  return
}

// As many experts as a warp can hold: ptxas would report a spill.
// CHECK-LABEL: func.func @most_experts
// CHECK:         kernel.launch @route_2 grid [64, 1, 1] threads 32 cluster 1 shared 8192
func.func @most_experts() {
  %l = kernel.load_buffer @lll : tensor<64x2048xf32>
  %b = kernel.load_buffer @bbb : tensor<2048xf32>
  %w, %i = kernel.route %l bias %b {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>]} : tensor<64x2048xf32>, tensor<2048xf32> -> tensor<64x8xf32>, tensor<64x8xi32>
  return
}

//--- invalid.mlir
kernel.buffer @l input : tensor<4x2080xf32>
kernel.buffer @w output : tensor<4x8xf32>
kernel.buffer @i output : tensor<4x8xi32>
func.func @too_many_experts() {
  %l = kernel.load_buffer @l : tensor<4x2080xf32>
  // expected-error@below {{route has 2080 experts, one warp chooses among 2048 at most}}
  // expected-error@below {{no kernel was built for this operation}}
  %w, %i = kernel.route %l {topK = 8, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>]} : tensor<4x2080xf32> -> tensor<4x8xf32>, tensor<4x8xi32>
  return
}
