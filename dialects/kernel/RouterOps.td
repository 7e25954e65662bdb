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
  }];
  let arguments = (ins KRankedI32:$indices, I64Attr:$groups, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedI32:$offsets, KRankedI32:$rowOf, KRankedI32:$tokenOf);
  let assemblyFormat = [{
    $indices `groups` $groups (`schedule` $schedule^)? attr-dict `:` type($indices) `->` type($offsets) `,` type($rowOf) `,` type($tokenOf) }];
  let hasVerifier = 1;
}

def SampleOp : Kernel_Op<"sample", [Pure]> {
  let summary = "draw an index from each row of logits";
  let description = [{ Numerics as `deepseek.sample`: temperature <= 0 is argmax (lower index wins); then top_k, top_p, and a draw by index order. }];
  let arguments = (ins KRankedF32:$logits, KRankedF32:$temperature, KRankedI32:$topK, KRankedF32:$topP, RankedTensorOf<[I64]>:$seed,
                       KRankedI32:$positions, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedI32:$result);
  let assemblyFormat = [{
    $logits `,` $temperature `,` $topK `,` $topP `,` $seed `,` $positions (`schedule` $schedule^)? attr-dict `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

def TopKOp : Kernel_Op<"top_k", [Pure]> {
  let summary = "the k largest elements of each row, best first; the lower index wins a tie";
  let arguments = (ins KRankedF32:$x, I64Attr:$k, OptionalAttr<ScheduleAttr>:$schedule);
  let results = (outs KRankedF32:$values, KRankedI32:$indices);
  let assemblyFormat = "$x `k` $k (`schedule` $schedule^)? attr-dict `:` type($x) `->` type($values) `,` type($indices)";
  let hasVerifier = 1;
}

#endif
