// Matrix products.
#ifndef KERNEL_MATMUL_OPS_TD
#define KERNEL_MATMUL_OPS_TD

include "dialects/kernel/KernelDialect.td"

class Kernel_Gemm<string mnemonic> : Kernel_Op<mnemonic, [Pure, AttrSizedOperandSegments]> {
  let arguments = (ins KRankedData:$a, KRankedData:$b, Optional<KRankedF32>:$aScales, Optional<KRankedF32>:$bScales,
                       Optional<KRankedI32>:$rows, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedFloat:$result);
  let assemblyFormat = [{
    $a `,` $b (`scales` `(` $aScales^ `,` $bScales `)`)? (`rows` `(` $rows^ `)`)? (`schedule` $schedule^)? attr-dict
    `:` type($a) `,` type($b) (`scales` `(` type($aScales)^ `,` type($bScales) `)`)? (`rows` `(` type($rows)^ `)`)? `->` type($result) }];
  let hasVerifier = 1;
}

def GemmOp : Kernel_Gemm<"gemm"> {
  let summary = "D = A B^T on tensor cores (wgmma), many rows";
  let description = [{
    A `[M, K]`, B `[N, K]`, D `[M, N]`; or batched over heads: A `[M, H, K]`, B `[H, N, K]`, D `[M, H, N]`. A and B have one element type: bf16, f32 (CPU only) or
    f8E4M3FN. With f8E4M3FN both scales are given, `aScales` `[M, ceil(K/128)]` and `bScales` `[ceil(N/128), ceil(K/128)]`: products of each 128 channels
    are summed in f32 (tensor-core precision), multiplied by both scales and added in f32. D is rounded once.
    `rows` `[S]` i32: only rows i with `i % (M/S) < rows[i / (M/S)]` are wanted; the others of D are undefined.
    A and B may also differ in element type on the CPU target (f32 activations, bf16 weights).
  }];
}

def SkinnyGemmOp : Kernel_Gemm<"skinny_gemm"> {
  let summary = "D = A B^T for few rows: streams B once at memory speed";
  let description = [{ As `kernel.gemm`; meant for M <= 64, where reading B is the whole cost. }];
}

def GroupedGemmOp : Kernel_Op<"grouped_gemm", [Pure, AttrSizedOperandSegments]> {
  let summary = "each group of rows times its own matrix";
  let description = [{
    A `[M, K]` with rows sorted by group, `offsets` `[E+1]` i32, B `[E, N, K]`, D `[M, N]`: rows `offsets[e] <= i < offsets[e+1]` use `B[e]`. Element types and
    scales as `kernel.gemm`, `bScales` `[E, ceil(N/128), ceil(K/128)]`. The host never reads the offsets.
  }];
  let arguments = (ins KRankedData:$a, KRankedI32:$offsets, KRankedData:$b, Optional<KRankedF32>:$aScales,
                       Optional<KRankedF32>:$bScales, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedFloat:$result);
  let assemblyFormat = [{
    $a `,` $offsets `,` $b (`scales` `(` $aScales^ `,` $bScales `)`)? (`schedule` $schedule^)? attr-dict
    `:` type($a) `,` type($offsets) `,` type($b) (`scales` `(` type($aScales)^ `,` type($bScales) `)`)? `->` type($result) }];
  let hasVerifier = 1;
}

def TransposeOp : Kernel_Op<"transpose", [Pure]> {
  let summary = "swap the last two dimensions (weights, at load)";
  let arguments = (ins KRankedData:$x, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedData:$result);
  let assemblyFormat = "$x (`schedule` $schedule^)? attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

#endif
