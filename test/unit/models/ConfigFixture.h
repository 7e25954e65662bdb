// A small valid config whose fields a test changes one at a time.
#pragma once

#include "models/ModelConfig.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

namespace mlir::deepseek::models {

/// A Hugging Face config of DeepSeek-V3's kind.
inline nlohmann::json smallConfig() {
  return {{"model_type", "deepseek_v3"},
          {"vocab_size", 320},
          {"hidden_size", 64},
          {"intermediate_size", 96},
          {"moe_intermediate_size", 48},
          {"num_hidden_layers", 3},
          {"num_attention_heads", 2},
          {"q_lora_rank", 24},
          {"kv_lora_rank", 32},
          {"qk_nope_head_dim", 16},
          {"qk_rope_head_dim", 8},
          {"v_head_dim", 16},
          {"n_routed_experts", 8},
          {"n_shared_experts", 1},
          {"num_experts_per_tok", 2},
          {"n_group", 4},
          {"topk_group", 2},
          {"first_k_dense_replace", 1},
          {"routed_scaling_factor", 2.5},
          {"max_position_embeddings", 256}};
}

/// `base` with fields replaced (or, when null, left as JSON null).
inline nlohmann::json with(nlohmann::json base, const nlohmann::json &changes) {
  for (auto it = changes.begin(); it != changes.end(); ++it)
    base[it.key()] = it.value();
  return base;
}

inline nlohmann::json without(nlohmann::json base, const char *field) {
  base.erase(field);
  return base;
}

/// The parsed config; the test fails if it is refused.
inline ModelConfig accept(const nlohmann::json &config, llvm::SmallVectorImpl<std::string> *warnings = nullptr) {
  llvm::SmallVector<std::string> unused;
  llvm::Expected<ModelConfig> parsed = parseModelConfig(config.dump(), "config.json", warnings ? *warnings : unused);
  if (parsed)
    return *parsed;
  ADD_FAILURE() << llvm::toString(parsed.takeError());
  return {};
}

/// The message with which `text` is refused; "" if it is accepted.
inline std::string refusalOfText(llvm::StringRef text) {
  llvm::SmallVector<std::string> warnings;
  llvm::Expected<ModelConfig> parsed = parseModelConfig(text, "config.json", warnings);
  return parsed ? "" : llvm::toString(parsed.takeError());
}
inline std::string refusal(const nlohmann::json &config) { return refusalOfText(config.dump()); }

} // namespace mlir::deepseek::models
