// Embedding, normalisation, linear projections and the elementwise operations between them.
#ifndef DEEPSEEK_LINEAR_OPS_TD
#define DEEPSEEK_LINEAR_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def EmbeddingOp : DeepSeek_Op<"embedding", [Pure]> {
  let summary = "rows of a table, chosen by token id";
  let description = [{ `result[t] = table[tokens[t]]`, converted to the result's element type. An id outside `[0, V)` gives row 0. }];
  let arguments = (ins RankedI32:$tokens, RankedFloat:$table);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$tokens `,` $table attr-dict `:` type($tokens) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def TakeRowsOp : DeepSeek_Op<"take_rows", [Pure]> {
  let summary = "rows of a tensor, chosen by index";
  let description = [{ `result[i] = x[rows[i]]`. An index outside `[0, T)` gives row 0. }];
  let arguments = (ins AnyRankedTensor:$x, RankedI32:$rows);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$x `,` $rows attr-dict `:` type($x) `,` type($rows) `->` type($result)";
  let hasVerifier = 1;
}

def RmsNormOp : DeepSeek_Op<"rms_norm", [Pure]> {
  let summary = "root-mean-square normalisation of the last dimension";
  let description = [{ `x * rsqrt(mean(x^2) + eps) * weight` in f32, rounded once to the result's element type. }];
  let arguments = (ins RankedFloat:$x, RankedFloat:$weight, F64Attr:$eps);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $weight `eps` $eps attr-dict `:` type($x) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def LayerNormOp : DeepSeek_Op<"layer_norm", [Pure]> {
  let summary = "layer normalisation of the last dimension (tutorial variants of MLA)";
  let description = [{ `(x - mean(x)) * rsqrt(var(x) + eps) * weight + bias` in f32 (biased variance), rounded once. }];
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
  }];
  let arguments = (ins FloatOrScaled:$x, FloatOrScaled:$weight);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $weight attr-dict `:` type($x) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def HeadLinearOp : DeepSeek_Op<"head_linear", [Pure]> {
  let summary = "one linear projection for each head";
  let description = [{ `result[t, h, n] = sum_k x[t, h, k] * w[h, n, k]`: x `[T, H, K]`, w `[H, N, K]`, result `[T, H, N]`; f32 accumulation. }];
  let arguments = (ins RankedFloat:$x, RankedFloat:$weight);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x `,` $weight attr-dict `:` type($x) `,` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def AddOp : DeepSeek_Op<"add", [Pure, Commutative, SameOperandsAndResultType]> {
  let summary = "residual addition";
  let description = [{ Adds in f32, rounds once to the element type. }];
  let arguments = (ins RankedFloat:$lhs, RankedFloat:$rhs);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def SwigluOp : DeepSeek_Op<"swiglu", [Pure]> {
  let summary = "silu(gate) * up";
  let description = [{ `gate / (1 + exp(-gate)) * up` in f32, rounded once to the result's element type. }];
  let arguments = (ins RankedFloat:$gate, RankedFloat:$up);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$gate `,` $up attr-dict `:` type($gate) `,` type($up) `->` type($result)";
  let hasVerifier = 1;
}

#endif
