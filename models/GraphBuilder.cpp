// Parameters, linear projections and locations.
#include "models/GraphBuilder.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::models;

static Type storageType(OpBuilder &builder, StorageType type) {
  switch (type) {
  case StorageType::BF16:
    return builder.getBF16Type();
  case StorageType::F16:
    return builder.getF16Type();
  case StorageType::F32:
    return builder.getF32Type();
  }
  llvm_unreachable("all storage types are listed");
}

GraphBuilder::GraphBuilder(ModuleOp module, const ModelConfig &config, const ImportOptions &options)
    : config(config), options(options), builder(module.getContext()),
      activation(options.activation == ActivationType::BF16 ? Type(builder.getBF16Type()) : builder.getF32Type()),
      storage(storageType(builder, config.storage)), f32(builder.getF32Type()), i32(builder.getI32Type()),
      module(module), scope(builder.getUnknownLoc()) {}

void GraphBuilder::setScope(const Twine &name) { scope = NameLoc::get(builder.getStringAttr(name)); }

Location GraphBuilder::loc(StringRef name) { return NameLoc::get(builder.getStringAttr(name), scope); }

BlockScaledType GraphBuilder::scaledType(ArrayRef<int64_t> shape, ArrayRef<int64_t> block) const {
  return BlockScaledType::get(f32.getContext(), shape, Float8E4M3FNType::get(f32.getContext()), block,
                              *config.scaleFormat);
}

std::string models::inferenceTensorName(StringRef name) {
  name.consume_front("model.");
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  for (StringRef &part : parts)
    part = llvm::StringSwitch<StringRef>(part)
               .Case("self_attn", "attn")
               .Case("mlp", "ffn")
               .Case("weight_scale_inv", "scale")
               .Case("e_score_correction_bias", "bias")
               .Case("embed_tokens", "embed")
               .Case("input_layernorm", "attn_norm")
               .Case("post_attention_layernorm", "ffn_norm")
               .Case("q_proj", "wq")
               .Case("q_a_proj", "wq_a")
               .Case("q_a_layernorm", "q_norm")
               .Case("q_b_proj", "wq_b")
               .Case("kv_a_proj_with_mqa", "wkv_a")
               .Case("kv_a_layernorm", "kv_norm")
               .Case("kv_b_proj", "wkv_b")
               .Case("o_proj", "wo")
               .Case("gate_proj", "w1")
               .Case("down_proj", "w2")
               .Case("up_proj", "w3")
               .Case("lm_head", "head")
               .Default(part);
  return llvm::join(parts, ".");
}

/// "model.layers.0.self_attn.q_a_proj" is "q_a_proj" within its scope.
static StringRef leaf(StringRef name) { return name.substr(name.rfind('.') + 1); }

Value GraphBuilder::parameter(StringRef name, ArrayRef<int64_t> shape, Type element) {
  StringRef valueName = leaf(name.rsplit('.').first);
  std::string renamed;
  if (options.tensorNames == TensorNames::Inference)
    name = renamed = inferenceTensorName(name);
  RankedTensorType type = tensor(shape, element);
  if (declared.insert(name).second) {
    OpBuilder::InsertionGuard guard(builder);
    if (lastParameter)
      builder.setInsertionPointAfter(lastParameter);
    else
      builder.setInsertionPointToStart(module.getBody());
    lastParameter = ParameterOp::create(builder, builder.getUnknownLoc(), name, type, /*derived=*/false);
  }
  return LoadParameterOp::create(builder, loc(valueName), type, name);
}

Value GraphBuilder::linearWeight(StringRef name, int64_t out, int64_t in) {
  if (!blockScaled())
    return parameter((name + ".weight").str(), {out, in}, storage);
  BlockScaledType type = scaledType({out, in}, {128, 128});
  Value data = parameter((name + ".weight").str(), type.getShape(), type.getElementType());
  Value scales = parameter((name + ".weight_scale_inv").str(), type.getScaleType().getShape(), f32);
  return PackScaledOp::create(builder, loc(leaf(name)), type, data, scales);
}

Value GraphBuilder::expertWeights(function_ref<std::string(int64_t)> name, int64_t count, int64_t out, int64_t in) {
  auto stack = [&](StringRef suffix, ArrayRef<int64_t> shape, Type element) -> Value {
    SmallVector<Value> parts;
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(parameter(name(i) + suffix.str(), shape, element));
    SmallVector<int64_t> stacked{count};
    stacked.append(shape.begin(), shape.end());
    return StackOp::create(builder, loc("experts"), tensor(stacked, element), parts);
  };
  if (!blockScaled())
    return stack(".weight", {out, in}, storage);
  BlockScaledType one = scaledType({out, in}, {128, 128}), all = scaledType({count, out, in}, {128, 128});
  Value data = stack(".weight", one.getShape(), one.getElementType());
  Value scales = stack(".weight_scale_inv", one.getScaleType().getShape(), f32);
  return PackScaledOp::create(builder, loc("experts"), all, data, scales);
}

LinearInput GraphBuilder::linearInput(Value x, StringRef name) {
  if (!blockScaled())
    return {x, nullptr};
  ArrayRef<int64_t> shape = cast<RankedTensorType>(x.getType()).getShape();
  return {x, QuantizeOp::create(builder, loc((name + "_fp8").str()), scaledType(shape, {1, 128}), x)};
}

Value GraphBuilder::linear(const LinearInput &x, StringRef name, int64_t out, StringRef valueName, Type element) {
  Value weight = linearWeight(name, out, widthOf(x.plain));
  return LinearOp::create(builder, loc(valueName), tensor({rowsOf(x.plain), out}, element),
                          x.scaled ? x.scaled : x.plain, weight);
}

Value GraphBuilder::rmsNorm(Value x, StringRef name, double eps, StringRef valueName) {
  Value weight = parameter((name + ".weight").str(), {widthOf(x)}, storage);
  RankedTensorType type = tensor(cast<RankedTensorType>(x.getType()).getShape(), activation);
  return RmsNormOp::create(builder, loc(valueName), type, x, weight, builder.getF64FloatAttr(eps));
}
