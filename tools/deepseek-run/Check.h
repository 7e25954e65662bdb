// --check: compares a model with golden results. Two runs are compared for each prompt:
//   forced   logits at every position of the prompt, then one decode step for each golden token; the golden's token is
//            fed whatever the model chose, so that one close call does not make every later step incomparable.
//   session  the same prompts through Session, as text is generated; compared up to the first allowed divergence.
// A chosen token must be the golden's wherever the golden's margin exceeds tokenTolerance * max|logit| of that step.
// Where activations are bf16 and the golden says what bf16 may cost (RoundingBound), a prompt may also differ that much:
// a router's close call that falls the other way is no error of the model.
#pragma once

#include "runtime/session/ModelRunner.h"
#include "tools/deepseek-run/Golden.h"

#include <string>

namespace dsrt {

struct CheckOptions {
  double logitTolerance = 0; // relative, over a prompt's logits; 0: defaultLogitTolerance, and the golden's RoundingBound
  double tokenTolerance = 0; // 0: as logitTolerance
  int64_t batch = 1;         // sequences that are decoded together: prompts, repeated until there are as many
  int64_t repeat = 1;        // runs, which must give the same bits
  int64_t prefillChunk = 0;  // tokens; 0: the largest prefill entry
};

struct CheckRow {
  size_t prompt = 0;
  double prefillError = 0, stepError = 0; // relative
  double prefillTolerance = 0, stepTolerance = 0;
  int64_t tokens = 0, equal = 0;          // greedy tokens: compared, and equal to the golden's
  int64_t allowed = 0;                    // differ within the margin
  int64_t missed = 0;                     // differ beyond it...
  int64_t leastEqual = 0;                 // ...which is an error if fewer than this are equal
  int64_t sampler = 0;                    // next_tokens that are not the argmax of their logits
  int64_t sessionTokens = 0;              // compared in the session run
  bool sessionMissed = false, bitsChanged = false;
  bool passes() const;
};

struct CheckReport {
  double tolerance = 0, tokenTolerance = 0;
  bool allowsRounding = false; // the golden's RoundingBound applies
  std::vector<CheckRow> rows;
  bool passed() const;
  std::string table() const;
};

// From the activations' dtype and whether the model has fp8 weights: float32 1e-5; bf16 2e-2; fp8 2e-2 with float32
// activations and 0.3 otherwise, since a single activation that rounds the other way changes everything after it.
double defaultLogitTolerance(const Manifest &manifest);

StatusOr<CheckReport> checkModel(ModelRunner &runner, const Golden &golden, const CheckOptions &options);

} // namespace dsrt
