// Embedding, normalisation, linear projections and the elementwise operations between them.
#ifndef DEEPSEEK_LINEAR_OPS_TD
#define DEEPSEEK_LINEAR_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def EmbeddingOp : DeepSeek_Op<"embedding", [Pure]> {
  let summary = "rows of a table, chosen by token id";
  let description = [{
    `result[t] = table[tokens[t]]`, converted to the result's element type. An id outside `[0, V)` gives row 0.

    Constraints:
    - C1: `tokens` has rank 1, `table` rank 2.
    - C2: the result is `[T, D]`.

    ```mlir
    %0 = deepseek.embedding %tokens, %table : tensor<8xi32>, tensor<1024x256xbf16> -> tensor<8x256xf32>
    ```
  }];
  let arguments = (ins RankedI32:$tokens, RankedFloat:$table);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$tokens `,` $table attr-dict `:` type($tokens) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def TakeRowsOp : DeepSeek_Op<"take_rows", [Pure]> {
  let summary = "rows of a tensor, chosen by index";
  let description = [{
    `result[i] = x[rows[i]]`. An index outside `[0, T)` gives row 0.

    Constraints:
    - C1: `rows` has rank 1.
    - C2: the result is `x` with `R` as first dimension, and has its element type.

    ```mlir
    %0 = deepseek.take_rows %x, %rows : tensor<128x256xbf16>, tensor<8xi32> -> tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$x, RankedI32:$rows);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x `,` $rows attr-dict `:` type($x) `,` type($rows) `->` type($result)";
  let hasVerifier = 1;
}

def RmsNormOp : DeepSeek_Op<"rms_norm", [Pure]> {
  let summary = "root-mean-square normalisation of the last dimension";
  let description = [{
    `x * rsqrt(mean(x^2) + eps) * weight` in f32, rounded once to the result's element type.

    Constraints:
    - C1: `weight` has the size of the last dimension of `x`.
    - C2: the result has the shape of `x`.
    - C3: `eps` is finite and not negative.

    ```mlir
    %0 = deepseek.rms_norm %x, %w eps 1.0e-06 : tensor<8x256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$x, RankedFloat:$weight, F64Attr:$eps);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $weight `eps` $eps attr-dict `:` type($x) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def LayerNormOp : DeepSeek_Op<"layer_norm", [Pure]> {
  let summary = "layer normalisation of the last dimension (tutorial variants of MLA)";
  let description = [{
    `(x - mean(x)) * rsqrt(var(x) + eps) * weight + bias` in f32 (biased variance), rounded once.

    Constraints:
    - C1: `weight` and `bias` have the size of the last dimension of `x`.
    - C2: the result has the shape of `x`.
    - C3: `eps` is finite and not negative.

    ```mlir
    %1 = deepseek.layer_norm %x, %w, %b eps 1.0e-05 : tensor<8x256xbf16>, tensor<256xbf16>, tensor<256xbf16> -> tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$x, RankedFloat:$weight, RankedFloat:$bias, F64Attr:$eps);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = [{
    $x `,` $weight `,` $bias `eps` $eps attr-dict `:` type($x) `,` type($weight) `,` type($bias) `->` type($result) }];
  let hasVerifier = 1;
}

def LinearOp : DeepSeek_Op<"linear", [Pure]> {
  let summary = "x W^T, plain or block-scaled";
  let description = [{
    `x` is `[T, K]`, `w` is `[N, K]`, the result `[T, N]`. Accumulates in f32 and rounds once to the result's element type.
    Block-scaled: both operands are, x with block 1x128, w with 128x128, equal scale formats; partial sums over 128 channels
    are multiplied by both scales in f32.

    Constraints:
    - C1: ranks are 2 and the reduction sizes agree.
    - C2: the result is `[T, N]`.
    - C3: both operands are block-scaled, or neither.
    - C4: scale formats agree.
    - C5: blocks are 1x128 and 128x128.

    ```mlir
    %0 = deepseek.linear %x, %w : tensor<8x256xf32>, tensor<128x256xbf16> -> tensor<8x128xf32>
    ```
  }];
  let arguments = (ins FloatOrScaled:$x, FloatOrScaled:$weight);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $weight attr-dict `:` type($x) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def HeadLinearOp : DeepSeek_Op<"head_linear", [Pure]> {
  let summary = "one linear projection for each head";
  let description = [{
    `result[t, h, n] = sum_k x[t, h, k] * w[h, n, k]`: x `[T, H, K]`, w `[H, N, K]`, result `[T, H, N]`; f32 accumulation.

    Constraints:
    - C1: ranks are 3.
    - C2: heads and reduction sizes agree.
    - C3: the result is `[T, H, N]`.

    ```mlir
    %0 = deepseek.head_linear %x, %w : tensor<8x4x32xbf16>, tensor<4x64x32xbf16> -> tensor<8x4x64xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$x, RankedFloat:$weight);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $weight attr-dict `:` type($x) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def AddOp : DeepSeek_Op<"add", [Pure, Commutative, SameOperandsAndResultType]> {
  let summary = "residual addition";
  let description = [{
    Adds in f32, rounds once to the element type.

    ```mlir
    %0 = deepseek.add %x, %y : tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$lhs, RankedFloat:$rhs);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def SwigluOp : DeepSeek_Op<"swiglu", [Pure]> {
  let summary = "silu(gate) * up";
  let description = [{
    `gate / (1 + exp(-gate)) * up` in f32, rounded once to the result's element type.

    Constraints:
    - C1: `gate`, `up` and the result have one shape.

    ```mlir
    %1 = deepseek.swiglu %0, %y : tensor<8x256xbf16>, tensor<8x256xbf16> -> tensor<8x256xbf16>
    ```
  }];
  let arguments = (ins RankedFloat:$gate, RankedFloat:$up);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($gate) `,` type($up) `->` type($result)";
  let hasVerifier = 1;
}

#endif
