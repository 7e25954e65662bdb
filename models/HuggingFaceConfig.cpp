// config.json of a Hugging Face repository: DeepSeek-V2, V2-Lite, Coder-V2, V3, R1, V3.1, and the tutorial variant.
// Where implementations differ, the choice and its reason are in models/README.md.
#include "models/ConfigParsers.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir::deepseek;
using namespace mlir::deepseek::models;
using nlohmann::json;

namespace {
// Published fields that do not change the computation, or that only describe training or the Python classes.
constexpr llvm::StringLiteral ignoredFields[] = {
    "_attn_implementation_autoset", "_name_or_path", "architectures", "attention_dropout", "auto_map", "aux_loss_alpha",
    "ep_size", "initializer_range", "num_nextn_predict_layers", "pad_token_id", "pretraining_tp",
    "router_aux_loss_coef", "seq_aux", "transformers_version", "use_cache", "head_dim",
    // transformers' base class writes these into any config.
    "add_cross_attention", "bad_words_ids", "begin_suppress_tokens", "chunk_size_feed_forward",
    "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample", "early_stopping",
    "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "finetuning_task", "forced_bos_token_id",
    "forced_eos_token_id", "id2label", "is_decoder", "is_encoder_decoder", "label2id", "length_penalty", "max_length",
    "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences", "output_attentions",
    "output_hidden_states", "output_router_logits", "output_scores", "prefix", "problem_type", "pruned_heads",
    "remove_invalid_values", "repetition_penalty", "return_dict", "return_dict_in_generate", "sep_token_id",
    "suppress_tokens", "task_specific_params", "temperature", "tf_legacy_loss", "tokenizer_class", "top_k", "top_p",
    "torchscript", "typical_p", "use_bfloat16"};

/// A field that may only have the value that every published model has.
void requireFalse(JsonFields &fields, llvm::StringRef field) {
  if (fields.boolean(field, false))
    fields.refuse(field, "false (no published model has such parameters)");
}

void parseSizes(JsonFields &fields, ModelConfig &config) {
  config.vocab = fields.integer("vocab_size", 1, maxVocab);
  config.hidden = fields.integer("hidden_size", 1, maxWidth);
  config.layers = fields.integer("num_hidden_layers", 1, maxLayers);
  config.maxPositions = fields.integer("max_position_embeddings", 1, maxContextLength);
  config.normEps = fields.number("rms_norm_eps", 1e-30, 1.0, 1e-6);
  config.tiedEmbeddings = fields.boolean("tie_word_embeddings", false);
  fields.choice("hidden_act", {"silu"}, "silu");
  requireFalse(fields, "attention_bias");
  requireFalse(fields, "mlp_bias");
}

void parseAttention(JsonFields &fields, ModelConfig &config) {
  config.heads = fields.integer("num_attention_heads", 1, maxHeads);
  if (fields.integer("num_key_value_heads", 1, maxHeads, config.heads) != config.heads)
    fields.refuse("num_key_value_heads",
                  llvm::formatv("num_attention_heads = {0} (MLA expands the latent for every head)", config.heads));
  config.qLoraRank = fields.integer("q_lora_rank", 0, maxWidth, 0);
  config.kvLoraRank = fields.integer("kv_lora_rank", 1, maxWidth);
  config.nope = fields.integer("qk_nope_head_dim", 1, maxWidth);
  config.rope = fields.integer("qk_rope_head_dim", 2, maxWidth);
  config.value = fields.integer("v_head_dim", 1, maxWidth);
  if (config.rope % 2 != 0)
    fields.refuse("qk_rope_head_dim", "an even number (rotary embedding turns pairs)");
  if (fields.integer("qk_head_dim", 1, 2 * maxWidth, config.nope + config.rope) != config.nope + config.rope)
    fields.refuse("qk_head_dim", llvm::formatv("qk_nope_head_dim + qk_rope_head_dim = {0}", config.nope + config.rope));

  LatentNormConfig &norm = config.latentNorm;
  bool layerNorm = fields.choice("latent_norm", {"rms_norm", "layer_norm"}, "rms_norm") == "layer_norm";
  norm.kind = layerNorm ? LatentNorm::Layer : LatentNorm::Rms;
  norm.eps = fields.number("latent_norm_eps", 1e-30, 1.0, layerNorm ? 1e-5 : config.normEps);
  norm.atRead = fields.choice("latent_norm_position", {"cache_write", "cache_read"}, "cache_write") == "cache_read";
}

/// Scaled by YaRN: `scaling` are the fields of rope_scaling or rope_parameters.
void parseYarn(JsonFields &scaling, ModelConfig &config) {
  RopeConfig &rotary = config.rotary;
  rotary.factor = scaling.number("factor", 1.0, 1e6);
  rotary.originalContext = scaling.integer("original_max_position_embeddings", 1, maxContextLength);
  rotary.betaFast = scaling.number("beta_fast", 1e-6, 1e6, 32.0);
  rotary.betaSlow = scaling.number("beta_slow", 1e-6, 1e6, 1.0);
  if (rotary.betaSlow > rotary.betaFast)
    scaling.refuse("beta_slow", "at most beta_fast = " + numberText(rotary.betaFast));
  if (!scaling.boolean("truncate", true))
    scaling.refuse("truncate", "true (the range of blended frequencies is rounded to whole dimensions)");
  double mscale = scaling.number("mscale", 0.0, 1e3, 0.0), allDims = scaling.number("mscale_all_dim", 0.0, 1e3, 0.0);
  double both = yarnMagnitude(rotary.factor, mscale) / yarnMagnitude(rotary.factor, allDims);
  double fallback = mscale > 0 && allDims > 0 ? both : yarnMagnitude(rotary.factor, 1.0);
  rotary.magnitude = scaling.number("attention_factor", 1e-6, 1e6, fallback);
  if (allDims > 0)
    config.softmaxScale *= std::pow(yarnMagnitude(rotary.factor, allDims), 2);
}

void parseRotary(JsonFields &fields, llvm::StringRef path, ModelConfig &config,
                 llvm::SmallVectorImpl<std::string> &warnings) {
  RopeConfig &rotary = config.rotary;
  config.softmaxScale = 1.0 / std::sqrt(double(config.nope + config.rope));
  rotary.layout = fields.boolean("rope_interleave", true) ? RopeLayout::Interleaved : RopeLayout::HalfSplit;
  double theta = fields.number("rope_theta", 1.0 + 1e-6, 1e12, 10000.0);
  bool yarn = false;
  const json *old = fields.nested("rope_scaling"), *current = fields.nested("rope_parameters");
  if (old && current && *old != *current)
    fields.refuse("rope_scaling", "only one of rope_scaling and rope_parameters, or equal ones");
  if (const json *object = current ? current : old) {
    JsonFields scaling(*object, path, current ? "rope_parameters." : "rope_scaling.");
    scaling.ignore({"finetuned"});
    theta = scaling.number("rope_theta", 1.0 + 1e-6, 1e12, theta);
    llvm::StringRef kindField = scaling.has("rope_type") ? "rope_type" : "type";
    yarn = scaling.choice(kindField, {"default", "yarn"}, "default") == "yarn";
    scaling.ignore({"type"});
    if (yarn)
      parseYarn(scaling, config);
    if (fields.has("rope_theta") && scaling.has("rope_theta") && fields.number("rope_theta", 0, 1e12) != theta)
      scaling.refuse("rope_theta", "the same value as the top level's rope_theta");
    scaling.warnUnknown(warnings);
    fields.adopt(scaling);
  }
  // Frequencies of a wider head, cut to the rotary elements: theta^(-2i/wide) = (theta^(rope/wide))^(-2i/rope).
  int64_t wide = fields.integer("rope_frequency_dim", config.rope, 2 * maxWidth, config.rope);
  if (yarn && wide != config.rope)
    fields.refuse("rope_frequency_dim", llvm::formatv("qk_rope_head_dim = {0} with YaRN", config.rope));
  rotary.theta = wide == config.rope ? theta : std::pow(theta, double(config.rope) / double(wide));
}

/// Which experts a token goes to. Only these combinations exist; others have no defined meaning.
void parseRouting(JsonFields &fields, bool v3, ModelConfig &config, llvm::SmallVectorImpl<std::string> &warnings,
                  llvm::StringRef path) {
  MoeConfig &moe = config.moe;
  std::string method = fields.choice("topk_method", {"greedy", "gready", "group_limited_greedy", "noaux_tc"},
                                     v3 ? "noaux_tc" : "greedy");
  bool biased = method == "noaux_tc", grouped = biased || method == "group_limited_greedy";
  llvm::StringRef scoring = biased ? "sigmoid" : "softmax";
  if (v3 && !biased)
    fields.refuse("topk_method", "\"noaux_tc\", the routing of deepseek_v3");
  if (fields.choice("scoring_func", {"softmax", "sigmoid"}, scoring) != scoring)
    fields.refuse("scoring_func", "\"" + scoring + "\" with topk_method \"" + method + "\"");
  moe.scoring = biased ? Scoring::Sigmoid : Scoring::Softmax;
  moe.correctionBias = biased;
  moe.groups = fields.integer("n_group", 1, maxExperts, 1);
  moe.groupsPerToken = fields.integer("topk_group", 1, maxExperts, 1);
  if (!grouped || moe.groups == 1)
    moe.groups = moe.groupsPerToken = 1;
  else
    moe.groupScore = biased ? GroupScore::Top2Sum : GroupScore::Max;
  moe.normalize = fields.boolean("norm_topk_prob", biased);
  moe.scale = fields.number("routed_scaling_factor", -1e6, 1e6, 1.0);
  if (!biased && moe.normalize) {
    // The code published with V2 scales only weights that it does not normalise.
    warnings.push_back(
        llvm::formatv("{0}: field 'norm_topk_prob' is true with softmax scores: weights are normalised and "
                      "routed_scaling_factor = {1} is not applied, as in the code published with V2",
                      path, numberText(moe.scale)));
    moe.scale = 1.0;
  }
}

void parseExperts(JsonFields &fields, bool v3, llvm::StringRef path, ModelConfig &config,
                  llvm::SmallVectorImpl<std::string> &warnings) {
  MoeConfig &moe = config.moe;
  moe.experts = fields.integer("n_routed_experts", 0, maxExperts, 0);
  bool present = moe.experts > 0;
  moe.sharedExperts = fields.integer("n_shared_experts", 0, maxExperts, 0);
  moe.firstMoeLayer = fields.integer("first_k_dense_replace", 0, maxLayers, 0);
  moe.layerFrequency = fields.integer("moe_layer_freq", 1, maxLayers, 1);
  // Sizes of parts that the model lacks need not be there.
  auto optional = [](bool needed) { return needed ? std::nullopt : std::optional<int64_t>(1); };
  moe.intermediate = fields.integer("moe_intermediate_size", 1, maxWidth, optional(present));
  moe.expertsPerToken = fields.integer("num_experts_per_tok", 1, maxExperts, optional(present));
  bool dense = !present || moe.firstMoeLayer > 0 || moe.layerFrequency > 1;
  config.intermediate = fields.integer("intermediate_size", 1, maxWidth, optional(dense));
  llvm::SmallVector<std::string> notes;
  parseRouting(fields, v3, config, notes, path);
  if (!present)
    return;
  warnings.append(notes.begin(), notes.end());
  checkExpertGroups(fields, {"n_routed_experts", "num_experts_per_tok", "n_group", "topk_group"}, config);
}

void parseStorage(JsonFields &fields, llvm::StringRef path, ModelConfig &config,
                  llvm::SmallVectorImpl<std::string> &warnings) {
  llvm::StringRef field = fields.has("dtype") ? "dtype" : "torch_dtype";
  std::string dtype = fields.choice(field, {"bfloat16", "float16", "float32"}, "bfloat16");
  fields.ignore({"torch_dtype"});
  config.storage = dtype == "float32" ? StorageType::F32 : dtype == "float16" ? StorageType::F16 : StorageType::BF16;
  const json *object = fields.nested("quantization_config");
  if (!object)
    return;
  JsonFields quantization(*object, path, "quantization_config.");
  if (!quantization.has("quant_method"))
    quantization.refuse("quant_method", "\"fp8\"");
  quantization.choice("quant_method", {"fp8"}, "fp8");
  quantization.choice("fmt", {"e4m3"}, "e4m3");
  quantization.choice("activation_scheme", {"dynamic"}, "dynamic");
  const json *block = quantization.find("weight_block_size");
  if (!block || *block != json({128, 128}))
    quantization.refuse("weight_block_size", "[128, 128]");
  bool powersOfTwo = quantization.choice("scale_fmt", {"ue8m0", "float"}, "float") == "ue8m0";
  config.scaleFormat = powersOfTwo ? ScaleFormat::UE8M0 : ScaleFormat::F32;
  quantization.ignore({"modules_to_not_convert", "dequantize"});
  quantization.warnUnknown(warnings);
  fields.adopt(quantization);
}
} // namespace

