// Every pass that stays within a dialect.
#ifndef DEEPSEEK_PASSES_TD
#define DEEPSEEK_PASSES_TD

include "mlir/Pass/PassBase.td"

//===--- passes/graph: deepseek -> deepseek ---===//

def AbsorbMlaPass : Pass<"deepseek-absorb-mla", "::mlir::func::FuncOp"> {
  let summary = "Rewrite naive MLA into its absorbed form where that is cheaper";
  let description = [{
    `deepseek.mla` becomes `head_linear` (q_nope times the key half of kv_b), `mla_absorbed`, `head_linear` (times the value half).
    CHANGES NUMERICS: the sums over the latent are reassociated, and a block-scaled kv_b is dequantised while its input stays unquantised.

    Requires: nothing. Guarantees: with `always`, no `deepseek.mla` is left that the absorbed kernel can hold; other operations are untouched.
    ```mlir
    %o = deepseek.mla %q_nope, %q_rope, %cache[0], %w at ...
    // becomes
    %k = deepseek.absorb_key %w nope 32 value 32
    %q = deepseek.head_linear %q_nope, %k
    %l = deepseek.mla_absorbed %q, %q_rope, %cache[0] at ...
    %v = deepseek.absorb_value %w nope 32 value 32
    %o = deepseek.head_linear %l, %v
    ```
    In `auto` mode the cost model (passes/cost/MlaForm.h) decides for each function; the remark carries both times. Where no schedule of the absorbed kernel holds the
    cache's records, MLA stays naive in every mode.
  }];
  let dependentDialects = ["::mlir::deepseek::DeepSeekDialect"];
  let options = [
    Option<"mode", "mode", "std::string", /*default=*/"\"auto\"", "auto, always or never">,
    Option<"context", "context", "int64_t", /*default=*/"4096", "Context length the estimate assumes (tokens)">,
    Option<"target", "target", "std::string", /*default=*/"\"sm_90a\"", "Machine the estimate is for: sm_90a or cpu">];
}

def FuseProjectionsPass : Pass<"deepseek-fuse-projections", "::mlir::func::FuncOp"> {
  let summary = "Join linear projections that share their input";
  let description = [{
    Horizontal fusion: `linear`s of one input (q_a and kv_a, gate and up) become one `linear` of the concatenated weight, followed by slices; likewise
    `grouped_linear`s of the experts. The concatenation depends on parameters alone: `deepseek-hoist-initialize` moves it out, and loading places it for free.

    Requires: weights that depend on parameters alone. Guarantees: results are bit-identical per output column. A block-scaled weight is joined only where
    every part but the last has a multiple of the block's rows.
  }];
  let dependentDialects = ["::mlir::deepseek::DeepSeekDialect", "::mlir::tensor::TensorDialect"];
  let options = [ListOption<"disable", "disable", "std::string", "Fusions to leave out: projections, experts, or all">];
}

def FusePass : Pass<"deepseek-fuse", "::mlir::func::FuncOp"> {
  let summary = "Group row-wise operations into fusion regions";
  let description = [{
    Vertical fusion: each pattern groups operations that one kernel then computes, into a `deepseek.fusion` of that name:
    `add_norm` (residual add, rms_norm, quantise), `norm_quantize`, `swiglu_quantize`, `rope_append` (latent norm, rotary embedding of query and key, cache append),
    `router` (gate projection and moe_gate).

    Requires: nothing. Guarantees: the operations themselves are unchanged, so the numbers are.
  }];
  let dependentDialects = ["::mlir::deepseek::DeepSeekDialect"];
  let options = [ListOption<"disable", "disable", "std::string", "Patterns to leave out, by name; `all` leaves out every one">];
}

def HoistInitializePass : Pass<"deepseek-hoist-initialize", "::mlir::ModuleOp"> {
  let summary = "Move work that depends on parameters alone into @initialize";
  let description = [{
    What depends on parameters alone (concatenated projections, stacked experts, absorbed factors, re-quantised weights) is computed once, in `@initialize`, and
    kept as a derived parameter. Views and the packing of data with scales stay where they are. Equal work of several functions is shared.

    Guarantees: outside @initialize only `load_parameter`, `pack_scaled` and views have parameters as their only inputs.
  }];
  let dependentDialects = ["::mlir::deepseek::DeepSeekDialect", "::mlir::func::FuncDialect"];
}

def QuantizeFp8Pass : Pass<"deepseek-quantize-fp8", "::mlir::func::FuncOp"> {
  let summary = "Compute bf16 linear projections in block-scaled FP8";
  let description = [{
    Weights of `linear`, `grouped_linear` and naive `mla` that depend on parameters alone are quantised with 128x128 blocks (once, after hoisting), their inputs with 1x128.
    CHANGES NUMERICS: products are of e4m3 values. Projections whose result decides on experts or tokens (gate, head) keep their precision,
    as do absorbed factors.
  }];
  let dependentDialects = ["::mlir::deepseek::DeepSeekDialect"];
  let options = [Option<"scaleFormat", "scale-format", "std::string", /*default=*/"\"f32\"", "Format of the new scales: f32 or ue8m0">];
}

//===--- passes/kernel: kernel -> kernel ---===//

