// After the kernels are built: binaries, and launches whose arguments are all constants of the plan.
#ifndef KERNEL_LAUNCH_OPS_TD
#define KERNEL_LAUNCH_OPS_TD

include "dialects/kernel/KernelDialect.td"

def PointerArgAttr : AttrDef<Kernel_Dialect, "PointerArg"> {
  let mnemonic = "pointer";
  let summary = "a kernel argument: address of a buffer plus a byte offset";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$buffer, "int64_t":$offset);
  let assemblyFormat = "`<` $buffer `+` $offset `>`";
}

def IntArgAttr : AttrDef<Kernel_Dialect, "IntArg"> {
  let mnemonic = "int";
  let summary = "a kernel argument: a 32-bit integer";
  let parameters = (ins "int64_t":$value);
  let assemblyFormat = "`<` $value `>`";
}

def TensorMapArgAttr : AttrDef<Kernel_Dialect, "TensorMapArg"> {
  let mnemonic = "tensor_map";
  let summary = "a kernel argument: a TMA descriptor over a buffer";
  let description = [{ Dimension 0 is the contiguous one; `strides` in bytes, one fewer than `dims`; `swizzle` in bytes (0, 32, 64, 128). }];
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$buffer, "int64_t":$offset, "::mlir::Type":$element, ArrayRefParameter<"int64_t">:$dims,
                        ArrayRefParameter<"int64_t">:$strides, ArrayRefParameter<"int64_t">:$box, "int64_t":$swizzle);
  let assemblyFormat = [{
    `<` $buffer `+` $offset `,` $element `,` `dims` `=` `[` $dims `]` `,` `strides` `=` `[` $strides `]` `,` `box` `=` `[` $box `]` `,`
    `swizzle` `=` $swizzle `>` }];
}

def BinaryOp : Kernel_Op<"binary", [Symbol]> {
  let summary = "a compiled kernel: cubin, and what ptxas said of it";
  let description = [{
    `sharedBytes` is static shared memory, `registers` those of one thread.
    - C1: neither is negative.

    ```mlir
    kernel.binary @gemm_0 shared 98304 registers 168 : "cubin"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$object, I64Attr:$sharedBytes, I64Attr:$registers);
  let hasVerifier = 1;
  let assemblyFormat = "$sym_name `shared` $sharedBytes `registers` $registers attr-dict-with-keyword `:` $object";
}

def LaunchOp : Kernel_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "launch a kernel with constant geometry and arguments";
  let description = [{
    `kernel` names a `kernel.binary`, or the `llvm.func` it is compiled from. Arguments are `#kernel.pointer`, `#kernel.tensor_map` or `#kernel.int`.
    - C1: `grid` has three positive sizes; `threads` is 1 to 1024; `cluster` is positive and divides grid x; `sharedBytes` is not negative.
    - C2: each argument is one of the three kinds.
    - C3: `kernel` names a symbol of the module.

    ```mlir
    kernel.launch @gemm_0 grid [132, 1, 1] threads 384 cluster 2 shared 98304 programmatic
      args [#kernel.pointer<@logits + 256>, #kernel.int<7>, #kernel.tensor_map<@qkv_a + 0, bf16, dims = [256, 272], strides = [512], box = [64, 128], swizzle = 128>]
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, DenseI64ArrayAttr:$grid, I64Attr:$threads, I64Attr:$cluster, I64Attr:$sharedBytes,
                       UnitAttr:$programmatic, ArrayAttr:$args);
  let assemblyFormat = [{
    $kernel `grid` $grid `threads` $threads `cluster` $cluster `shared` $sharedBytes (`programmatic` $programmatic^)? `args` $args attr-dict }];
  let hasVerifier = 1;
}

#endif
