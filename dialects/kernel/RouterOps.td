// Routing of tokens to groups, and choosing from rows.
#ifndef KERNEL_ROUTER_OPS_TD
#define KERNEL_ROUTER_OPS_TD

include "dialects/kernel/KernelDialect.td"

def RouteOp : Kernel_Op<"route", [Pure]> {
  let summary = "top-k of scored, biased, optionally group-limited logits";
  let description = [{
    Logits `[T, E]` f32. Scores: softmax or sigmoid. Selection score = score + bias. If `nGroup` > 1 and `group` is not none, only the `topkGroup` groups of E / nGroup
    neighbours with the best group score (maximum, or sum of the two largest selection scores) stay eligible, others are -inf. The `topK` best selection scores
    win; lower index wins a tie, for groups too. Weights: the chosen scores without bias, over (their sum + 1e-20) if `normalize`, times `scale`. Best first.

    - C1: logits is `[T, E]`, bias `[E]`, weights and indices `[T, topK]`.
    - C2: nGroup divides E; `1 <= topkGroup <= nGroup`; a group scored by `top2_sum` has two members or more.
    - C3: `1 <= topK`, and topK is at most the number of eligible experts.

    ```mlir
    %weights, %indices = kernel.route %logits bias %bias {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
      : tensor<8x16xf32>, tensor<16xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
    ```
  }];
  let arguments = (ins KRankedF32:$logits, Optional<KRankedF32>:$bias, I64Attr:$topK, I64Attr:$nGroup, I64Attr:$topkGroup,
                       RouteScoreAttr:$score, RouteGroupAttr:$group, BoolAttr:$normalize, F64Attr:$scale, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedF32:$weights, KRankedI32:$indices);
  let assemblyFormat = [{
    $logits (`bias` $bias^)? (`schedule` $schedule^)? attr-dict `:` type($logits) (`,` type($bias)^)? `->` type($weights) `,` type($indices) }];
  let hasVerifier = 1;
}
def SortTokensOp : Kernel_Op<"sort_tokens", [Pure]> {
  let summary = "stable counting sort of (token, choice) pairs by group";
  let description = [{
    `indices` `[T, K]` in [0, E). Pairs sorted by group, then token, then choice. `offsets` `[E+1]`; `rowOf` `[T, K]`, the sorted row of each pair; `tokenOf` `[T*K]`, the token
    of each sorted row.

    - C1: indices and rowOf are `[T, K]`, offsets `[groups+1]`, tokenOf `[T*K]`; `groups` is positive.

    ```mlir
    %offsets, %rowOf, %tokenOf = kernel.sort_tokens %indices groups 16 : tensor<8x4xi32> -> tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>
    ```
  }];
  let arguments = (ins KRankedI32:$indices, I64Attr:$groups, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedI32:$offsets, KRankedI32:$rowOf, KRankedI32:$tokenOf);
  let assemblyFormat = [{
    $indices `groups` $groups (`schedule` $schedule^)? attr-dict `:` type($indices) `->` type($offsets) `,` type($rowOf) `,` type($tokenOf) }];
  let hasVerifier = 1;
}

def RouteTokensOp : Kernel_Op<"route_tokens", [Pure, AttrSizedOperandSegments]> {
  let summary = "a few tokens' experts, their pairs sorted by expert, and the tokens' rows in that order";
  let description = [{
    `kernel.route`, `kernel.sort_tokens` of its indices and a gather of rows in one kernel, for few tokens: weights and indices as the former gives them; `offsets`, `rowOf` and `tokenOf`
    as the latter. Row r of `gathered[i]` is row `tokenOf[r]` of `tables[i]`, `[T, ...]`, unchanged.

    - C1: as route's C1 to C3; offsets is `[E+1]`, rowOf `[T, topK]`, tokenOf `[T*topK]`.
    - C2: as many gathered results as tables; table `[T, ...]` of some element type gives `[T*topK, ...]` of that type.

    ```mlir
    %weights, %indices, %offsets, %rowOf, %tokenOf, %rows = kernel.route_tokens %logits bias %bias gather(%x) {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
      : (tensor<8x16xf32>, tensor<16xf32>, tensor<8x256xbf16>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>, tensor<32x256xbf16>)
    ```
  }];
  let arguments = (ins KRankedF32:$logits, Optional<KRankedF32>:$bias, Variadic<KRankedData>:$tables, I64Attr:$topK, I64Attr:$nGroup, I64Attr:$topkGroup,
                       RouteScoreAttr:$score, RouteGroupAttr:$group, BoolAttr:$normalize, F64Attr:$scale, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedF32:$weights, KRankedI32:$indices, KRankedI32:$offsets, KRankedI32:$rowOf, KRankedI32:$tokenOf, Variadic<KRankedData>:$gathered);
  let assemblyFormat = [{
    $logits (`bias` $bias^)? (`gather` `(` $tables^ `)`)? (`schedule` $schedule^)? attr-dict `:` functional-type(operands, results) }];
  let hasVerifier = 1;
}

