// Attention over a paged cache.
#ifndef KERNEL_ATTENTION_OPS_TD
#define KERNEL_ATTENTION_OPS_TD

include "dialects/kernel/KernelDialect.td"

def MlaDecodeOp : Kernel_Op<"mla_decode", [MemoryEffects<[MemRead]>]> {
  let summary = "multi-query attention over latents in a paged cache";
  let description = [{
    `qLatent` `[T, H, r]`, `qRope` `[T, H, dr]`, cache `memref<?xLxPAGEx(r+dr)>`, `positions` `[T]`, `blockTable` `[S, P]` (token t belongs to sequence
    `t / (T / S)`). Scores over cache positions j <= positions[t]: `(qLatent . c[j] + qRope . k[j]) * scale`, softmax in f32, result the weighted sum of
    `c[j]`. A token with position -1 gives zeros (and lse -inf).
    Split 1: one result `[T, H, r]` of the activation type. Split s > 1: each of s parts of the positions of a sequence gives a partial result
    `[s, T, H, r]` f32, normalised within its part, and `lse` `[s, T, H]` f32, log2 of its softmax sum (base 2, scale included); `kernel.mla_combine` joins them.
    The parts are consecutive and together cover all positions; where they are cut is the kernel's affair, so partial results mean something to `mla_combine` only. An empty part gives
    zeros and lse -inf.
    A schedule with products of warpgroups (a tile of three sizes) cuts sequences on the device and joins the parts itself; `lse` `[n]`, of one dimension beside a whole result, is the scratch memory
    for that, whose contents mean nothing. `kernel-choose-schedule` adds it.
    A cache of i8 holds quantised records (`dialects/kernel/QuantizedRecord.h`): r bytes of e4m3, r/128 scales in f32, dr elements of bf16. Element i of `c[j]` is byte i times
    scale i/128. The CPU multiplies in f32; the kernel rounds the product to bf16, as a cache of bf16 would hold it.

    - C1: qLatent is `[T, H, r]`, qRope `[T, H, dr]`.
    - C2: the cache is `memref<?xLxPAGEx(r+dr)>` of floats, or `memref<?xLxPAGEx(r+4(r/128)+2dr)xi8>` with 128 dividing r and 2 dividing dr; static but for its first dimension, and `0 <= layer < L`.
    - C3: positions is `[T]`, blockTable `[S, P]`, S divides T.
    - C4: without lse, or with one of one dimension, the result is `[T, H, r]`; else the result is `[s, T, H, r]` f32 and lse `[s, T, H]`.
    - C5: a schedule's `split` is s (1 without lse).

    ```mlir
    %y = kernel.mla_decode %q, %r, %cache[1] at %positions, %table scale 0.125
      : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
    %part, %lse = kernel.mla_decode %q, %r, %cache[1] at %positions, %table scale 0.125 schedule <tile = [16, 32], stages = 4, split = 3, warps = 8>
      : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<8x16xi32> -> tensor<3x8x4x128xf32> lse tensor<3x8x4xf32>
    %quantized = kernel.mla_decode %q, %r, %bytes[1] at %positions, %table scale 0.125
      : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, memref<?x2x64x164xi8>, tensor<8xi32>, tensor<8x16xi32> -> tensor<8x4x128xbf16>
    ```
  }];
  let arguments = (ins KRankedFloat:$qLatent, KRankedFloat:$qRope, AnyStridedMemRef:$cache, I64Attr:$layer,
                       KRankedI32:$positions, KRankedI32:$blockTable, F64Attr:$scale, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedFloat:$result, Optional<KRankedF32>:$lse);
  let assemblyFormat = [{
    $qLatent `,` $qRope `,` $cache `[` $layer `]` `at` $positions `,` $blockTable `scale` $scale (`schedule` $schedule^)? attr-dict
    `:` type($qLatent) `,` type($qRope) `,` type($cache) `,` type($positions) `,` type($blockTable) `->` type($result) (`lse` type($lse)^)? }];
  let extraClassDeclaration = [{
    bool hasQuantizedCache();
  }];
  let hasVerifier = 1;
}

