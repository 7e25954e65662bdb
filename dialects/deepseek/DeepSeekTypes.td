// Types of the deepseek dialect.
#ifndef DEEPSEEK_TYPES_TD
#define DEEPSEEK_TYPES_TD

include "dialects/deepseek/DeepSeekAttrs.td"

class DeepSeek_Type<string name, string typeMnemonic> : TypeDef<DeepSeek_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def BlockScaledType : DeepSeek_Type<"BlockScaled", "block_scaled"> {
  let summary = "a tensor of narrow floats with one scale for each block";
  let description = [{
    `!deepseek.block_scaled<8x256xf8E4M3FN, 1x128, f32>`: data of the given shape, and one scale for each block of the last two
    dimensions (the last block of a dimension may be partial). The value of an element is `data * scale`. Scales are stored as f32
    in both formats; `ue8m0` promises that every scale is a power of two. The format is part of the type: mixing formats is a
    verifier error, converting is an explicit op.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        ArrayRefParameter<"int64_t">:$block, "::mlir::deepseek::ScaleFormat":$scaleFormat);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Type of the data: shape x element type.
    ::mlir::RankedTensorType getDataType() const;
    /// Type of the scales: leading dimensions, then the last two divided by the block, rounded up; f32.
    ::mlir::RankedTensorType getScaleType() const;
  }];
}

def LatentCacheType : DeepSeek_Type<"LatentCache", "latent_cache"> {
  let summary = "the paged cache of latents and roped keys of all layers";
  let description = [{
    A mutable resource, `[pages, layers, page, latent + rope]`. A record is one token of one layer: `latent` elements, then the
    `rope` elements of the shared key. Operations that append to it or read it carry memory effects.
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$page, "int64_t":$latent, "int64_t":$rope, "::mlir::Type":$element);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def FutureType : DeepSeek_Type<"Future", "future"> {
  let summary = "the pending result of a collective that was started";
  let parameters = (ins "::mlir::RankedTensorType":$result);
  let assemblyFormat = "`<` $result `>`";
}

def RankedFloat : RankedTensorOf<[F32, BF16, F16]>;
def TensorOrScaled : AnyTypeOf<[AnyRankedTensor, BlockScaledType]>;
def FloatOrScaled : AnyTypeOf<[RankedFloat, BlockScaledType]>;
def RankedI32 : RankedTensorOf<[I32]>;
def RankedF32 : RankedTensorOf<[F32]>;

#endif