def ChooseSchedulePass : Pass<"kernel-choose-schedule", "::mlir::func::FuncOp"> {
  let summary = "Choose kernel families and schedules by the cost model";
  let description = [{
    `gemm` with few rows, or with operands that TMA cannot address, becomes `skinny_gemm`; `mla_decode` gets the tile, stages and warps that fit its records (passes/cost/Attention.h),
    and is split over the positions where one CTA for each group of heads would leave multiprocessors idle, with its `mla_combine`. A schedule that is already there is kept.
    A function's `deepseek.context` takes the place of the option `context` in it. Entries get `estimate_us`, the sum over their kernels, and `limit`, that of the longest, for the manifest;
    plain functions `plan` too, the kernels with their schedules.

    Guarantees: every `gemm` left has 16-byte aligned rows. Splitting CHANGES NUMERICS: partial softmaxes are joined in f32.
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect"];
  let options = [Option<"context", "context", "int64_t", /*default=*/"4096", "Context length that attention is scheduled for (tokens)">];
}

def IsolateCacheLayersPass : Pass<"kernel-isolate-cache-layers", "::mlir::func::FuncOp"> {
  let summary = "Give each use of a cache its layer as a view, so that layers share kernels";
  let description = [{
    `%cache[7]` becomes layer 0 of `kernel.buffer_memref @cache layer 7`: the layer is part of an address then, and addresses are arguments of a kernel, not constants.
    Guarantees: every kernel operation names layer 0.
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect"];
}

def FuseEpiloguePass : Pass<"kernel-fuse-epilogue", "::mlir::func::FuncOp"> {
  let summary = "Compute what follows a product element by element where the product's sums are";
  let description = [{
    A row fusion that reads equal parts of a product's columns (all of them; or gate and up) and computes element by element becomes the product's epilogue, if nothing else reads those
    columns and the kernel that the product will become has epilogues: streamed and direct few-row products, not tensor-core tiles, nor streamed tiles whose features are no multiple of 64. A block-scaled product
    keeps its row fusion, which quantises. Columns before the parts become the result `plain`.
    NUMERICS CHANGE: the parts are no longer rounded to the product's element type.

    ```mlir
    %p = kernel.gemm %x, %w : tensor<1x64xbf16>, tensor<96x64xbf16> -> tensor<1x96xbf16>
    %g = tensor.extract_slice %p[0, 0] [1, 48] [1, 1]
    %u = tensor.extract_slice %p[0, 48] [1, 48] [1, 1]
    %y = kernel.row_fusion rows 1 whole [](%g, %u) { ... }
    // becomes
    %y = kernel.gemm %x, %w : tensor<1x64xbf16>, tensor<96x64xbf16> -> tensor<1x48xbf16> epilogue { ^bb0(%gate: f32, %up: f32): ... }
    ```

    Requires: schedules are not chosen yet. Guarantees: no other operation changes.
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect", "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect"];
}

def FuseRoutingPass : Pass<"kernel-fuse-routing", "::mlir::func::FuncOp"> {
  let summary = "Choose a few tokens' experts, sort them and gather their rows in one kernel";
  let description = [{
    `kernel.route`, the `kernel.sort_tokens` of its indices and the row fusion that only gathers rows by the sorted tokens become one `kernel.route_tokens`, where the cost model says that
    every CTA can route all tokens (passes/cost/Schedules.h). Numerics do not change.
    Where no rows are gathered and nothing else uses the logits, the product that computes them becomes a part too: `kernel.gate_tokens`. THE ORDER OF ITS SUMS CHANGES.

    ```mlir
    %w, %i = kernel.route %logits {...}
    %o, %r, %t = kernel.sort_tokens %i groups 64
    %rows = kernel.row_fusion rows 96 whole [1](%t, %x) { ... row_gather ... }
    // becomes
    %w, %i, %o, %r, %t, %rows = kernel.route_tokens %logits gather(%x) {...}
    ```

    Requires: nothing. Guarantees: no other operation changes.
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect"];
}

def MergeRowFusionsPass : Pass<"kernel-merge-row-fusions", "::mlir::func::FuncOp"> {
  let summary = "Compute independent elementwise row fusions in one kernel";
  let description = [{
    Two row fusions of few rows that do not depend on each other and only compute element by element become one: the activations of the shared and of the routed experts, for instance.
    Where one has k times as many rows as the other, k of its rows become one row `[k, ...]`. Numerics do not change.

    Requires: nothing. Guarantees: no other operation changes.
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect", "::mlir::tensor::TensorDialect"];
}

def PlanMemoryPass : Pass<"kernel-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Place every result in the workspace or in its output buffer";
  let description = [{
    Functions are straight lines: a result lives from its kernel to the last kernel that reads it, and results that never live together share bytes of one buffer, `@workspace`
    (passes/cost/Arena.h). A result that is stored to an output or derived buffer is placed there and the store disappears; what cannot be placed (views, parameters, a value stored
    twice) is copied by a row fusion first, as is the operand of a `tensor.collapse_shape` that joins dimensions which lie apart. Offsets are multiples of 256 bytes.

    Requires: functions without arguments or results (`bind-buffers`). Guarantees: every kernel operation with results has
    `placement = [#kernel.pointer<@buffer + bytes>, ...]`, one for each; no `store_buffer` is left.
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect", "::mlir::tensor::TensorDialect"];
}

#endif