void models::parseHuggingFaceConfig(JsonFields &fields, llvm::StringRef path, ModelConfig &config,
                                    llvm::SmallVectorImpl<std::string> &warnings) {
  if (!fields.has("model_type"))
    fields.refuse("model_type", "\"deepseek_v2\" or \"deepseek_v3\"");
  bool v3 = fields.choice("model_type", {"deepseek_v2", "deepseek_v3"}, "deepseek_v3") == "deepseek_v3";
  for (llvm::StringRef sparse : {"index_n_heads", "index_head_dim", "index_topk"})
    if (fields.has(sparse))
      fields.refuse(sparse, "no such field (sparse attention is not supported)");
  parseSizes(fields, config);
  parseAttention(fields, config);
  parseRotary(fields, path, config, warnings);
  parseExperts(fields, v3, path, config, warnings);
  parseStorage(fields, path, config, warnings);

  llvm::SmallVector<int64_t> bos = fields.tokens("bos_token_id");
  if (bos.size() == 1)
    config.bosToken = bos[0];
  config.eosTokens = fields.tokens("eos_token_id");
  for (int64_t id : config.eosTokens)
    if (id >= config.vocab)
      fields.refuse("eos_token_id", llvm::formatv("ids below vocab_size = {0}", config.vocab));
  if (config.bosToken && *config.bosToken >= config.vocab)
    fields.refuse("bos_token_id", llvm::formatv("an id below vocab_size = {0}", config.vocab));
  for (llvm::StringRef field : ignoredFields)
    fields.ignore({field});
  fields.warnUnknown(warnings);
}
