// Every pass that changes dialect.
#ifndef DEEPSEEK_LOWERING_PASSES_TD
#define DEEPSEEK_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def BindBuffersPass : Pass<"bind-buffers", "::mlir::ModuleOp"> {
  let summary = "Turn arguments, results and parameters into the artefact's table of buffers";
  let description = [{
    Every public function becomes an entry without arguments and results. An argument `deepseek.buffer = "x"` becomes `kernel.load_buffer @x`, a
    result becomes `kernel.store_buffer`, a parameter a buffer of its own; the latent cache becomes `kernel.buffer_memref`. Buffers of one name are shared by
    all entries and get the largest shape. A function without `deepseek.entry` is of kind `function` and gets buffers `<func>.arg<i>`, `<func>.result<i>`.

    `deepseek.concat` and `deepseek.stack` of parameters whose tensors stay contiguous in the result cost nothing: the loader puts the tensors
    into slices of one buffer (`sources`). Stored to a derived parameter, they make it a parameter buffer, and `@initialize` does nothing for it.

    Requires: static shapes. Guarantees: no `deepseek.parameter`, `load_parameter` or `store_parameter` is left; a parameter that nothing uses has no buffer.
    ```mlir
    func.func @f(%x: tensor<8xi32> {deepseek.buffer = "tokens"}) -> (tensor<8xf32> {deepseek.buffer = "out"}) attributes {deepseek.entry = {kind = "decode"}}
    // becomes
    kernel.buffer @tokens input : tensor<8xi32>
    kernel.buffer @out output : tensor<8xf32>
    func.func @f() attributes {deepseek.entry = {kind = "decode"}} {
      %x = kernel.load_buffer @tokens : tensor<8xi32>
      ...
      kernel.store_buffer %r, @out : tensor<8xf32>
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect"];
}

#endif
