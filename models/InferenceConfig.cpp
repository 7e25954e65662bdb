// The configs of DeepSeek's own inference code: short names, and defaults for everything but the width.
#include "models/ConfigParsers.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir::deepseek;
using namespace mlir::deepseek::models;

namespace {
void parseAttention(JsonFields &fields, ModelConfig &config) {
  config.heads = fields.integer("n_heads", 1, maxHeads, 16);
  config.qLoraRank = fields.integer("q_lora_rank", 0, maxWidth, 0);
  config.kvLoraRank = fields.integer("kv_lora_rank", 1, maxWidth, 512);
  config.nope = fields.integer("qk_nope_head_dim", 1, maxWidth, 128);
  config.rope = fields.integer("qk_rope_head_dim", 2, maxWidth, 64);
  config.value = fields.integer("v_head_dim", 1, maxWidth, 128);
  if (config.rope % 2 != 0)
    fields.refuse("qk_rope_head_dim", "an even number (rotary embedding turns pairs)");
}

/// YaRN, with the softmax scale that goes with it, applies only beyond the original context.
void parseRotary(JsonFields &fields, ModelConfig &config) {
  RopeConfig &rotary = config.rotary;
  config.maxPositions = fields.integer("max_seq_len", 1, maxContextLength, 4 * 4096);
  config.softmaxScale = 1.0 / std::sqrt(double(config.nope + config.rope));
  rotary.theta = fields.number("rope_theta", 1.0 + 1e-6, 1e12, 10000.0);
  rotary.originalContext = fields.integer("original_seq_len", 1, maxContextLength, 4096);
  rotary.betaFast = fields.number("beta_fast", 1e-6, 1e6, 32.0);
  rotary.betaSlow = fields.number("beta_slow", 1e-6, 1e6, 1.0);
  if (rotary.betaSlow > rotary.betaFast)
    fields.refuse("beta_slow", "at most beta_fast = " + numberText(rotary.betaFast));
  double factor = fields.number("rope_factor", 1.0, 1e6, 40.0), mscale = fields.number("mscale", 0.0, 1e3, 1.0);
  if (config.maxPositions <= rotary.originalContext)
    return;
  rotary.factor = factor;
  config.softmaxScale *= std::pow(yarnMagnitude(factor, mscale), 2);
}

void parseExperts(JsonFields &fields, ModelConfig &config) {
  MoeConfig &moe = config.moe;
  config.intermediate = fields.integer("inter_dim", 1, maxWidth, 10944);
  moe.intermediate = fields.integer("moe_inter_dim", 1, maxWidth, 1408);
  moe.firstMoeLayer = fields.integer("n_dense_layers", 0, maxLayers, 1);
  moe.experts = fields.integer("n_routed_experts", 1, maxExperts, 64);
  moe.sharedExperts = fields.integer("n_shared_experts", 1, maxExperts, 2);
  moe.expertsPerToken = fields.integer("n_activated_experts", 1, maxExperts, 6);
  moe.groups = fields.integer("n_expert_groups", 1, maxExperts, 1);
  moe.groupsPerToken = fields.integer("n_limited_groups", 1, maxExperts, 1);
  moe.scale = fields.number("route_scale", -1e6, 1e6, 1.0);
  bool sigmoid = fields.choice("score_func", {"softmax", "sigmoid"}, "softmax") == "sigmoid";
  moe.scoring = sigmoid ? Scoring::Sigmoid : Scoring::Softmax;
  moe.normalize = sigmoid;
  // That code has no field for the correction bias: it gives one to models of this width, and to no others.
  moe.correctionBias = config.hidden == 7168;
  if (moe.groups == 1)
    moe.groupsPerToken = 1;
  else
    moe.groupScore = moe.correctionBias ? GroupScore::Top2Sum : GroupScore::Max;
  checkExpertGroups(fields, {"n_routed_experts", "n_activated_experts", "n_expert_groups", "n_limited_groups"}, config);
}
} // namespace

void models::parseInferenceConfig(JsonFields &fields, ModelConfig &config,
                                  llvm::SmallVectorImpl<std::string> &warnings) {
  for (llvm::StringRef sparse : {"index_n_heads", "index_head_dim", "index_topk"})
    if (fields.has(sparse))
      fields.refuse(sparse, "no such field (sparse attention is not supported)");
  config.vocab = fields.integer("vocab_size", 1, maxVocab, 102400);
  config.hidden = fields.integer("dim", 1, maxWidth);
  config.layers = fields.integer("n_layers", 1, maxLayers, 27);
  parseAttention(fields, config);
  parseRotary(fields, config);
  parseExperts(fields, config);
  bool fp8 = fields.choice("dtype", {"bf16", "fp8"}, "bf16") == "fp8";
  bool powersOfTwo = fields.choice("scale_fmt", {"ue8m0"}, "") == "ue8m0";
  if (powersOfTwo && !fp8)
    fields.refuse("scale_fmt", "no such field without dtype \"fp8\"");
  if (fp8)
    config.scaleFormat = powersOfTwo ? ScaleFormat::UE8M0 : ScaleFormat::F32;
  fields.ignore({"max_batch_size"});
  fields.warnUnknown(warnings);
}
