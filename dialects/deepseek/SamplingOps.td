// From logits to tokens.
#ifndef DEEPSEEK_SAMPLING_OPS_TD
#define DEEPSEEK_SAMPLING_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def ArgmaxOp : DeepSeek_Op<"argmax", [Pure]> {
  let summary = "index of the largest element of each row; the lower index wins a tie";
  let description = [{
    Constraints:
    - C1: `x` `[R, N]`, the result `[R]`.

    ```mlir
    %0 = deepseek.argmax %logits : tensor<8x1024xf32> -> tensor<8xi32>
    ```
  }];
  let arguments = (ins RankedF32:$x);
  let results = (outs RankedI32:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def TopKOp : DeepSeek_Op<"top_k", [Pure]> {
  let summary = "the k largest elements of each row, best first; the lower index wins a tie";
  let description = [{
    Constraints:
    - C1: `x` has rank 2 and 1 <= k <= N.
    - C2: the results are `[R, k]`.

    ```mlir
    %1, %2 = deepseek.top_k %logits k 4 : tensor<8x1024xf32> -> tensor<8x4xf32>, tensor<8x4xi32>
    ```
  }];
  let arguments = (ins RankedF32:$x, I64Attr:$k);
  let results = (outs RankedF32:$values, RankedI32:$indices);
  let assemblyFormat = "$x `k` $k attr-dict `:` type($x) `->` type($values) `,` type($indices)";
  let hasVerifier = 1;
}

def SampleOp : DeepSeek_Op<"sample", [Pure]> {
  let summary = "draw a token from each row of logits";
  let description = [{
    logits `[R, V]` f32; temperature, top_p f32 `[R]`; top_k i32 `[R]`; seed i64 `[R]`; positions i32 `[R]`. Row by row:
    temperature <= 0: argmax. Otherwise `z = logits / temperature`; a candidate set is formed from z in descending order (lower index first on a tie): the first
    `top_k` (all when 0), then of these the shortest prefix whose softmax mass (softmax over the top_k candidates, f32) reaches `top_p` (all when >= 1; never empty).
    The random number is u = (top 24 bits of output number position + 1 of splitmix64 seeded with `seed`) / 2^24. The token is the first candidate, in INDEX order, whose running
    sum of exp(z - max z) exceeds u * total; the last candidate if none does.

    Constraints:
    - C1: `logits` has rank 2.
    - C2: every other operand and the result are `[R]`.

    ```mlir
    %3 = deepseek.sample %logits, %temperature, %top_k, %top_p, %seed, %positions : (tensor<8x1024xf32>, tensor<8xf32>, tensor<8xi32>, tensor<8xf32>, tensor<8xi64>, tensor<8xi32>) -> tensor<8xi32>
    ```
  }];
  let arguments = (ins RankedF32:$logits, RankedF32:$temperature, RankedI32:$topK, RankedF32:$topP, RankedTensorOf<[I64]>:$seed,
                       RankedI32:$positions);
  let results = (outs RankedI32:$result);
  let assemblyFormat = [{
    $logits `,` $temperature `,` $topK `,` $topP `,` $seed `,` $positions attr-dict `:` functional-type(operands, $result) }];
  let hasVerifier = 1;
}

#endif
