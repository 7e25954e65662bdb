// FP8 block scaling.
#ifndef DEEPSEEK_QUANT_OPS_TD
#define DEEPSEEK_QUANT_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def QuantizeOp : DeepSeek_Op<"quantize", [Pure]> {
  let summary = "quantise to a block-scaled tensor";
  let description = [{
    For each block, in f32: `s = max(max|x|, 1e-4) / 448`; with ue8m0 `s = 2^ceil(log2 s)`; `data = e4m3(x / s)`, round to nearest even, saturating
    at +-448. Elements beyond a partial block's edge do not exist (they count as zero). Result block 1x128 (activations) or 128x128 (weights).

    Constraints:
    - C1: the result has the shape of `x`.
    - C2: the block is 1x128 or 128x128.

    ```mlir
    %0 = deepseek.quantize %x : tensor<8x300xbf16> -> !deepseek.block_scaled<8x300xf8E4M3FN, 1x128, f32>
    ```
  }];
  let arguments = (ins RankedFloat:$x);
  let results = (outs BlockScaledType:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def DequantizeOp : DeepSeek_Op<"dequantize", [Pure]> {
  let summary = "data times scale";
  let description = [{
    In f32, rounded once to the result's element type.

    Constraints:
    - C1: the result has the shape of `x`.

    ```mlir
    %1 = deepseek.dequantize %0 : !deepseek.block_scaled<8x300xf8E4M3FN, 1x128, f32> -> tensor<8x300xbf16>
    ```
  }];
  let arguments = (ins BlockScaledType:$x);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasVerifier = 1;
}

def PackScaledOp : DeepSeek_Op<"pack_scaled", [Pure]> {
  let summary = "view data and scales as one block-scaled tensor";
  let description = [{
    Constraints:
    - C1: `data` is the type's data.
    - C2: `scales` are the type's scales.

    ```mlir
    %0 = deepseek.pack_scaled %d, %s : tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32> -> !deepseek.block_scaled<4x200x300xf8E4M3FN, 128x128, ue8m0>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$data, RankedF32:$scales);
  let results = (outs BlockScaledType:$result);
  let assemblyFormat = "$data `,` $scales attr-dict `:` type($data) `,` type($scales) `->` type($result)";
  let hasVerifier = 1;
}

def UnpackScaledOp : DeepSeek_Op<"unpack_scaled", [Pure]> {
  let summary = "data and scales of a block-scaled tensor";
  let description = [{
    `unpack_scaled(pack_scaled(d, s))` folds to `d, s`.

    Constraints:
    - C1: `data` is the type's data.
    - C2: `scales` are the type's scales.

    ```mlir
    %1, %2 = deepseek.unpack_scaled %0 : !deepseek.block_scaled<4x200x300xf8E4M3FN, 128x128, ue8m0> -> tensor<4x200x300xf8E4M3FN>, tensor<4x2x3xf32>
    ```
  }];
  let arguments = (ins BlockScaledType:$x);
  let results = (outs AnyRankedTensor:$data, RankedF32:$scales);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($data) `,` type($scales)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif
