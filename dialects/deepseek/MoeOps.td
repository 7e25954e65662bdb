// Mixture of experts: gate, dispatch, expert projections, combine.
#ifndef DEEPSEEK_MOE_OPS_TD
#define DEEPSEEK_MOE_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def MoeGateOp : DeepSeek_Op<"moe_gate", [Pure]> {
  let summary = "choose experts and their weights for each token";
  let description = [{
    `logits` is `[T, E]` f32. Scores are softmax or sigmoid of the logits; `bias` (V3's correction bias) is added for SELECTION only. With
    `n_group` > 1 and `group_score` not none, only the `topk_group` best groups of E / n_group neighbouring experts stay eligible (group score: the
    largest selection score, or the sum of the two largest); others are masked with -inf. The `top_k` best selection scores win; on a tie the LOWER INDEX
    wins, for groups too. Weights are the chosen scores without bias, divided by (their sum + 1e-20) when `normalize`, times `scale`.
    Results: weights `[T, K]` f32 and indices `[T, K]` i32, best first.

    Constraints:
    - C1: `logits` has rank 2.
    - C2: 1 <= topK <= E.
    - C3: nGroup divides E and 1 <= topkGroup <= nGroup.
    - C4: limited groups hold at least topK experts; top2_sum needs groups of 2 or more.
    - C5: `bias` is `[E]`.
    - C6: the results are `[T, K]`.

    ```mlir
    %weights, %indices = deepseek.moe_gate %logits bias %bias {topK = 4 : i64, nGroup = 4 : i64, topkGroup = 2 : i64, scoring = #deepseek<scoring sigmoid>, groupScore = #deepseek<group_score top2_sum>, normalize = true, scale = 2.5 : f64} : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
    ```
  }];
  let arguments = (ins RankedF32:$logits, Optional<RankedF32>:$bias, I64Attr:$topK, I64Attr:$nGroup, I64Attr:$topkGroup,
                       ScoringAttr:$scoring, GroupScoreAttr:$groupScore, BoolAttr:$normalize, F64Attr:$scale);
  let results = (outs RankedF32:$weights, RankedI32:$indices);
  let assemblyFormat = [{
    $logits (`bias` $bias^)? attr-dict `:` type($logits) (`,` type($bias)^)? `->` type($weights) `,` type($indices) }];
  let hasVerifier = 1;
}

def MoeDispatchOp : DeepSeek_Op<"moe_dispatch", [Pure]> {
  let summary = "sort (token, choice) pairs by expert and copy the tokens' rows";
  let description = [{
    `x` is `[T, D]` (plain or block-scaled 1x128), `indices` `[T, K]`. Pairs are sorted by expert, then by token, then by choice.
    Results: `rows` `[T*K, D]`; `offsets` `[E+1]` i32, expert e owns rows `offsets[e] .. offsets[e+1]`; `row_of` `[T, K]` i32, where each pair went.

    Constraints:
    - C1: `x` `[T, D]` and `indices` `[T, K]` agree in T; numExperts is positive.
    - C2: `rows` `[T*K, D]`, of the type of `x` (block-scaled 1x128 if it is).
    - C3: `offsets` `[E+1]`, `rowOf` `[T, K]`.

    ```mlir
    %rows, %offsets, %row_of = deepseek.moe_dispatch %x, %indices experts 16 : tensor<8x256xbf16>, tensor<8x4xi32> -> tensor<32x256xbf16>, tensor<17xi32>, tensor<8x4xi32>
    ```
  }];
  let arguments = (ins TensorOrScaled:$x, RankedI32:$indices, I64Attr:$numExperts);
  let results = (outs TensorOrScaled:$rows, RankedI32:$offsets, RankedI32:$rowOf);
  let assemblyFormat = [{
    $x `,` $indices `experts` $numExperts attr-dict `:` type($x) `,` type($indices) `->` type($rows) `,` type($offsets) `,` type($rowOf) }];
  let hasVerifier = 1;
}

def GroupedLinearOp : DeepSeek_Op<"grouped_linear", [Pure]> {
  let summary = "each expert's linear projection of its own rows";
  let description = [{
    `rows` `[M, K]`, `offsets` `[E+1]`, `w` `[E, N, K]`, result `[M, N]`: `result[i] = w[e] rows[i]` for `offsets[e] <= i < offsets[e+1]`. Numerics as `deepseek.linear`.

    Constraints:
    - C1: `rows` rank 2, `weight` rank 3, reduction sizes agree.
    - C2: `offsets` is `[E+1]`.
    - C3: the result is `[M, N]`.
    - C4: both block-scaled (1x128 and 128x128, one scale format), or neither.

    ```mlir
    %y = deepseek.grouped_linear %rows, %offsets, %w : tensor<32x256xbf16>, tensor<17xi32>, tensor<16x256x256xbf16> -> tensor<32x256xbf16>
    ```
  }];
  let arguments = (ins FloatOrScaled:$rows, RankedI32:$offsets, FloatOrScaled:$weight);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$rows `,` $offsets `,` $weight attr-dict `:` type($rows) `,` type($offsets) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def MoeCombineOp : DeepSeek_Op<"moe_combine", [Pure]> {
  let summary = "weighted sum of each token's expert outputs";
  let description = [{
    `result[t] = sum_k weights[t, k] * rows[row_of[t, k]]`, in f32 in the order of k, rounded once. rows `[T*K, D]`, result `[T, D]`.

    Constraints:
    - C1: `rows` has one row for each pair of `rowOf` `[T, K]`.
    - C2: `weights` `[T, K]`, the result `[T, D]`.

    ```mlir
    %0 = deepseek.moe_combine %y, %row_of, %weights : tensor<32x256xbf16>, tensor<8x4xi32>, tensor<8x4xf32> -> tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$rows, RankedI32:$rowOf, RankedF32:$weights);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$rows `,` $rowOf `,` $weights attr-dict `:` type($rows) `,` type($rowOf) `,` type($weights) `->` type($result)";
  let hasVerifier = 1;
}

#endif
