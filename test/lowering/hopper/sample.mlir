// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: deepseek-opt %t/kernels.mlir -convert-kernel-to-nvvm -o %t/nvvm.mlir && FileCheck %t/kernels.mlir --input-file=%t/nvvm.mlir
// RUN: deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary="ptx-only dump-to=%t" -o %t.ignored
// RUN: FileCheck %t/kernels.mlir --check-prefix=PTX --input-file=%t/sample_0.ptx
// RUN: %if ptxas %{ deepseek-opt %t/nvvm.mlir -convert-nvvm-to-binary -o %t.ignored %}
// RUN: deepseek-opt %t/invalid.mlir -convert-kernel-to-nvvm -split-input-file -verify-diagnostics

//--- kernels.mlir
kernel.buffer @l input : tensor<7x129280xf32>
kernel.buffer @t input : tensor<7xf32>
kernel.buffer @k input : tensor<7xi32>
kernel.buffer @p input : tensor<7xf32>
kernel.buffer @s input : tensor<7xi64>
kernel.buffer @q input : tensor<7xi32>
kernel.buffer @n output : tensor<7xi32>

// Eight CTAs for each row, which is read once, all of a thread's part at a time, and then stays in shared memory. Weights are integers: no float is
// added by an atomic, and divisions by the temperature are rounded as the reference rounds them.
// CHECK-LABEL: func.func @vocabulary
// CHECK:         kernel.launch @sample_0 grid [56, 1, 1] threads 1024 cluster 8 shared 105092 programmatic args [#kernel.pointer<@l + 0>, #kernel.pointer<@t + 0>,
// CHECK-SAME:      #kernel.pointer<@k + 0>, #kernel.pointer<@p + 0>, #kernel.pointer<@s + 0>, #kernel.pointer<@q + 0>, #kernel.pointer<@n + 0>]
// PTX-NOT:       .local
// PTX:           griddepcontrol.wait
// PTX-COUNT-5:   cp.async.ca.shared.global
// PTX-COUNT-4:   ld.global{{(.nc)?}}.v4.b32
// PTX-NOT:       ld.global
// PTX:           div.rn.f32
// PTX-NOT:       {{ld.global|atom.(global|shared).*f32}}
// PTX:           atom.shared.add.u32
// PTX-NOT:       {{ld.global|div.full}}
// PTX:           st.global.b32
func.func @vocabulary() {
  %l = kernel.load_buffer @l : tensor<7x129280xf32>
  %t = kernel.load_buffer @t : tensor<7xf32>
  %k = kernel.load_buffer @k : tensor<7xi32>
  %p = kernel.load_buffer @p : tensor<7xf32>
  %s = kernel.load_buffer @s : tensor<7xi64>
  %q = kernel.load_buffer @q : tensor<7xi32>
  %n = kernel.sample %l, %t, %k, %p, %s, %q {placement = [#kernel.pointer<@n + 0>]} : (tensor<7x129280xf32>, tensor<7xf32>, tensor<7xi32>, tensor<7xf32>, tensor<7xi64>, tensor<7xi32>) -> tensor<7xi32>
  return
}

//--- invalid.mlir
kernel.buffer @l input : tensor<1x2097153xf32>
kernel.buffer @f input : tensor<1xf32>
kernel.buffer @k input : tensor<1xi32>
kernel.buffer @s input : tensor<1xi64>
kernel.buffer @n output : tensor<1xi32>
func.func @too_long() {
  %l = kernel.load_buffer @l : tensor<1x2097153xf32>
  %f = kernel.load_buffer @f : tensor<1xf32>
  %k = kernel.load_buffer @k : tensor<1xi32>
  %s = kernel.load_buffer @s : tensor<1xi64>
  // expected-error@below {{sample has rows of 2097153 logits, expected 2097152 at most}}
  // expected-error@below {{no kernel was built for this operation}}
  %n = kernel.sample %l, %f, %k, %f, %s, %k {placement = [#kernel.pointer<@n + 0>]}
    : (tensor<1x2097153xf32>, tensor<1xf32>, tensor<1xi32>, tensor<1xf32>, tensor<1xi64>, tensor<1xi32>) -> tensor<1xi32>
  return
}
