// Matrix products.
#ifndef KERNEL_MATMUL_OPS_TD
#define KERNEL_MATMUL_OPS_TD

include "dialects/kernel/KernelDialect.td"

// An epilogue: of every product operation, absent where its region is empty.
class Kernel_Product<string mnemonic> : Kernel_Op<mnemonic, [Pure, AttrSizedOperandSegments, IsolatedFromAbove, SingleBlock]> {
  let results = (outs KRankedFloat:$result, Optional<KRankedFloat>:$plain);
  let regions = (region AnyRegion:$epilogue);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool hasEpilogue() { return !getEpilogue().empty(); }
    /// Parts of N that the epilogue joins; 0 without one.
    int64_t parts() { return hasEpilogue() ? getEpilogue().getNumArguments() : 0; }
    /// Columns before the parts, which are a result of their own.
    int64_t plainColumns() { return getPlain() ? getPlain().getType().getShape().back() : 0; }
  }];
}

class Kernel_Gemm<string mnemonic> : Kernel_Product<mnemonic> {
  let arguments = (ins KRankedData:$a, KRankedData:$b, Optional<KRankedF32>:$aScales, Optional<KRankedF32>:$bScales,
                       Optional<KRankedI32>:$rows, OptionalAttr<ScheduleAttr>:$schedule);
  let assemblyFormat = [{
    $a `,` $b (`scales` `(` $aScales^ `,` $bScales `)`)? (`rows` `(` $rows^ `)`)? (`schedule` $schedule^)? attr-dict
    `:` type($a) `,` type($b) (`scales` `(` type($aScales)^ `,` type($bScales) `)`)? (`rows` `(` type($rows)^ `)`)?
    `->` type($result) (`plain` type($plain)^)? (`epilogue` $epilogue^)? }];
  let builders = [OpBuilder<(ins "Type":$result, "Value":$a, "Value":$b, "Value":$aScales, "Value":$bScales, "Value":$rows,
                                 "ScheduleAttr":$schedule), [{
    build($_builder, $_state, result, /*plain=*/Type(), a, b, aScales, bScales, rows, schedule);
  }]>];
}

def GemmOp : Kernel_Gemm<"gemm"> {
  let summary = "D = A B^T on tensor cores (wgmma), many rows";
  let description = [{
    A `[M, K]`, B `[N, K]`, D `[M, N]`; or batched over heads: A `[M, H, K]`, B `[H, N, K]`, D `[M, H, N]`. A and B have one element type: bf16, f32 (CPU only) or
    f8E4M3FN. With f8E4M3FN both scales are given, `aScales` `[M, ceil(K/128)]` and `bScales` `[ceil(N/128), ceil(K/128)]`: products of each 128 channels
    are summed in f32 (tensor-core precision), multiplied by both scales and added in f32. D is rounded once.
    `rows` `[S]` i32: only rows i with `i % (M/S) < rows[i / (M/S)]` are wanted; the others of D are undefined.
    A and B may also differ in element type on the CPU target (f32 activations, bf16 weights).

    - C1: A, B and D are all of rank 2 or all of rank 3.
    - C2: A and B have the same K; D is `[M, N]`, or `[M, H, N]` with A's and B's H equal.
    - C3: scales are given exactly if A and B are f8E4M3FN; then the rank is 2.
    - C4: `aScales` is `[M, ceil(K/128)]`, `bScales` `[ceil(N/128), ceil(K/128)]`.
    - C5: `rows` has one dimension, whose size divides M.

    `epilogue` is a program for one element of D. N then is S + P x W: the region's P arguments are the f32 sums at columns `S + p W + n` of the product, it
    yields D `[M, W]` at column n, which is rounded once to D's element type. The body is written in `arith` and `math` on scalars, f32. The S columns before, if any, are a
    second result `plain` `[M, S]`, rounded once. One part is an elementwise epilogue; two are gate and up of swiglu.

    - C6: the rank is 2; the epilogue has 1 to 4 arguments, all f32, and yields one f32.
    - C7: the body holds only `arith` and `math` operations.
    - C8: `plain` is `[M, S]` with S > 0, and given only with an epilogue; D is `[M, W]` with S + P x W = N.

    ```mlir
    %d = kernel.gemm %a, %b rows(%n) schedule <tile = [128, 256, 64], stages = 4, cluster = 2, warps = 12>
      : tensor<8x256xbf16>, tensor<512x256xbf16> rows(tensor<2xi32>) -> tensor<8x512xf32>
    %h = kernel.gemm %ah, %bh : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
    %e, %l = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x224xbf16> plain tensor<8x64xf32> epilogue {
    ^bb0(%gate: f32, %up: f32):
      %product = arith.mulf %gate, %up : f32
      kernel.epilogue_yield %product : f32
    }
    ```
  }];
}