def GateTokensOp : Kernel_Op<"gate_tokens", [Pure]> {
  let summary = "a few tokens' router product, their experts, and the pairs sorted by expert";
  let description = [{
    `kernel.gemm` of x `[T, H]` and gate `[E, H]` to f32 logits `[T, E]`, `kernel.route` of these and `kernel.sort_tokens` of the indices in one kernel, for few tokens: weights and indices as
    the second gives them; `offsets`, `rowOf` and `tokenOf` as the third. Logits are summed in f32, in an order that the schedule fixes, and never stored.

    Schedule: `tile` = tokens that one CTA routes, experts and channels of a CTA's part of the product; `warps` share those channels; `split` CTAs share H.

    - C1: x is `[T, H]`, gate `[E, H]` of the same element type.
    - C2: as route's C1 to C3 with logits `[T, E]`; offsets is `[E+1]`, rowOf `[T, topK]`, tokenOf `[T*topK]`.

    ```mlir
    %weights, %indices, %offsets, %rowOf, %tokenOf = kernel.gate_tokens %x, %gate bias %bias {topK = 4, nGroup = 4, topkGroup = 2, score = #kernel<route_score sigmoid>, group = #kernel<route_group top2_sum>, normalize = true, scale = 2.5}
      : (tensor<8x256xbf16>, tensor<16x256xbf16>, tensor<16xf32>) -> (tensor<8x4xf32>, tensor<8x4xi32>, tensor<17xi32>, tensor<8x4xi32>, tensor<32xi32>)
    ```
  }];
  let arguments = (ins KRankedFloat:$x, KRankedFloat:$gate, Optional<KRankedF32>:$bias, I64Attr:$topK, I64Attr:$nGroup, I64Attr:$topkGroup,
                       RouteScoreAttr:$score, RouteGroupAttr:$group, BoolAttr:$normalize, F64Attr:$scale, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedF32:$weights, KRankedI32:$indices, KRankedI32:$offsets, KRankedI32:$rowOf, KRankedI32:$tokenOf);
  let assemblyFormat = [{
    $x `,` $gate (`bias` $bias^)? (`schedule` $schedule^)? attr-dict `:` functional-type(operands, results) }];
  let hasVerifier = 1;
}

def SampleOp : Kernel_Op<"sample", [Pure]> {
  let summary = "draw an index from each row of logits";
  let description = [{
    Logits `[R, V]`. Row by row: temperature <= 0: the index of the largest logit, lower index on a tie. Otherwise `z = logits / temperature`; candidates are taken from z in descending
    order (lower index first on a tie): the first `topK` (all when 0), then of these the shortest prefix whose softmax mass (softmax over the topK candidates, f32)
    reaches `topP` (all when >= 1; never empty). `u = (top 24 bits of output number position + 1 of splitmix64 seeded with `seed`) / 2^24`. The result is the first candidate, in INDEX
    order, whose running sum of `exp(z - max z)` exceeds `u * total`; the last candidate if none does.

    - C1: logits is `[R, V]`; every other operand and the result are `[R]`.

    ```mlir
    %next = kernel.sample %logits, %temperature, %topK, %topP, %seed, %positions
      : (tensor<8x16xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
    ```
  }];
  let arguments = (ins KRankedF32:$logits, KRankedF32:$temperature, KRankedI32:$topK, KRankedF32:$topP, RankedTensorOf<[I64]>:$seed,
                       KRankedI32:$positions, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedI32:$result);
  let assemblyFormat = [{
    $logits `,` $temperature `,` $topK `,` $topP `,` $seed `,` $positions (`schedule` $schedule^)? attr-dict `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def TopKOp : Kernel_Op<"top_k", [Pure]> {
  let summary = "the k largest elements of each row, best first; the lower index wins a tie";
  let description = [{
    - C1: x is `[R, V]`, values and indices `[R, k]`, `1 <= k <= V`.

    ```mlir
    %values, %places = kernel.top_k %logits k 3 : tensor<8x16xf32> -> tensor<8x3xf32>, tensor<8x3xi32>
    ```
  }];
  let arguments = (ins KRankedF32:$x, I64Attr:$k, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedF32:$values, KRankedI32:$indices);
  let assemblyFormat = "$x `k` $k (`schedule` $schedule^)? attr-dict `:` type($x) `->` type($values) `,` type($indices)";
  let hasVerifier = 1;
}

#endif
