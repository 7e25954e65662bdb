// Golden results of a checkpoint: golden.json (prompts, greedy continuations, margins) and, beside it under the same
// name, golden.safetensors (logits).
#pragma once

#include "runtime/weights/SafetensorsReader.h"

namespace dsrt {

struct GoldenPrompt {
  std::vector<int32_t> tokens;
  std::vector<int32_t> greedy;   // the continuation
  std::vector<double> margins;   // of each greedy token: best logit minus second best
  std::vector<float> logits;     // [tokens, vocabulary]
  std::vector<float> stepLogits; // [first greedy tokens, vocabulary]: the logits that each was chosen by
};

struct Golden {
  std::vector<GoldenPrompt> prompts;
  static StatusOr<Golden> load(const std::string &jsonPath, int64_t vocabSize);
};

} // namespace dsrt
