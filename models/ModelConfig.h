// A model as its published config.json describes it: Hugging Face's fields or those of DeepSeek's own inference code.
// Everything that changes the computation is here, with defaults filled in and contradictions refused, so that the
// importer never looks at JSON and never at a model's name.
#pragma once

#include "dialects/deepseek/DeepSeekAttrs.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>

namespace mlir::deepseek::models {

/// How the tensors that are not block-scaled are stored.
enum class StorageType { BF16, F16, F32 };

/// Normalisation of the latents of queries and of keys and values. The published models use RMS when the cache is
/// written; the other choices are a tutorial variant of MLA (models/README.md).
struct LatentNormConfig {
  LatentNorm kind = LatentNorm::Rms; // Rms, or Layer (with a bias); never None
  double eps = 1e-6;
  bool atRead = false; // the cache holds raw latents, attention normalises what it reads
};

struct RopeConfig {
  double theta = 10000.0;
  double factor = 1.0; // 1: plain rotary embedding
  int64_t originalContext = 4096;
  double betaFast = 32.0, betaSlow = 1.0;
  double magnitude = 1.0; // multiplies cosine and sine
  RopeLayout layout = RopeLayout::Interleaved;
};

/// Routed and shared experts; `experts` = 0 means that every layer is dense.
struct MoeConfig {
  int64_t experts = 0, expertsPerToken = 0, intermediate = 0, sharedExperts = 0;
  int64_t groups = 1, groupsPerToken = 1;
  int64_t firstMoeLayer = 0, layerFrequency = 1;
  Scoring scoring = Scoring::Softmax;
  GroupScore groupScore = GroupScore::None;
  bool correctionBias = false; // added to the scores for selection only
  bool normalize = false;
  double scale = 1.0;
};

struct ModelConfig {
  std::string text; // the file, verbatim

  int64_t vocab = 0, hidden = 0, layers = 0, intermediate = 0, maxPositions = 0;
  double normEps = 1e-6;
  bool tiedEmbeddings = false;

  int64_t heads = 0;
  int64_t qLoraRank = 0; // 0: one query projection
  int64_t kvLoraRank = 0, nope = 0, rope = 0, value = 0;
  double softmaxScale = 0; // includes YaRN's mscale
  LatentNormConfig latentNorm;
  RopeConfig rotary;
  MoeConfig moe;

  StorageType storage = StorageType::BF16;
  std::optional<ScaleFormat> scaleFormat; // set: linear weights are e4m3 in blocks of 128x128, their inputs quantised

  std::optional<int64_t> bosToken;
  llvm::SmallVector<int64_t> eosTokens;

  bool isMoeLayer(int64_t layer) const {
    return moe.experts > 0 && layer >= moe.firstMoeLayer && layer % moe.layerFrequency == 0;
  }
};

/// Parses the text of a config.json; `path` opens every message. Fields that are unknown add one line each to
/// `warnings`.
llvm::Expected<ModelConfig> parseModelConfig(llvm::StringRef text, llvm::StringRef path,
                                             llvm::SmallVectorImpl<std::string> &warnings);

/// Reads `path`, a config.json or the directory that holds one.
llvm::Expected<ModelConfig> readModelConfig(llvm::StringRef path, llvm::SmallVectorImpl<std::string> &warnings);

} // namespace mlir::deepseek::models