def SkinnyGemmOp : Kernel_Gemm<"skinny_gemm"> {
  let summary = "D = A B^T for few rows: streams B once at memory speed";
  let description = [{
    As `kernel.gemm`, constraints included; meant for M <= 64, where reading B is the whole cost.

    ```mlir
    %d = kernel.skinny_gemm %a, %b scales(%as, %bs)
      : tensor<8x200xf8E4M3FN>, tensor<130x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<2x2xf32>) -> tensor<8x130xbf16>
    ```
  }];
}

def GroupedGemmOp : Kernel_Product<"grouped_gemm"> {
  let summary = "each group of rows times its own matrix";
  let description = [{
    A `[M, K]` with rows sorted by group, `offsets` `[E+1]` i32, B `[E, N, K]`, D `[M, N]`: rows `offsets[e] <= i < offsets[e+1]` use `B[e]`. Element types and
    scales as `kernel.gemm`, `bScales` `[E, ceil(N/128), ceil(K/128)]`. The host never reads the offsets. `epilogue` and `plain` as `kernel.gemm`, its C6 to C8 included.

    - C1: A is `[M, K]`, B `[E, N, K]`, D `[M, N]`.
    - C2: `offsets` is `[E+1]`.
    - C3: scales are given exactly if A and B are f8E4M3FN; `aScales` is `[M, ceil(K/128)]`, `bScales` `[E, ceil(N/128), ceil(K/128)]`.

    ```mlir
    %g = kernel.grouped_gemm %a, %offsets, %e scales(%as, %es)
      : tensor<8x200xf8E4M3FN>, tensor<5xi32>, tensor<4x130x200xf8E4M3FN> scales(tensor<8x2xf32>, tensor<4x2x2xf32>) -> tensor<8x130xbf16>
    ```
  }];
  let arguments = (ins KRankedData:$a, KRankedI32:$offsets, KRankedData:$b, Optional<KRankedF32>:$aScales,
                       Optional<KRankedF32>:$bScales, OptionalAttr<ScheduleAttr>:$schedule);
  let assemblyFormat = [{
    $a `,` $offsets `,` $b (`scales` `(` $aScales^ `,` $bScales `)`)? (`schedule` $schedule^)? attr-dict
    `:` type($a) `,` type($offsets) `,` type($b) (`scales` `(` type($aScales)^ `,` type($bScales) `)`)?
    `->` type($result) (`plain` type($plain)^)? (`epilogue` $epilogue^)? }];
  let builders = [OpBuilder<(ins "Type":$result, "Value":$a, "Value":$offsets, "Value":$b, "Value":$aScales, "Value":$bScales,
                                 "ScheduleAttr":$schedule), [{
    build($_builder, $_state, result, /*plain=*/Type(), a, offsets, b, aScales, bScales, schedule);
  }]>];
}

def EpilogueYieldOp : Kernel_Op<"epilogue_yield", [Pure, Terminator, ParentOneOf<["GemmOp", "SkinnyGemmOp", "GroupedGemmOp"]>]> {
  let summary = "the element that a product's epilogue stores";
  let description = [{
    Rounded once to the element type of the product's result.

    ```mlir
    kernel.epilogue_yield %product : f32
    ```
  }];
  let arguments = (ins F32:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def TransposeOp : Kernel_Op<"transpose", [Pure]> {
  let summary = "swap the last two dimensions (weights, at load)";
  let description = [{
    - C1: the result has the operand's element type and its shape with the last two dimensions (of 2 or 3) swapped.

    ```mlir
    %t = kernel.transpose %x : tensor<4x40x128xbf16> -> tensor<4x128x40xbf16>
    ```
  }];
  let arguments = (ins KRankedData:$x, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedData:$result);
  let assemblyFormat = "$x (`schedule` $schedule^)? attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def BlockQuantizeOp : Kernel_Op<"block_quantize", [Pure]> {
  let summary = "e4m3 with one scale for each 128x128 block of the last two dimensions (weights, at load)";
  let description = [{
    As `kernel.row_quantize`, with blocks of 128x128 (the last of a dimension may be partial): `s = max(max|x|, 1e-4) / 448`, with `powerOfTwo` rounded up to a power
    of two; `data = e4m3(x / s)`.
    - C1: x and data are `[N, K]` or `[E, N, K]`, scales `[ceil(N/128), ceil(K/128)]` or `[E, ceil(N/128), ceil(K/128)]`.

    ```mlir
    %data, %scales = kernel.block_quantize %w power_of_two : tensor<2x200x130xbf16> -> tensor<2x200x130xf8E4M3FN>, tensor<2x2x2xf32>
    ```
  }];
  let arguments = (ins KRankedFloat:$x, UnitAttr:$powerOfTwo, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs RankedTensorOf<[F8E4M3FN]>:$data, KRankedF32:$scales);
  let assemblyFormat = [{
    $x (`power_of_two` $powerOfTwo^)? (`schedule` $schedule^)? attr-dict `:` type($x) `->` type($data) `,` type($scales) }];
  let hasVerifier = 1;
}

#endif