def MlaCombineOp : Kernel_Op<"mla_combine", [Pure]> {
  let summary = "join the partial results of a split mla_decode";
  let description = [{
    `result[t,h] = sum_s w_s partial[s,t,h] / sum_s w_s`, `w_s = 2^(lse[s,t,h] - max_s lse)`; zeros if every lse is -inf.

    - C1: partial is `[s, T, H, r]`, lse `[s, T, H]`, the result `[T, H, r]`.

    ```mlir
    %joined = kernel.mla_combine %part, %lse : tensor<3x8x4x128xf32>, tensor<3x8x4xf32> -> tensor<8x4x128xbf16>
    ```
  }];
  let arguments = (ins KRankedF32:$partial, KRankedF32:$lse, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedFloat:$result);
  let assemblyFormat = "$partial `,` $lse (`schedule` $schedule^)? attr-dict `:` type($partial) `,` type($lse) `->` type($result)";
  let hasVerifier = 1;
}

def CacheGatherOp : Kernel_Op<"cache_gather", [MemoryEffects<[MemRead]>]> {
  let summary = "copy the records of whole sequences out of a paged cache";
  let description = [{
    For each sequence s with length `n_s = 1 + max positions of its tokens`: `result[s*C + j] = record j` for j < n_s (the first result: latents `[S*C, r]`; the second: keys
    `[S*C, dr]`; `C = P * PAGE`), other rows undefined. `lengths` `[S]` i32 = n_s.

    - C1: the cache is `memref<?xLxPAGEx(r+dr)>`, static but for its first dimension, and `0 <= layer < L`.
    - C2: positions is `[T]`, blockTable `[S, P]`, S divides T.
    - C3: latents is `[S*C, r]`, keys `[S*C, dr]`, both of the cache's element type; lengths is `[S]`.

    ```mlir
    %latents, %keys, %lengths = kernel.cache_gather %cache[0] at %positions, %table
      : memref<?x2x64x144xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<2048x128xbf16>, tensor<2048x16xbf16>, tensor<2xi32>
    ```
  }];
  let arguments = (ins AnyStridedMemRef:$cache, I64Attr:$layer, KRankedI32:$positions, KRankedI32:$blockTable,
                       OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedFloat:$latents, KRankedFloat:$keys, KRankedI32:$lengths);
  let assemblyFormat = [{
    $cache `[` $layer `]` `at` $positions `,` $blockTable (`schedule` $schedule^)? attr-dict
    `:` type($cache) `,` type($positions) `,` type($blockTable) `->` type($latents) `,` type($keys) `,` type($lengths) }];
  let hasVerifier = 1;
}

def MlaPrefillOp : Kernel_Op<"mla_prefill", [Pure]> {
  let summary = "multi-head attention over expanded keys and values";
  let description = [{
    `qNope` `[T, H, dn]`, `qRope` `[T, H, dr]`, `kv` `[S*C, H, dn+dv]` (row s*C + j: position j of sequence s, keys first), `kRope` `[S*C, dr]`, `positions` `[T]`.
    Token t of sequence `t / (T / S)` sees positions j <= positions[t]. Scores times `scale`, softmax in f32, result `[T, H, dv]`; zeros for position -1.

    - C1: qNope is `[T, H, dn]`, qRope `[T, H, dr]`, positions `[T]`.
    - C2: kv is `[S*C, H, dn+dv]`, kRope `[S*C, dr]`, the result `[T, H, dv]`.
    - C3: `sequences` is positive and divides T and the rows of kv.

    ```mlir
    %y = kernel.mla_prefill %q, %r, %kv, %keys at %positions sequences 2 scale 0.125
      : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, tensor<2048x4x64xbf16>, tensor<2048x16xbf16>, tensor<8xi32> -> tensor<8x4x32xbf16>
    ```
  }];
  let arguments = (ins KRankedFloat:$qNope, KRankedFloat:$qRope, KRankedFloat:$kv, KRankedFloat:$kRope, KRankedI32:$positions,
                       I64Attr:$sequences, F64Attr:$scale, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedFloat:$result);
  let assemblyFormat = [{
    $qNope `,` $qRope `,` $kv `,` $kRope `at` $positions `sequences` $sequences `scale` $scale (`schedule` $schedule^)? attr-dict
    `:` type($qNope) `,` type($qRope) `,` type($kv) `,` type($kRope) `,` type($positions) `->` type($result) }];
  let hasVerifier = 1;
}

#endif
