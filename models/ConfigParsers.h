// The two dialects of config.json, and the checks that both share.
#pragma once

#include "models/JsonFields.h"
#include "models/ModelConfig.h"

namespace mlir::deepseek::models {

// Upper bounds of sizes: far above any model, low enough that products of two or three stay within int64.
inline constexpr int64_t maxWidth = 1 << 20, maxVocab = 1 << 24, maxLayers = 1 << 10, maxHeads = 1 << 12;
inline constexpr int64_t maxExperts = 1 << 12, maxExpertsOfModel = 1 << 16, maxContextLength = 1 << 28;

/// Hugging Face's fields (hidden_size, ...), with those of the tutorial variant of MLA.
void parseHuggingFaceConfig(JsonFields &fields, llvm::StringRef path, ModelConfig &config,
                            llvm::SmallVectorImpl<std::string> &warnings);
/// The fields of DeepSeek's inference code (dim, ...).
void parseInferenceConfig(JsonFields &fields, ModelConfig &config, llvm::SmallVectorImpl<std::string> &warnings);

/// What both spell differently but mean alike: names of the fields that the checks below blame.
struct MoeFieldNames {
  llvm::StringRef experts, expertsPerToken, groups, groupsPerToken;
};
/// Experts divide into groups, and the groups kept hold enough experts.
void checkExpertGroups(JsonFields &fields, const MoeFieldNames &names, const ModelConfig &config);

/// YaRN's 0.1 m log(factor) + 1.
double yarnMagnitude(double factor, double multiplier);

} // namespace mlir::deepseek::models
