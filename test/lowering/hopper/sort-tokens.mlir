// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/sort_tokens_0.ptx
// RUN: FileCheck %t/kernels.mlir --check-prefix=CLUSTER --input-file=%t/sort_tokens_2.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @i input : tensor<64x6xi32>
kernel.buffer @o output : tensor<65xi32>
kernel.buffer @r output : tensor<64x6xi32>
kernel.buffer @t output : tensor<384xi32>
kernel.buffer @many input : tensor<4096x8xi32>
kernel.buffer @many_r output : tensor<4096x8xi32>
kernel.buffer @many_t output : tensor<32768xi32>
kernel.buffer @one input : tensor<1x8xi32>
kernel.buffer @one_o output : tensor<257xi32>
kernel.buffer @one_r output : tensor<1x8xi32>
kernel.buffer @one_t output : tensor<8xi32>

// One CTA; 64 pairs for each of six warps, 6 x 64 counters and 65 offsets. Nothing is atomic: lanes of one group find each other.
// CHECK-LABEL: func.func @decode
// CHECK:         kernel.launch @sort_tokens_0 grid [1, 1, 1] threads 192 cluster 1 shared 1796 programmatic args
// CHECK-SAME:      [#kernel.pointer<@i + 0>, #kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]
// PTX-NOT:       atom
// PTX:           griddepcontrol.wait
// PTX:           match.any.sync.b32
// PTX:           griddepcontrol.launch_dependents
// PTX:           match.any.sync.b32
// PTX-NOT:       atom
func.func @decode() {
  %i = kernel.load_buffer @i : tensor<64x6xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 64 {placement = [#kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]} : tensor<64x6xi32> -> tensor<65xi32>, tensor<64x6xi32>, tensor<384xi32>
  return
}

// Eight pairs: the groups decide how many warps there are.
// CHECK-LABEL: func.func @one_token
// CHECK:         kernel.launch @sort_tokens_1 grid [1, 1, 1] threads 128 cluster 1 shared 5124
func.func @one_token() {
  %i = kernel.load_buffer @one : tensor<1x8xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 256 {placement = [#kernel.pointer<@one_o + 0>, #kernel.pointer<@one_r + 0>, #kernel.pointer<@one_t + 0>]} : tensor<1x8xi32> -> tensor<257xi32>, tensor<1x8xi32>, tensor<8xi32>
  return
}

// Many pairs: eight CTAs that add up their sizes in distributed shared memory.
// CHECK-LABEL: func.func @prefill
// CHECK:         kernel.launch @sort_tokens_2 grid [8, 1, 1] threads 1024 cluster 8
// CLUSTER:       mapa.shared::cluster
// CLUSTER:       ld.shared::cluster
func.func @prefill() {
  %i = kernel.load_buffer @many : tensor<4096x8xi32>
  %o, %r, %t = kernel.sort_tokens %i groups 256 {placement = [#kernel.pointer<@one_o + 0>, #kernel.pointer<@many_r + 0>, #kernel.pointer<@many_t + 0>]} : tensor<4096x8xi32> -> tensor<257xi32>, tensor<4096x8xi32>, tensor<32768xi32>
  return
}

//--- invalid.mlir
kernel.buffer @i input : tensor<4x2xi32>
kernel.buffer @o output : tensor<30001xi32>
kernel.buffer @r output : tensor<4x2xi32>
kernel.buffer @t output : tensor<8xi32>
func.func @too_many_groups() {
  %i = kernel.load_buffer @i : tensor<4x2xi32>
  // expected-error@below {{sort_tokens has 30000 groups, one CTA counts 29056 at most}}
  // expected-error@below {{no kernel was built for this operation}}
  %o, %r, %t = kernel.sort_tokens %i groups 30000 {placement = [#kernel.pointer<@o + 0>, #kernel.pointer<@r + 0>, #kernel.pointer<@t + 0>]}
    : tensor<4x2xi32> -> tensor<30001xi32>, tensor<4x2xi32>, tensor<8xi32>
  return
}
