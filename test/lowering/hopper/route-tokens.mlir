// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/route_tokens_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=CLUSTER --input-file=%t/route_tokens_2.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @l input : tensor<16x64xf32>
kernel.buffer @x input : tensor<16x2048xbf16>
kernel.buffer @w output : tensor<16x6xf32>
kernel.buffer @i output : tensor<16x6xi32>
kernel.buffer @o output : tensor<65xi32>
kernel.buffer @r output : tensor<16x6xi32>
kernel.buffer @t output : tensor<96xi32>
kernel.buffer @g output : tensor<96x2048xbf16>
kernel.buffer @lll input : tensor<64x256xf32>
kernel.buffer @xxx input : tensor<64x2048xbf16>
kernel.buffer @www output : tensor<64x8xf32>
kernel.buffer @iii output : tensor<64x8xi32>
kernel.buffer @rrr output : tensor<64x8xi32>
kernel.buffer @ttt output : tensor<512xi32>
kernel.buffer @ggg output : tensor<512x2048xbf16>
kernel.buffer @ll input : tensor<1x256xf32>
kernel.buffer @bb parameter : tensor<256xf32>
kernel.buffer @xx input : tensor<1x7168xbf16>
kernel.buffer @ww output : tensor<1x8xf32>
kernel.buffer @ii output : tensor<1x8xi32>
kernel.buffer @oo output : tensor<257xi32>
kernel.buffer @rr output : tensor<1x8xi32>
kernel.buffer @tt output : tensor<8xi32>
kernel.buffer @gg output : tensor<8x7168xbf16>

// A CTA for each token, sixteen warps that route. A thread's 16 bytes of the token's row are requested before the logits.
// The only atomics are bits in shared memory.
// CHECK-LABEL: func.func @decode
// CHECK:         kernel.launch @route_tokens_0 grid [16, 1, 1] threads 512 cluster 1 shared 5504 programmatic args
// CHECK-SAME:      [#kernel.pointer<@l + 0>, #kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>, #kernel.pointer<@x + 0>, #kernel.pointer<@g + 0>]
// PTX:           griddepcontrol.launch_dependents
// PTX:           griddepcontrol.wait
// PTX:           ld.global.nc.v4
// PTX-NOT:       atom.global
// PTX:           ld.global
// PTX-COUNT-7:   redux.sync.max.u32
// PTX-NOT:       redux.sync.max
// PTX-NOT:       .local
func.func @decode() {
  %l = kernel.load_buffer @l : tensor<16x64xf32>
  %x = kernel.load_buffer @x : tensor<16x2048xbf16>
  %w, %i, %o, %r, %t, %g = kernel.route_tokens %l gather(%x) {topK = 6, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>, #kernel.pointer<@g + 0>]}
    : (tensor<16x64xf32>, tensor<16x2048xbf16>) -> (tensor<16x6xf32>, tensor<16x6xi32>, tensor<65xi32>, tensor<16x6xi32>, tensor<96xi32>, tensor<96x2048xbf16>)
  return
}

// One token: CTAs of two warps share its columns.
// CHECK-LABEL: func.func @one_token
// CHECK:         kernel.launch @route_tokens_1 grid [14, 1, 1] threads 64 cluster 1
func.func @one_token() {
  %l = kernel.load_buffer @ll : tensor<1x256xf32>
  %b = kernel.load_buffer @bb : tensor<256xf32>
  %x = kernel.load_buffer @xx : tensor<1x7168xbf16>
  %w, %i, %o, %r, %t, %g = kernel.route_tokens %l bias %b gather(%x) schedule <tile = [1, 256], warps = 2> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5,
    placement = [#kernel.pointer<@ww + 0>, #kernel.pointer<@ii + 0>, #kernel.pointer<@oo + 0>, #kernel.pointer<@rr + 0>, #kernel.pointer<@tt + 0>, #kernel.pointer<@gg + 0>]}
    : (tensor<1x256xf32>, tensor<256xf32>, tensor<1x7168xbf16>) -> (tensor<1x8xf32>, tensor<1x8xi32>, tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>, tensor<8x7168xbf16>)
  return
}

// Many tokens: the eight CTAs of a cluster route eight each and store the choices to each other's shared memory.
// CHECK-LABEL: func.func @cluster
// CHECK:         kernel.launch @route_tokens_2 grid [64, 1, 1] threads 256 cluster 8
// CLUSTER:         barrier.cluster.arrive
// CLUSTER-COUNT-7: st.shared::cluster.b32
// CLUSTER:         barrier.cluster.arrive
// CLUSTER:         atom.shared.or.b32
func.func @cluster() {
  %l = kernel.load_buffer @lll : tensor<64x256xf32>
  %b = kernel.load_buffer @bb : tensor<256xf32>
  %x = kernel.load_buffer @xxx : tensor<64x2048xbf16>
  %w, %i, %o, %r, %t, %g = kernel.route_tokens %l bias %b gather(%x) schedule <tile = [64, 256], cluster = 8, warps = 8> {topK = 8, nGroup = 8, topkGroup = 4, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5,
    placement = [#kernel.pointer<@www + 0>, #kernel.pointer<@iii + 0>, #kernel.pointer<@oo + 0>, #kernel.pointer<@rrr + 0>, #kernel.pointer<@ttt + 0>, #kernel.pointer<@ggg + 0>]}
    : (tensor<64x256xf32>, tensor<256xf32>, tensor<64x2048xbf16>) -> (tensor<64x8xf32>, tensor<64x8xi32>, tensor<257xi32>, tensor<64x8xi32>, tensor<512xi32>, tensor<512x2048xbf16>)
  return
}

//--- invalid.mlir
kernel.buffer @l input : tensor<200x64xf32>
kernel.buffer @w output : tensor<200x2xf32>
kernel.buffer @i output : tensor<200x2xi32>
kernel.buffer @o output : tensor<65xi32>
kernel.buffer @r output : tensor<200x2xi32>
kernel.buffer @t output : tensor<400xi32>
func.func @too_many_tokens() {
  %l = kernel.load_buffer @l : tensor<200x64xf32>
  // expected-error@below {{route_tokens has 200 tokens and 64 experts, expected 128 and 1024 at most}}
  // expected-error@below {{no kernel was built for this operation}}
  %w, %i, %o, %r, %t = kernel.route_tokens %l {topK = 2, nGroup = 1, topkGroup = 1, score = #kernel<route_score softmax>, group = #kernel<route_group none>, normalize = false, scale = 1.0,
    placement = [#kernel.pointer<@w + 0>, #kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]}
    : (tensor<200x64xf32>) -> (tensor<200x2xf32>, tensor<200x2xi32>, tensor<65xi32>, tensor<200x2xi32>, tensor<400xi32>)
  return
}
