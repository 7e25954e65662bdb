// Attributes of the deepseek dialect.
#ifndef DEEPSEEK_ATTRS_TD
#define DEEPSEEK_ATTRS_TD

include "dialects/deepseek/DeepSeekDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class DeepSeek_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::deepseek";
  let genSpecializedAttr = 0;
}
class DeepSeek_EnumAttr<I32EnumAttr e, string mnemonic> : EnumAttr<DeepSeek_Dialect, e, mnemonic>;

def ScaleFormatEnum : DeepSeek_Enum<"ScaleFormat", "format of the scales of a block-scaled tensor", [
  I32EnumAttrCase<"F32", 0, "f32">, I32EnumAttrCase<"UE8M0", 1, "ue8m0">]>;
def ScaleFormatAttr : DeepSeek_EnumAttr<ScaleFormatEnum, "scale_format">;

def RopeLayoutEnum : DeepSeek_Enum<"RopeLayout", "which elements rotary embedding pairs", [
  I32EnumAttrCase<"Interleaved", 0, "interleaved">, I32EnumAttrCase<"HalfSplit", 1, "half_split">]>;
def RopeLayoutAttr : DeepSeek_EnumAttr<RopeLayoutEnum, "rope_layout">;

def ScoringEnum : DeepSeek_Enum<"Scoring", "how gate logits become scores", [
  I32EnumAttrCase<"Softmax", 0, "softmax">, I32EnumAttrCase<"Sigmoid", 1, "sigmoid">]>;
def ScoringAttr : DeepSeek_EnumAttr<ScoringEnum, "scoring">;

def GroupScoreEnum : DeepSeek_Enum<"GroupScore", "how a group of experts is scored when groups are limited", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Max", 1, "max">, I32EnumAttrCase<"Top2Sum", 2, "top2_sum">]>;
def GroupScoreAttr : DeepSeek_EnumAttr<GroupScoreEnum, "group_score">;

def LatentNormEnum : DeepSeek_Enum<"LatentNorm", "normalisation applied to latents when the cache is read", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Rms", 1, "rms">, I32EnumAttrCase<"Layer", 2, "layer">]>;
def LatentNormAttr : DeepSeek_EnumAttr<LatentNormEnum, "latent_norm">;

def ReductionEnum : DeepSeek_Enum<"Reduction", "reduction of a collective", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">]>;
def ReductionAttr : DeepSeek_EnumAttr<ReductionEnum, "reduction">;

def YarnAttr : AttrDef<DeepSeek_Dialect, "Yarn"> {
  let mnemonic = "yarn";
  let summary = "rotary frequencies, plain or scaled by YaRN";
  let description = [{
    `theta` is the base. `factor` = 1 means plain rotary embedding; otherwise YaRN: frequencies are interpolated by `factor` where a
    dimension turns less than `beta_slow` times over `original_context`, kept where it turns more than `beta_fast` times, blended between.
    `magnitude` multiplies cosine and sine (1 for every published DeepSeek model; the softmax scale carries mscale).
    The C++ helper `inverseFrequencies(attr, dim)` (DeepSeekAttrs.h) is the one place that computes them, in float64.
  }];
  let parameters = (ins "::mlir::FloatAttr":$theta, "::mlir::FloatAttr":$factor, "int64_t":$originalContext,
                        "::mlir::FloatAttr":$betaFast, "::mlir::FloatAttr":$betaSlow, "::mlir::FloatAttr":$magnitude);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif
