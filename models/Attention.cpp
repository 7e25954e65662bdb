// Multi-head latent attention of one layer, in its naive form.
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "models/GraphBuilder.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::models;

/// Elements [begin, begin + size) of the last dimension.
Value GraphBuilder::columns(Value x, int64_t begin, int64_t size, StringRef name) {
  SmallVector<int64_t> shape(cast<RankedTensorType>(x.getType()).getShape());
  SmallVector<OpFoldResult> offsets(shape.size(), builder.getIndexAttr(0)),
      strides(shape.size(), builder.getIndexAttr(1));
  offsets.back() = builder.getIndexAttr(begin);
  shape.back() = size;
  return tensor::ExtractSliceOp::create(builder, loc(name), activations(shape), x, offsets,
                                        getAsIndexOpFoldResult(builder.getContext(), shape), strides);
}

Value GraphBuilder::latentNorm(Value x, StringRef name, StringRef valueName) {
  const LatentNormConfig &norm = config.latentNorm;
  if (norm.kind == LatentNorm::Rms)
    return rmsNorm(x, name, norm.eps, valueName);
  Value weight = parameter((name + ".weight").str(), {widthOf(x)}, storage);
  Value bias = parameter((name + ".bias").str(), {widthOf(x)}, storage);
  return LayerNormOp::create(builder, loc(valueName), x.getType(), x, weight, bias, builder.getF64FloatAttr(norm.eps));
}

/// q_nope [T, heads, nope] and the rotated q_rope [T, heads, rope].
std::pair<Value, Value> GraphBuilder::query(const LinearInput &x, StringRef prefix, const EntryValues &entry) {
  int64_t tokens = rowsOf(x.plain), head = config.nope + config.rope;
  Value q;
  if (config.qLoraRank == 0) {
    q = linear(x, (prefix + "q_proj").str(), config.heads * head, "q", activation);
  } else {
    Value compressed = linear(x, (prefix + "q_a_proj").str(), config.qLoraRank, "q_a", activation);
    Value latent = latentNorm(compressed, (prefix + "q_a_layernorm").str(), "q_latent");
    q = linear(linearInput(latent, "q_latent"), (prefix + "q_b_proj").str(), config.heads * head, "q", activation);
  }
  ReassociationIndices rows{0}, heads{1, 2};
  q = tensor::ExpandShapeOp::create(builder, loc("q_heads"), activations({tokens, config.heads, head}), q,
                                    ArrayRef<ReassociationIndices>{rows, heads});
  Value nope = columns(q, 0, config.nope, "q_nope");
  Value pe = columns(q, config.nope, config.rope, "q_pe");
  Value rope = RopeOp::create(builder, loc("q_rope"), pe.getType(), pe, entry.angles, config.rotary.layout);
  return {nope, rope};
}

/// Compresses x to its latent and shared rotary key and writes both to the cache.
void GraphBuilder::appendLatent(const LinearInput &x, StringRef prefix, int64_t layer, const EntryValues &entry) {
  Value compressed = linear(x, (prefix + "kv_a_proj_with_mqa").str(), config.kvLoraRank + config.rope, "kv_a", activation);
  Value latent = columns(compressed, 0, config.kvLoraRank, "kv_compressed");
  if (!config.latentNorm.atRead)
    latent = latentNorm(latent, (prefix + "kv_a_layernorm").str(), "kv_latent");
  Value pe = columns(compressed, config.kvLoraRank, config.rope, "k_pe");
  Value rope = RopeOp::create(builder, loc("k_rope"), pe.getType(), pe, entry.angles, config.rotary.layout);
  LatentCacheAppendOp::create(builder, loc("cache_append"), latent, rope, entry.cache, layer, entry.positions,
                              entry.blockTable);
}

Value GraphBuilder::attention(Value x, int64_t layer, const EntryValues &entry) {
  std::string prefix = ("model.layers." + Twine(layer) + ".self_attn.").str();
  int64_t tokens = rowsOf(x), heads = config.heads;
  LinearInput input = linearInput(x, "attn_input");
  auto [qNope, qRope] = query(input, prefix, entry);
  appendLatent(input, prefix, layer, entry);

  const LatentNormConfig &norm = config.latentNorm;
  Value normWeight, normBias;
  FloatAttr normEps;
  if (norm.atRead) {
    normEps = builder.getF64FloatAttr(norm.eps);
    normWeight = parameter(prefix + "kv_a_layernorm.weight", {config.kvLoraRank}, storage);
    if (norm.kind == LatentNorm::Layer)
      normBias = parameter(prefix + "kv_a_layernorm.bias", {config.kvLoraRank}, storage);
  }
  auto normKind = LatentNormAttr::get(builder.getContext(), norm.atRead ? norm.kind : LatentNorm::None);
  Value kvB = linearWeight(prefix + "kv_b_proj", heads * (config.nope + config.value), config.kvLoraRank);
  Value out = MlaOp::create(builder, loc("attn_heads"), activations({tokens, heads, config.value}), qNope, qRope,
                            entry.cache, builder.getI64IntegerAttr(layer), kvB, entry.positions, entry.blockTable,
                            builder.getF64FloatAttr(config.softmaxScale), normKind, normEps, normWeight, normBias);
  ReassociationIndices rows{0}, headsAndValues{1, 2};
  out = tensor::CollapseShapeOp::create(builder, loc("attn_values"), activations({tokens, heads * config.value}), out,
                                        ArrayRef<ReassociationIndices>{rows, headsAndValues});
  return linear(linearInput(out, "attn_values"), prefix + "o_proj", config.hidden, "attn_out", f32);
}
