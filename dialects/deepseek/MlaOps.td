// Multi-head latent attention: rotary embedding, the paged latent cache, naive and absorbed attention.
#ifndef DEEPSEEK_MLA_OPS_TD
#define DEEPSEEK_MLA_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def RopeAnglesOp : DeepSeek_Op<"rope_angles", [Pure]> {
  let summary = "cosine and sine of each position's rotary angles";
  let description = [{
    `result[t, i] = (cos(a), sin(a)) * magnitude`, `a = positions[t] * inverse_frequency[i]`. The angle is computed and reduced to
    [-pi, pi] in float64, cosine and sine are float32: long contexts lose nothing. Result `[T, dr/2, 2]`. Once per entry, shared by all layers.

    Constraints:
    - C1: `positions` `[T]`, the result `[T, N, 2]`.
    - C2: theta > 0, factor >= 1, and originalContext > 0 unless factor is 1.

    ```mlir
    %0 = deepseek.rope_angles %positions <theta = 1.0e4 : f64, factor = 40.0 : f64, originalContext = 4096, betaFast = 32.0 : f64, betaSlow = 1.0 : f64, magnitude = 1.0 : f64> : tensor<8xi32> -> tensor<8x8x2xf32>
    ```
  }];
  let arguments = (ins RankedI32:$positions, YarnAttr:$yarn);
  let results = (outs RankedF32:$result);
  let assemblyFormat = "$positions $yarn attr-dict `:` type($positions) `->` type($result)";
  let hasVerifier = 1;
}

def RopeOp : DeepSeek_Op<"rope", [Pure]> {
  let summary = "rotary embedding of the last dimension";
  let description = [{
    `x` is `[T, dr]` or `[T, H, dr]`, `angles` `[T, dr/2, 2]`. Pairs are elements (2i, 2i+1) when interleaved, (i, i + dr/2) when half-split;
    a pair (a, b) becomes (a cos - b sin, a sin + b cos), in f32, rounded once.

    Constraints:
    - C1: `x` has rank 2 or 3 and an even last dimension.
    - C2: `angles` is `[T, dr/2, 2]`.
    - C3: the result has the shape of `x`.

    ```mlir
    %0 = deepseek.rope %q, %angles interleaved : tensor<8x4x16xbf16>, tensor<8x8x2xf32> -> tensor<8x4x16xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$x, RankedF32:$angles, RopeLayoutAttr:$layout);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $angles $layout attr-dict `:` type($x) `,` type($angles) `->` type($result)";
  let hasVerifier = 1;
}

def LatentCacheAppendOp : DeepSeek_Op<"latent_cache_append"> {
  let summary = "write the records of new tokens into the paged cache";
  let description = [{
    For each token with `positions[t] >= 0`, writes `latent[t]` and `k_rope[t]` to position `positions[t]` of its sequence in `layer`: page
    `block_table[s, pos / page]`, row `pos % page`. Token t belongs to sequence s = `t / (T / S)`, S being the rows of the block table.
    Values are rounded to the cache's element type.
    ```mlir
    deepseek.latent_cache_append %latent, %k_rope to %cache[0] at %positions, %block_table
      : tensor<8x128xbf16>, tensor<8x16xbf16>, !deepseek.latent_cache<layers = 4, page = 64, latent = 128, rope = 16, element = bf16>,
        tensor<8xi32>, tensor<8x16xi32>
    ```

    Constraints:
    - C1: `latent` `[T, latent]` and `kRope` `[T, rope]` as the cache says.
    - C2: `layer` is a layer of the cache.
    - C3: `positions` `[T]`, `blockTable` `[S, P]`, S divides T.
  }];
  let arguments = (ins RankedFloat:$latent, RankedFloat:$kRope, Arg<LatentCacheType, "", [MemWrite]>:$cache, I64Attr:$layer,
                       RankedI32:$positions, RankedI32:$blockTable);
  let assemblyFormat = [{
    $latent `,` $kRope `to` $cache `[` $layer `]` `at` $positions `,` $blockTable attr-dict
    `:` type($latent) `,` type($kRope) `,` type($cache) `,` type($positions) `,` type($blockTable) }];
  let hasVerifier = 1;
}

def MlaOp : DeepSeek_Op<"mla", [AttrSizedOperandSegments]> {
  let summary = "multi-head latent attention in its naive form: the cache is expanded to keys and values";
  let description = [{
    For each token t and each position j <= positions[t] of its sequence (a padding token, position -1, gives zeros):
    `kv[j] = w_kv_b c[j]` where `c` is the cached latent (normalised first if `latent_norm` says so), split per head into `k_nope` (dn) and
    `v` (dv); scores `(q_nope . k_nope + q_rope . k_rope) * scale`; softmax over j in f32; result the weighted sum of `v`, `[T, H, dv]`.
    With a block-scaled `w_kv_b`, `c[j]` is quantised with block 1x128 in the weight's scale format first.
    Shapes: q_nope `[T, H, dn]`, q_rope `[T, H, dr]`, w_kv_b `[H*(dn+dv), r]`, positions `[T]`, block_table `[S, P]`.

    Constraints:
    - C1: `qNope` `[T, H, dn]`, `kvB` `[H*(dn+dv), latent]`, the result `[T, H, dv]`.
    - C2: `qRope` `[T, H, rope]`; `layer` is a layer of the cache.
    - C3: `positions` `[T]`, `blockTable` `[S, P]`, S divides T.
    - C4: norm weight, bias and normEps are given exactly as `latentNorm` needs them, of the latent's size.

    ```mlir
    %0 = deepseek.mla %q_nope, %q_rope, %cache[1], %kv_b at %positions, %block_table scale 0.125
      : tensor<8x4x32xbf16>, tensor<8x4x16xbf16>, !cache, tensor<256x128xbf16>, tensor<8xi32>, tensor<2x16xi32> -> tensor<8x4x32xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$qNope, RankedFloat:$qRope, Arg<LatentCacheType, "", [MemRead]>:$cache, I64Attr:$layer,
                       FloatOrScaled:$kvB, RankedI32:$positions, RankedI32:$blockTable, F64Attr:$scale,
                       DefaultValuedAttr<LatentNormAttr, "LatentNorm::None">:$latentNorm, OptionalAttr<F64Attr>:$normEps,
                       Optional<RankedFloat>:$normWeight, Optional<RankedFloat>:$normBias);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = [{
    $qNope `,` $qRope `,` $cache `[` $layer `]` `,` $kvB `at` $positions `,` $blockTable `scale` $scale
    (`norm` `(` $normWeight^ (`,` $normBias^)? `)`)? attr-dict
    `:` type($qNope) `,` type($qRope) `,` type($cache) `,` type($kvB) `,` type($positions) `,` type($blockTable)
    (`norm` `(` type($normWeight)^ (`,` type($normBias)^)? `)`)? `->` type($result) }];
  let hasVerifier = 1;
}

def MlaAbsorbedOp : DeepSeek_Op<"mla_absorbed", [AttrSizedOperandSegments]> {
  let summary = "multi-head latent attention in its absorbed form: queries meet the latents themselves";
  let description = [{
    As `deepseek.mla`, but with `q_latent` `[T, H, r]` in place of `q_nope`: scores `(q_latent . c[j] + q_rope . k_rope[j]) * scale`, result
    `[T, H, r]` the weighted sum of the latents `c[j]`. Multi-query attention with one shared key of r + dr and value of r.

    Constraints:
    - C1: `qLatent` and the result are `[T, H, latent]`.
    - C2: `qRope` `[T, H, rope]`; `layer` is a layer of the cache.
    - C3: `positions` `[T]`, `blockTable` `[S, P]`, S divides T.
    - C4: norm weight, bias and normEps are given exactly as `latentNorm` needs them, of the latent's size.

    ```mlir
    %1 = deepseek.mla_absorbed %q_latent, %q_rope, %cache[1] at %positions, %block_table scale 0.125
      : tensor<8x4x128xbf16>, tensor<8x4x16xbf16>, !cache, tensor<8xi32>, tensor<2x16xi32> -> tensor<8x4x128xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$qLatent, RankedFloat:$qRope, Arg<LatentCacheType, "", [MemRead]>:$cache, I64Attr:$layer,
                       RankedI32:$positions, RankedI32:$blockTable, F64Attr:$scale,
                       DefaultValuedAttr<LatentNormAttr, "LatentNorm::None">:$latentNorm, OptionalAttr<F64Attr>:$normEps,
                       Optional<RankedFloat>:$normWeight, Optional<RankedFloat>:$normBias);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = [{
    $qLatent `,` $qRope `,` $cache `[` $layer `]` `at` $positions `,` $blockTable `scale` $scale
    (`norm` `(` $normWeight^ (`,` $normBias^)? `)`)? attr-dict
    `:` type($qLatent) `,` type($qRope) `,` type($cache) `,` type($positions) `,` type($blockTable)
    (`norm` `(` type($normWeight)^ (`,` type($normBias)^)? `)`)? `->` type($result) }];
  let hasVerifier = 1;
}

#endif
