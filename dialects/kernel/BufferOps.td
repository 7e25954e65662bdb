// Buffers: the one table through which entry points see parameters, inputs, outputs, caches and workspace.
#ifndef KERNEL_BUFFER_OPS_TD
#define KERNEL_BUFFER_OPS_TD

include "dialects/kernel/KernelDialect.td"

def BufferOp : Kernel_Op<"buffer", [Symbol]> {
  let summary = "declare a buffer of the artefact";
  let description = [{
    The order of the declarations is the order of the manifest's table. `type` is a tensor, or for a cache a memref whose first dimension is
    dynamic. `sources` says which checkpoint tensors the loader puts where (byte offsets).
    - C1: the type is a static tensor, or with role `cache` a memref of rank 4, dynamic in its first dimension only.
    - C2: sources belong to role `parameter`; each lies within the buffer, has its element type, and overlaps no other.
    ```mlir
    kernel.buffer @tokens input : tensor<128xi32>
    kernel.buffer @qkv_a parameter sources [#kernel.source<"q_a.weight" at 0 : tensor<128x256xbf16>>, #kernel.source<"kv_a.weight" at 65536 : tensor<144x256xbf16>>] : tensor<272x256xbf16>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, BufferRoleAttr:$role, OptionalAttr<TypedArrayAttrBase<SourceAttr, "sources">>:$sources,
                       TypeAttr:$type);
  let assemblyFormat = "$sym_name $role (`sources` $sources^)? attr-dict `:` $type";
  let hasVerifier = 1;
}

def LoadBufferOp : Kernel_Op<"load_buffer", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the contents of a buffer, or of a prefix of it";
  let description = [{
    The result's elements are the first ones of the buffer, row-major: an entry with a small bucket uses a prefix of a shared buffer. Only of buffers
    that the entry does not write: parameters, derived parameters (outside @initialize) and inputs.
    - C1: the symbol names a `kernel.buffer` of a tensor type with the same element type and at least as many elements.
    - C2: its role is not output or cache.

    ```mlir
    %tokens = kernel.load_buffer @tokens : tensor<8xi32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$buffer);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$buffer attr-dict `:` type($result)";
}

def BufferMemRefOp : Kernel_Op<"buffer_memref", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a buffer as a memref: a paged cache `memref<?xLxPAGExWxT>`, or any buffer on the way to host code";
  let description = [{
    With `layer`, the view of one layer of a cache: `memref<?x1xPAGExWxT, strided<[L*PAGE*W, PAGE*W, W, 1], offset: ?>>`.
    - C1: the symbol names a `kernel.buffer` with the same element type.
    - C2: a `layer` other than 0 is one of the cache that the symbol names.
    ```mlir
    %cache = kernel.buffer_memref @cache : memref<?x4x64x144xbf16>
    %layer = kernel.buffer_memref @cache layer 3 : memref<?x1x64x144xbf16, strided<[36864, 9216, 144, 1], offset: ?>>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$buffer, DefaultValuedAttr<I64Attr, "0">:$layer);
  let results = (outs AnyStridedMemRef:$result);
  let assemblyFormat = "$buffer (`layer` $layer^)? attr-dict `:` type($result)";
}

def StoreBufferOp : Kernel_Op<"store_buffer", [MemoryEffects<[MemWrite]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "make a value the contents (or a prefix of the contents) of an output or derived buffer";
  let description = [{
    - C1: the symbol names a `kernel.buffer` of a tensor type with the same element type and at least as many elements.
    - C2: its role is output or derived.

    ```mlir
    kernel.store_buffer %logits, @logits : tensor<2x4xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, FlatSymbolRefAttr:$buffer);
  let assemblyFormat = "$value `,` $buffer attr-dict `:` type($value)";
}

#endif
