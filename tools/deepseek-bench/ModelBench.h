// Times whole steps of a model: decode at a batch and a context length, and the prefill of a prompt of that length.
#pragma once

#include "tools/runner/LoadModel.h"

namespace dsrt {

struct ModelBenchOptions {
  int64_t batch = 1, context = 128; // sequences, and tokens that each attends to (its own included)
  int64_t steps = 20;
  int64_t prefillTokens = 0; // 0: the context, at most the largest prefill entry; -1: none
  double bandwidth = 0;      // bytes per second; 0: of the GPU's memory clock
};

struct ModelBenchReport {
  std::string artifact, device, entry;
  int64_t batch = 0, context = 0, steps = 0;
  double stepMs = 0;                       // median; on a GPU between two events, on the CPU between two clock readings
  double stepHostMs = 0;                   // median, with the inputs sent and the tokens read back
  double tokensPerSecond = 0;              // batch / stepHostMs
  int64_t weightBytes = 0, cacheBytes = 0; // that a step has to read
  double bytesPerSecond = 0, bandwidth = 0;
  int64_t kernels = 0;
  int64_t prefillTokens = 0;
  double prefillMs = 0;
  double loadSeconds = 0, initializeSeconds = 0;
  int64_t memoryBytes = 0; // of all buffers

  std::string text() const;
  std::string json() const;
};

// Bytes of weights that one decode step of `batch` tokens has to read: every parameter once, but of the embedding table
// `batch` rows, and of the routed experts the share that is expected to be chosen, 1 - (1 - k/E)^batch.
int64_t weightBytesPerStep(const Manifest &manifest, int64_t batch);

StatusOr<ModelBenchReport> benchModel(LoadedModel &loaded, const ModelBenchOptions &options);

} // namespace dsrt
