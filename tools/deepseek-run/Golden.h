// Golden results of a checkpoint: golden.json (prompts, greedy continuations, margins) and, beside it under the same
// name, golden.safetensors (logits). rounding.json in the same folder, if there is one, says what bf16 may cost
// (test/checkpoints/rounding.py writes it).
#pragma once

#include "runtime/weights/SafetensorsReader.h"

#include <optional>

namespace dsrt {

// The worst of many runs of an ideal machine that rounds activations to bf16 at random.
struct RoundingBound {
  double logits = 0, steps = 0; // relative errors of the prompt's logits and of the first steps'
  int64_t equal = 0;            // greedy tokens that agree with the golden's
};

struct GoldenPrompt {
  std::vector<int32_t> tokens;
  std::vector<int32_t> greedy;   // the continuation
  std::vector<double> margins;   // of each greedy token: best logit minus second best
  std::vector<float> logits;     // [tokens, vocabulary]
  std::vector<float> stepLogits; // [first greedy tokens, vocabulary]: the logits that each was chosen by
  std::optional<RoundingBound> rounding;
};

struct Golden {
  std::vector<GoldenPrompt> prompts;
  static StatusOr<Golden> load(const std::string &jsonPath, int64_t vocabSize);
};

} // namespace dsrt
