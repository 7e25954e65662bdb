// Parameters of a model and the operations that depend on parameters alone.
#ifndef DEEPSEEK_PARAMETER_OPS_TD
#define DEEPSEEK_PARAMETER_OPS_TD

include "dialects/deepseek/DeepSeekTypes.td"

def ParameterOp : DeepSeek_Op<"parameter", [Symbol]> {
  let summary = "declare a tensor of the checkpoint, or one derived from it at load";
  let description = [{
    The symbol is the checkpoint's own tensor name. With `derived`, `@initialize` computes the tensor once at load.
    ```mlir
    deepseek.parameter @"model.norm.weight" : tensor<256xbf16>
    deepseek.parameter @"model.layers.0.self_attn.qkv_a" derived : tensor<272x256xbf16>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type, UnitAttr:$derived);
  let assemblyFormat = "$sym_name (`derived` $derived^)? attr-dict `:` $type";
}

def LoadParameterOp : DeepSeek_Op<"load_parameter", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter";
  let description = [{
    ```mlir
    %w = deepseek.load_parameter @"model.norm.weight" : tensor<256xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def StoreParameterOp : DeepSeek_Op<"store_parameter", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "define a derived parameter (in @initialize only)";
  let description = [{
    ```mlir
    deepseek.store_parameter %x, @"qkv a" : tensor<256x8xbf16>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$value, FlatSymbolRefAttr:$parameter);
  let assemblyFormat = "$value `,` $parameter attr-dict `:` type($value)";
}

def ConcatOp : DeepSeek_Op<"concat", [Pure]> {
  let summary = "concatenate tensors along one dimension";
  let description = [{
    All inputs have the result's shape except along `dim`. Of parameters along a leading dimension it costs nothing: the tensors are loaded
    into slices of one buffer.
    ```mlir
    %qkv = deepseek.concat %q_a, %kv_a dim 0 : (tensor<128x256xbf16>, tensor<144x256xbf16>) -> tensor<272x256xbf16>
    ```

    Constraints:
    - C1: at least one input; `dim` is one of its dimensions.
    - C2: ranks, element types and all other dimensions agree.
    - C3: the result is the concatenation.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$dim);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$inputs `dim` $dim attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def StackOp : DeepSeek_Op<"stack", [Pure]> {
  let summary = "stack equally shaped tensors along a new leading dimension (the experts of a layer)";
  let description = [{
    Constraints:
    - C1: at least one input; all types agree.
    - C2: the result has the number of inputs as leading dimension.

    ```mlir
    %1 = deepseek.stack %a, %a : (tensor<128x256xbf16>, tensor<128x256xbf16>) -> tensor<2x128x256xbf16>
    ```
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type($inputs, $result)";
  let hasVerifier = 1;
}

def AbsorbKeyOp : DeepSeek_Op<"absorb_key", [Pure]> {
  let summary = "the key half of kv_b_proj, as the weight that turns q_nope into a latent query";
  let description = [{
    `w` is kv_b_proj, `[H*(dn+dv), r]` (dequantised first if it is block-scaled). `result[h, c, d] = w[h*(dn+dv) + d, c]`, rounded to
    the result's element type. Use: `q_latent[t, h] = head_linear(q_nope, result)`.

    Constraints:
    - C1: `nope` and `value` are positive.
    - C2: the rows of `weight` are a multiple of nope + value.
    - C3: the result is `[H, r, nope]`.

    ```mlir
    %0 = deepseek.absorb_key %w nope 32 value 32 : tensor<256x64xbf16> -> tensor<4x64x32xbf16>
    ```
  }];
  let arguments = (ins FloatOrScaled:$weight, I64Attr:$nope, I64Attr:$value);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$weight `nope` $nope `value` $value attr-dict `:` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

def AbsorbValueOp : DeepSeek_Op<"absorb_value", [Pure]> {
  let summary = "the value half of kv_b_proj, as the weight that turns a latent output into head outputs";
  let description = [{
    `result[h, v, c] = w[h*(dn+dv) + dn + v, c]`, rounded to the result's element type. Use: `head_linear(o_latent, result)`.

    Constraints:
    - C1: `nope` and `value` are positive.
    - C2: the rows of `weight` are a multiple of nope + value.
    - C3: the result is `[H, value, r]`.

    ```mlir
    %1 = deepseek.absorb_value %s nope 32 value 32 : !deepseek.block_scaled<256x64xf8E4M3FN, 128x128, f32> -> tensor<4x32x64xbf16>
    ```
  }];
  let arguments = (ins FloatOrScaled:$weight, I64Attr:$nope, I64Attr:$value);
  let results = (outs RankedFloat:$result);
  let assemblyFormat = "$weight `nope` $nope `value` $value attr-dict `:` type($weight) `->` type($result)";
  let hasVerifier = 1;
}

#endif
