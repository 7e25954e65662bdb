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

def ConvertKernelToNvvmPass : Pass<"convert-kernel-to-nvvm", "::mlir::ModuleOp"> {
  let summary = "Build the device code of every kernel operation";
  let description = [{
    Runs the kernel family of each operation (lowering/hopper/Kernels.def). Operations that differ only in the addresses of their operands and results
    share one kernel. Fails when a kernel's pipelines arrive at their barriers more or less often than those expect.

    Requires: every operand is a view (`getBufferView`) of a `kernel.load_buffer`, a `kernel.buffer_memref` or a result with a `placement`.
    Guarantees: functions hold `kernel.launch` only; kernels are `llvm.func` with `nvvm.kernel`, in the llvm, nvvm, arith, math and scf dialects.
    ```mlir
    %d = kernel.gemm %a, %b schedule <tile = [128, 128, 64], stages = 4> {placement = [#kernel.pointer<@workspace + 0>]} : ...
    // becomes
    kernel.launch @gemm_0 grid [132, 1, 1] threads 384 cluster 1 shared 166000 programmatic args [#kernel.tensor_map<@a + 0, ...>, ...]
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::deepseek::kernel::KernelDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
                           "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect"];
}

def ConvertNvvmToBinaryPass : Pass<"convert-nvvm-to-binary", "::mlir::ModuleOp"> {
  let summary = "Compile device functions to cubins with LLVM and ptxas";
  let description = [{
    Every `llvm.func` with `nvvm.kernel` becomes a `kernel.binary` of the same name, several at a time. A performance advisory of ptxas (C75xx), a spill or a stack
    frame is an error that names the kernel. One remark per kernel tells its registers, shared memory and size.
    Requires: ptxas of CUDA 13 (see `ptxas`). Guarantees: no device function and no shared-memory global is left.
    ```mlir
    llvm.func @gemm_0(...) attributes {nvvm.kernel} { ... }
    // becomes
    kernel.binary @gemm_0 shared 166000 registers 168 : "..."
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::deepseek::kernel::KernelDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::scf::SCFDialect"];
  let options = [
    Option<"ptxas", "ptxas", "std::string", /*default=*/"", "Path of ptxas; otherwise found on PATH, in the CUDA toolkit or its Python wheel">,
    Option<"dumpTo", "dump-to", "std::string", /*default=*/"", "Directory for <kernel>.mlir, .ll, .ptx, .cubin and .ptxas (its log)">,
    Option<"ptxOnly", "ptx-only", "bool", /*default=*/"false", "Stop after PTX; changes nothing, for tests without ptxas">,
  ];
}

def ConvertDeepSeekToLinalgPass : Pass<"convert-deepseek-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "Decompose deepseek operations into linalg, tensor and scf";
  let description = [{
    Written from each operation's description, not through the kernel dialect: the numerical reference of the dialect, and one of the two roads
    to host code. Arithmetic is f32; bf16 and f8E4M3FN tensors are extended where they are read and rounded once where they are written. A
    `deepseek.fusion` is replaced by its body.

    Requires: bind-buffers has run (the latent cache is a cast from a memref). Guarantees: no deepseek operation is left, or an error names it
    (collectives have no lowering).
    ```mlir
    %y = deepseek.linear %x, %w : tensor<8x256xf32>, tensor<512x256xbf16> -> tensor<8x512xf32>
    // becomes
    %y = linalg.generic {indexing_maps = [(t, n, k) -> (t, k), (n, k), (t, n)]} ins(%x, %w) outs(%zeros) { extf, mulf, addf }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ConvertDeepSeekToKernelPass : Pass<"convert-deepseek-to-kernel", "::mlir::func::FuncOp"> {
  let summary = "Lower model operations to kernels and views";
  let description = [{
    Mechanical: each operation becomes the kernel of its family, a row-wise operation or a `deepseek.fusion` of row-wise operations one `kernel.row_fusion`
    (explicit `extf`/`truncf` where widths differ), a block-scaled value a pair of tensors. A fusion that holds anything else is lowered operation by operation, which a remark reports.

    Requires: a straight-line function; latents normalised on reading (`latent_norm`) only in naive attention. Guarantees: no operation of the deepseek dialect is left but
    `load_parameter` and `store_parameter` (`bind-buffers` removes those).
    ```mlir
    %h = deepseek.add %x, %a : tensor<8x256xbf16>
    // becomes
    %h = kernel.row_fusion rows 8 whole [] (%x, %a) : (tensor<8x256xbf16>, tensor<8x256xbf16>) -> tensor<8x256xbf16> {
    ^bb0(%0: tensor<256xbf16>, %1: tensor<256xbf16>):
      %2 = arith.extf %0 : tensor<256xbf16> to tensor<256xf32>
      %3 = arith.extf %1 : tensor<256xbf16> to tensor<256xf32>
      %4 = arith.addf %2, %3 : tensor<256xf32>
      %5 = arith.truncf %4 : tensor<256xf32> to tensor<256xbf16>
      kernel.row_yield %5 : tensor<256xbf16>
    }
    ```
  }];
  let dependentDialects = ["::mlir::deepseek::kernel::KernelDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def ConvertKernelToLinalgPass : Pass<"convert-kernel-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "Decompose kernels into linalg, tensor and scf";
  let description = [{
    Written from each kernel's description: the numerical reference for the GPU kernels, and the kernel level's road to host code. Schedules are ignored, except that a split
    mla_decode gives its partial results. A row fusion becomes a parallel loop over its rows.

    Requires: values of block-scaled tensors are pairs already. Guarantees: no operation of the kernel dialect is left but those on buffers.
    ```mlir
    %d = kernel.gemm %a, %b : tensor<8x256xf32>, tensor<512x256xbf16> -> tensor<8x512xf32>
    // becomes
    %d = linalg.generic {indexing_maps = [(t, n, k) -> (t, k), (n, k), (t, n)]} ins(%a, %b) outs(%zeros) { extf, mulf, addf }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def ConvertBuffersToMemRefPass : Pass<"convert-buffers-to-memref", "::mlir::func::FuncOp"> {
  let summary = "Turn loads and stores of buffers into tensors over memrefs";
  let description = [{
    Requires: an entry loads no buffer that it stores. Guarantees: no `kernel.load_buffer` or `kernel.store_buffer` is left.
    ```mlir
    %x = kernel.load_buffer @x : tensor<8xf32>
    kernel.store_buffer %y, @y : tensor<8xf32>
    // becomes
    %0 = kernel.buffer_memref @x : memref<8xf32>
    %x = bufferization.to_tensor %0 restrict : memref<8xf32> to tensor<8xf32>
    %1 = kernel.buffer_memref @y : memref<8xf32>
    bufferization.materialize_in_destination %y in restrict writable %1
    ```
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect"];
}

def ConvertHostToLlvmPass : Pass<"convert-host-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Give entries the signature of the ABI and the module the artefact's sections";
  let description = [{
    An entry `@x` becomes `i32 @dsrt_entry_x(context, buffers)`, a `kernel.buffer_memref` a memref at an address of the table. The manifest (docs/artifact.md)
    is made of the buffers, the entries, the binaries and the module's `deepseek.model` and `deepseek.config`; all of them vanish.

    Requires: no tensor is left. Guarantees: nothing of the kernel dialect is left.
    ```mlir
    kernel.buffer @x input : tensor<8xf32>
    func.func @f() attributes {deepseek.entry = {kind = "function"}} {
      %0 = kernel.buffer_memref @x : memref<8xf32>
      return
    }
    // becomes
    func.func @dsrt_entry_f(%context: !llvm.ptr, %buffers: !llvm.ptr) -> i32 {
      %0 = llvm.getelementptr %buffers[0]
      %1 = llvm.load %0
      ...
    }
    llvm.mlir.global private constant @dsrt_manifest("{...}") {section = ".deepseek.manifest"}
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let options = [
    Option<"target", "target", "std::string", /*default=*/"\"cpu\"", "Target of the manifest: cpu or sm_90a">,
    Option<"cpu", "cpu", "std::string", /*default=*/"\"x86-64-v3\"", "Instruction-set level of the host code">];
}

def ExpandFloat8Pass : Pass<"arith-expand-float8", "::mlir::func::FuncOp"> {
  let summary = "Expand conversions between f8E4M3FN and f32 into integer and f32 arithmetic";
  let description = [{
    For targets without such a type: every step works on vectors as well as scalars. To f32: exact, NaN stays NaN. From f32: round to nearest even, subnormals
    included; a NaN, or a value that rounds beyond 448, gives NaN, as `arith.truncf` says (whoever wants to saturate clamps first). Memory keeps
    its f8E4M3FN type, which is a byte in LLVM.

    Requires: the other side of a conversion is f32. Guarantees: no arith.extf from and no arith.truncf to f8E4M3FN is left.
    ```mlir
    %y = arith.extf %x : f8E4M3FN to f32
    // becomes
    %0 = arith.bitcast %x : f8E4M3FN to i8
    %1 = arith.extui %0 : i8 to i32
    ...
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def OutlineHostKernelsPass : Pass<"outline-host-kernels", "::mlir::ModuleOp"> {
  let summary = "Move each computation of an entry into a function that equal computations share";
  let description = [{
    A computation is a linalg operation, a copy or a loop in an entry's own block; what it uses becomes arguments, constants are copied into it. Entries end up
    as lists of calls, with the views, allocations and constants between them. Computations that differ only in the outermost size of activations (the number of tokens of
    their buckets, from 2 on) share a function of a dynamic size.

    Here, where sizes are known, it is decided what runs on threads: linalg operations with at least 2^21 multiply-adds or elements get the attribute `deepseek.threads`, and
    `scf.parallel` loops with less in them become plain loops.

    Requires: bufferized entries of one block. Guarantees: no two private functions have equal bodies.
    ```mlir
    linalg.generic {...} ins(%x, %w : memref<8x256xf32>, memref<512x256xbf16>) outs(%y : memref<8x512xf32>)
    // becomes
    call @host_generic(%x, %w, %y) : (memref<8x256xf32>, memref<512x256xbf16>, memref<8x512xf32>) -> ()
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def ConvertLinalgToHostLoopsPass : Pass<"convert-linalg-to-host-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn linalg on memrefs into loops for the host";
  let description = [{
    Sums of products become register tiles with f32 accumulators, elementwise work and reductions of the innermost loop become vectors of 8; what is not contiguous
    stays scalar. Operations marked `deepseek.threads`, or known to have 2^21 multiply-adds or elements, run on all threads, unless they
    are in an `scf.parallel`. Which thread computes an element does not change it.
    exp and exp2 of f32 become arithmetic.

    Requires: bufferized linalg. Guarantees: no linalg operation and no `memref.copy` is left.
    ```mlir
    linalg.generic {...} ins(%x, %w : memref<1x256xf32>, memref<512x256xbf16>) outs(%y : memref<1x512xf32>)
    // becomes
    scf.for %n = %c0 to %c512 step %c8 {
      %sums:8 = scf.for %k = %c0 to %c256 step %c8 iter_args(...) -> (vector<8xf32>, ...) {...}
      ...
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def InlineAllocaScopesPass : Pass<"inline-alloca-scopes", "::mlir::func::FuncOp"> {
  let summary = "Inline scopes for stack memory that hold none";
  let description = [{
    What canonicalization would do to them, without its price: the conversion of `scf.parallel` to OpenMP leaves one in each loop.

    Guarantees: no other operation changes; a scope with a `memref.alloca` in it stays.
  }];
}

#endif
