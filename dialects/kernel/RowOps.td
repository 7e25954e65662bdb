// Row fusion: any chain of row-wise work as one kernel, written as a program on the row of one token.
#ifndef KERNEL_ROW_OPS_TD
#define KERNEL_ROW_OPS_TD

include "dialects/kernel/KernelDialect.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def RowFusionOp : Kernel_Op<"row_fusion", [SingleBlock, RecursiveMemoryEffects, IsolatedFromAbove, AttrSizedOperandSegments]> {
  let summary = "run a row program for every row";
  let description = [{
    The body is the program for one row. An operand listed in `whole` is handed over whole (weights, tables, a cache memref); every other operand's leading dimension is
    the row, and the body sees the rest of it: `tensor<8x256xbf16>` gives `tensor<256xbf16>`, `tensor<8xi32>` gives `tensor<i32>`. Each yielded value becomes a result with
    the rows as leading dimension. `rows` is the number of rows. The body may use: `arith` and `math` elementwise operations on ranked tensors of equal shape, `arith.constant`
    splats, `arith.extf`/`truncf`, and the `kernel.row_*` operations. Arithmetic is f32; the program says where it rounds (`truncf`). Integer
    arithmetic (`arith` on `tensor<i32>`, unsigned division and remainder included) serves to compute row numbers for `kernel.row_gather`.
    `limit` `[S]` i32: only rows i with `i % (rows/S) < limit[i / (rows/S)]` are wanted, results of others are undefined (a kernel may skip or compute them).

    - C1: `rows` is positive; `whole` is strictly increasing and names inputs.
    - C2: an input not in `whole` is a tensor whose leading dimension is `rows`.
    - C3: the body has one argument for each input, of its type (whole) or of its type without the leading dimension.
    - C4: each result is the yielded value's type with `rows` as leading dimension.
    - C5: S divides `rows`.
    - C6: the body holds only `arith`, `math` and `kernel.row_*` operations, and no other `kernel.row_fusion`.

    ```mlir
    %y = kernel.row_fusion rows 8 whole [1] (%x, %w) : (tensor<8x256xbf16>, tensor<256xbf16>) -> tensor<8x256xbf16> {
    ^bb0(%row: tensor<256xbf16>, %weight: tensor<256xbf16>):
      %0 = arith.extf %row : tensor<256xbf16> to tensor<256xf32>
      %1 = arith.extf %weight : tensor<256xbf16> to tensor<256xf32>
      %2 = arith.mulf %0, %1 : tensor<256xf32>
      %out = arith.truncf %2 : tensor<256xf32> to tensor<256xbf16>
      kernel.row_yield %out : tensor<256xbf16>
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$inputs, Optional<KRankedI32>:$limit, I64Attr:$rows, DenseI64ArrayAttr:$whole,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `rows` $rows (`limit` `(` $limit^ `:` type($limit) `)`)? `whole` $whole `(` $inputs `)` (`schedule` $schedule^)? attr-dict
    `:` functional-type($inputs, $results) $body }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// True if input `index` is handed over whole.
    bool isWhole(unsigned index) { return llvm::is_contained(getWhole(), int64_t(index)); }
  }];
}

def RowYieldOp : Kernel_Op<"row_yield", [Pure, Terminator, HasParent<"RowFusionOp">]> {
  let summary = "the results of a row program";
  let description = [{
    Each value becomes a result of the `kernel.row_fusion`, with the rows as leading dimension; a tensor without dimensions becomes one element of each row.

    ```mlir
    kernel.row_yield %o, %rotated : tensor<8xf32>, tensor<3x4xf32>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def RowIndexOp : Kernel_Op<"row_index", [Pure, HasParent<"RowFusionOp">]> {
  let summary = "the number of the row: `tensor<i32>`";
  let description = [{
    From 0 up to the fusion's `rows`.
    - C1: the result is `tensor<i32>`.

    ```mlir
    %i = kernel.row_index : tensor<i32>
    ```
  }];
  let arguments = (ins);
  let results = (outs KRankedI32:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def RowReduceOp : Kernel_Op<"row_reduce", [Pure]> {
  let summary = "sum or maximum of all elements, in f32: `tensor<...xf32>` to `tensor<f32>`";
  let description = [{
    The order of a sum is not specified, but fixed: the same program gives the same bits.
    - C1: the result is `tensor<f32>`.

    ```mlir
    %m = kernel.row_reduce max %g : tensor<8xf32> -> tensor<f32>
    ```
  }];
  let arguments = (ins RowReduceAttr:$kind, KRankedF32:$x);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = "$kind $x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def RowBroadcastOp : Kernel_Op<"row_broadcast", [Pure]> {
  let summary = "one value for every element: `tensor<f32>` to `tensor<...xf32>`";
  let description = [{
    - C1: the operand is `tensor<f32>`.

    ```mlir
    %mb = kernel.row_broadcast %m : tensor<f32> -> tensor<8xf32>
    ```
  }];
  let arguments = (ins KRankedF32:$x);
  let results = (outs KRankedF32:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def RowExtractOp : Kernel_Op<"row_extract", [Pure]> {
  let summary = "one element of a row at a constant index: `tensor<KxT>` to `tensor<T>`";
  let description = [{
    - C1: the operand has one dimension, the result none, and the element types are equal.
    - C2: `0 <= index < K`.

    ```mlir
    %k = kernel.row_extract %c[1] : tensor<2xi32> -> tensor<i32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$index);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x `[` $index `]` attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def RowGatherOp : Kernel_Op<"row_gather", [Pure]> {
  let summary = "row `index` of a whole operand: `tensor<NxWxT>, tensor<i32>` to `tensor<WxT>`; row 0 when out of range";
  let description = [{
    The table may have any rank of 1 or more.
    - C1: the result is the table's type without its leading dimension.
    - C2: `index` is `tensor<i32>`.

    ```mlir
    %g = kernel.row_gather %t[%i] : tensor<10x8xf32>, tensor<i32> -> tensor<8xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$table, KRankedI32:$index);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$table `[` $index `]` attr-dict `:` type($table) `,` type($index) `->` type($result)";
  let hasVerifier = 1;
}

def RowQuantizeOp : Kernel_Op<"row_quantize", [Pure]> {
  let summary = "e4m3 with one scale for 128 elements: `tensor<Wxf32>` to `tensor<Wxf8E4M3FN>, tensor<ceil(W/128)xf32>`";
  let description = [{
    For each block of 128 (the last may be partial), in f32: `s = max(max|x|, 1e-4) / 448`, with `powerOfTwo` rounded up to a power of two; `data = e4m3(x / s)`,
    nearest even, saturating at +-448.
    - C1: x is `[W]`, data `[W]`, scales `[ceil(W/128)]`.

    ```mlir
    %d, %sc = kernel.row_quantize %s : tensor<8xf32> -> tensor<8xf8E4M3FN>, tensor<1xf32>
    %d2, %sc2 = kernel.row_quantize %g2 power_of_two : tensor<8xf32> -> tensor<8xf8E4M3FN>, tensor<1xf32>
    ```
  }];
  let arguments = (ins KRankedF32:$x, UnitAttr:$powerOfTwo);
  let results = (outs RankedTensorOf<[F8E4M3FN]>:$data, KRankedF32:$scales);
  let assemblyFormat = "$x (`power_of_two` $powerOfTwo^)? attr-dict `:` type($x) `->` type($data) `,` type($scales)";
  let hasVerifier = 1;
}

def RowDequantizeOp : Kernel_Op<"row_dequantize", [Pure]> {
  let summary = "data times the scale of its block of 128, in f32: `tensor<Wxf8E4M3FN>, tensor<ceil(W/128)xf32>` to `tensor<Wxf32>`";
  let description = [{
    For a weight with 128x128 blocks the scales of a row are gathered first, at `kernel.row_index` / 128.
    - C1: data is `[W]`, scales `[ceil(W/128)]`, the result `[W]`.

    ```mlir
    %v = kernel.row_dequantize %d, %sc : tensor<8xf8E4M3FN>, tensor<1xf32> -> tensor<8xf32>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F8E4M3FN]>:$data, KRankedF32:$scales);
  let results = (outs KRankedF32:$result);
  let assemblyFormat = "$data `,` $scales attr-dict `:` type($data) `,` type($scales) `->` type($result)";
  let hasVerifier = 1;
}

def RowAnglesOp : Kernel_Op<"row_angles", [Pure]> {
  let summary = "cosine and sine of `position * frequencies[i]`, times `magnitude`: `tensor<i32>` to `tensor<Nx2xf32>`";
  let description = [{
    The product and its reduction to [-pi, pi] are float64; cosine and sine are f32.
    - C1: position is `tensor<i32>`, the result `[N, 2]` with N the number of frequencies.

    ```mlir
    %a = kernel.row_angles %pos {frequencies = array<f64: 1.0, 0.1>, magnitude = 1.0} : tensor<i32> -> tensor<2x2xf32>
    ```
  }];
  let arguments = (ins KRankedI32:$position, DenseF64ArrayAttr:$frequencies, F64Attr:$magnitude);
  let results = (outs KRankedF32:$result);
  let assemblyFormat = "$position attr-dict `:` type($position) `->` type($result)";
  let hasVerifier = 1;
}

def RowRopeOp : Kernel_Op<"row_rope", [Pure]> {
  let summary = "rotate pairs of the last dimension: `tensor<(Hx)Dxf32>, tensor<D/2x2xf32>` to the first type";
  let description = [{
    A pair (a, b) becomes (a cos - b sin, a sin + b cos), in f32. Pairs are elements (2i, 2i+1) when interleaved, (i, i + D/2) when half-split.
    - C1: D is even, angles are `[D/2, 2]`, the result has the type of x, with one or two dimensions.

    ```mlir
    %rotated = kernel.row_rope %h, %a interleaved : tensor<3x4xf32>, tensor<2x2xf32> -> tensor<3x4xf32>
    ```
  }];
  let arguments = (ins KRankedF32:$x, KRankedF32:$angles, RopePairsAttr:$pairs);
  let results = (outs KRankedF32:$result);
  let assemblyFormat = "$x `,` $angles $pairs attr-dict `:` type($x) `,` type($angles) `->` type($result)";
  let hasVerifier = 1;
}

def RowCacheStoreOp : Kernel_Op<"row_cache_store", [MemoryEffects<[MemWrite]>, HasParent<"RowFusionOp">]> {
  let summary = "write a record into a paged cache: latent, then key; nothing for position -1";
  let description = [{
    `cache` and `blockTable` `[S, P]` are whole operands; `token` is not given: the row index t of the fusion selects sequence `t / (rows / S)`. The values have the
    cache's element type. Page `blockTable[s, position / PAGE]`, row `position % PAGE`.
    - C1: the cache is `memref<?xLxPAGExWxT>` and `0 <= layer < L`.
    - C2: latent is `[r]`, key `[dr]`, r + dr = W, both of element type T.
    - C3: position is `tensor<i32>`, block table `[S, P]`, S divides `rows`.

    ```mlir
    kernel.row_cache_store %o, %key, %paged[1] at %pos, %b : tensor<8xf32>, tensor<4xf32>, memref<?x2x64x12xf32>, tensor<i32>, tensor<2x5xi32>
    ```
  }];
  let arguments = (ins KRankedFloat:$latent, KRankedFloat:$key, AnyStridedMemRef:$cache, I64Attr:$layer, KRankedI32:$position,
                       KRankedI32:$blockTable);
  let assemblyFormat = [{
    $latent `,` $key `,` $cache `[` $layer `]` `at` $position `,` $blockTable attr-dict
    `:` type($latent) `,` type($key) `,` type($cache) `,` type($position) `,` type($blockTable) }];
  let hasVerifier = 1;
}

#endif
