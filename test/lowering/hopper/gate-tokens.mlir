// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/gate_tokens_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=MANY --input-file=%t/gate_tokens_1.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @x input : tensor<1x7168xbf16>
kernel.buffer @g parameter : tensor<256x7168xbf16>
kernel.buffer @b parameter : tensor<256xf32>
kernel.buffer @w output : tensor<1x8xf32>
kernel.buffer @i output : tensor<1x8xi32>
kernel.buffer @o output : tensor<257xi32>
kernel.buffer @r output : tensor<1x8xi32>
kernel.buffer @t output : tensor<8xi32>
kernel.buffer @xx input : tensor<64x7168xbf16>
kernel.buffer @ww output : tensor<64x8xf32>
kernel.buffer @ii output : tensor<64x8xi32>
kernel.buffer @rr output : tensor<64x8xi32>
kernel.buffer @tt output : tensor<512xi32>

// All of the gate is requested before the wait for earlier kernels, and the bias; x after it. Sums and choices go
// through words of the kernel's own memory: no fence, no counter, no atomic in global memory. A round of the choice is
// one instruction over the warp, of which there are eight.
// CHECK-LABEL: func.func @one_token
// CHECK:         kernel.launch @gate_tokens_0 grid [128, 1, 1] threads 448 cluster 1
// PTX:           .global .align 256 .b8 gate_tokens_0_state[8224]
// PTX-NOT:       gate_tokens_1_state
// PTX-COUNT-4:   cp.async.cg.shared.global
// PTX-NOT:       cp.async.cg
// PTX:           griddepcontrol.launch_dependents
// PTX:           griddepcontrol.wait
// PTX-COUNT-2:   cp.async.cg.shared.global
// PTX-COUNT-4:   mma.sync.aligned.m16n8k16
// PTX-NOT:       mma.sync
// PTX:           st.relaxed.gpu.global.v4.b32
// PTX-COUNT-8:   ld.relaxed.gpu.global.v4.b32
// PTX-NOT:       atom.
// PTX-COUNT-8:   redux.sync.max.u32
// PTX-NOT:       redux.sync
// PTX-NOT:       membar
// PTX-NOT:       fence
// PTX-NOT:       .local
func.func @one_token() {
  %x = kernel.load_buffer @x : tensor<1x7168xbf16>
  %g = kernel.load_buffer @g : tensor<256x7168xbf16>
  %b = kernel.load_buffer @b : tensor<256xf32>
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g bias %b schedule <tile = [1, 16, 896], split = 8, warps = 14> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]}
    : (tensor<1x7168xbf16>, tensor<256x7168xbf16>, tensor<256xf32>) -> (tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>)
  return
}

// A CTA for each of many tokens; the last one polls the choices of all.
// CHECK-LABEL: func.func @many_tokens
// CHECK:         kernel.launch @gate_tokens_1 grid [128, 1, 1] threads 448 cluster 1
// CHECK:         llvm.mlir.global internal @gate_tokens_0_state() {addr_space = 1 : i32, alignment = 256 : i64}
// MANY:          st.relaxed.gpu.global.b32
// MANY:          ld.relaxed.gpu.global.b32
// MANY:          atom.shared.or.b32
// MANY-NOT:      atom.global
// MANY-NOT:      .local
func.func @many_tokens() {
  %x = kernel.load_buffer @xx : tensor<64x7168xbf16>
  %g = kernel.load_buffer @g : tensor<256x7168xbf16>
  %b = kernel.load_buffer @b : tensor<256xf32>
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g bias %b schedule <tile = [1, 32, 448], split = 16, warps = 14> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5,
    placement = [#kernel.pointer<@ww + 0>, #kernel.pointer<@ii + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@rr + 0>, #kernel.pointer<@tt + 0>]}
    : (tensor<64x7168xbf16>, tensor<256x7168xbf16>, tensor<256xf32>) -> (tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>)
  return
}

//--- invalid.mlir
kernel.buffer @x input : tensor<65x64xbf16>
kernel.buffer @g parameter : tensor<64x64xbf16>
kernel.buffer @w output : tensor<65x2xf32>
kernel.buffer @i output : tensor<65x2xi32>
kernel.buffer @o output : tensor<65xi32>
kernel.buffer @r output : tensor<65x2xi32>
kernel.buffer @t output : tensor<130xi32>
func.func @too_many_tokens() {
  %x = kernel.load_buffer @x : tensor<65x64xbf16>
  %g = kernel.load_buffer @g : tensor<64x64xbf16>
  // expected-error@below {{gate_tokens has 65 tokens, 64 experts in 1 groups, expected at most 64 tokens and a multiple of 32 experts up to 256, whole lanes of them in a group}}
  // expected-error@below {{no kernel was built for this operation}}
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]}
    : (tensor<65x64xbf16>, tensor<64x64xbf16>) -> (tensor<65x2xf32>, tensor<65x2xi32>, tensor<65xi32>, tensor<65x2xi32>, tensor<130xi32>)
  return
}

// -----

kernel.buffer @x input : tensor<8x64xbf16>
kernel.buffer @g parameter : tensor<64x64xbf16>
kernel.buffer @w output : tensor<8x2xf32>
kernel.buffer @i output : tensor<8x2xi32>
kernel.buffer @o output : tensor<65xi32>
kernel.buffer @r output : tensor<8x2xi32>
kernel.buffer @t output : tensor<16xi32>
func.func @too_few_channels() {
  %x = kernel.load_buffer @x : tensor<8x64xbf16>
  %g = kernel.load_buffer @g : tensor<64x64xbf16>
  // expected-error@below {{gate_tokens' schedule routes 1 tokens in a CTA of 1 warps and multiplies 16 experts by 32 channels in 1 parts, which does not cover the operands}}
  // expected-error@below {{no kernel was built for this operation}}
  %w, %i, %o, %r, %t = kernel.gate_tokens %x, %g schedule <tile = [1, 16, 32], warps = 1> {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]}
    : (tensor<8x64xbf16>, tensor<64x64xbf16>) -> (tensor<8x2xf32>, tensor<8x2xi32>, tensor<65xi32>, tensor<8x2xi32>, tensor<16xi32>)
  return
}
