// One model, ready to run: it owns the latent cache's book-keeping, picks the bucket of each call, fills the inputs of
// docs/artifact.md and keeps the captured graphs. It knows sequences only as block tables; Session decides what runs.
#pragma once

#include "runtime/core/Program.h"
#include "runtime/graph/CudaGraph.h"
#include "runtime/kvcache/PagedLatentCache.h"
#include "runtime/session/InputBuffer.h"

#include <optional>

namespace dsrt {

struct SamplingOptions {
  float temperature = 0; // 0: greedy
  int32_t topK = 0;      // 0: all tokens
  float topP = 1;
  int64_t seed = 0;
};
Status checkSampling(const SamplingOptions &sampling);

struct ModelOptions {
  int64_t cacheTokens = 0; // 0: full context for a full batch, or as much of it as memory allows
  bool useGraphs = true;   // replay decode entries as CUDA graphs
  EntryObserver *observer = nullptr;
};

// A run of tokens of one sequence. Entries of `blockTable` must cover every position up to the last.
struct PrefillChunk {
  std::span<const int32_t> tokens;
  int64_t firstPosition;
  std::span<const int32_t> blockTable;
  std::span<const int32_t> logitRows; // tokens of the chunk whose logits are wanted
  SamplingOptions sampling;           // of every row
};

struct DecodeRow {
  int32_t token;
  int64_t position;
  std::span<const int32_t> blockTable;
  SamplingOptions sampling;
};

class ModelRunner {
public:
  // Allocates the cache and runs `initialize`; the program's parameters have been loaded.
  static StatusOr<std::unique_ptr<ModelRunner>> create(Program &program, const ModelOptions &options);

  const ModelInfo &model() const { return *program.manifest().model; }
  Program &owner() { return program; }
  PagedLatentCache &cache() { return *pages; }

  // Both enqueue; the results of row i are then read with readNextTokens and readLogits.
  Status prefill(const PrefillChunk &chunk);
  Status decode(std::span<const DecodeRow> rows);
  Status readNextTokens(std::span<int32_t> tokens);
  Status readLogits(int64_t firstRow, std::span<float> logits);

  // The entry that a chunk or batch of `tokens` uses; null where it is too large.
  const EntryInfo *prefillEntry(int64_t tokens) const { return smallestEntry(EntryKind::Prefill, tokens); }
  const EntryInfo *decodeEntry(int64_t tokens) const { return smallestEntry(EntryKind::Decode, tokens); }
  // Kernels that one call of an entry launches, once it has been called.
  int64_t kernelsPerCall(const EntryInfo &entry) const { return calls[indexOf(entry)].kernels; }
  // Repeats the last call of a decode entry with the inputs it had (to time it).
  Status repeat(const EntryInfo &entry) { return run(indexOf(entry)); }

private:
  struct Calls {
    int64_t count = 0, kernels = 0;
    std::optional<CudaGraph> graph;
  };
  ModelRunner(Program &program, const ModelOptions &options);
  Status allocateCache();
  const EntryInfo *smallestEntry(EntryKind kind, int64_t tokens) const;
  size_t indexOf(const EntryInfo &entry) const {
    return static_cast<size_t>(&entry - program.manifest().entries.data());
  }
  Status setSampling(const std::vector<SamplingOptions> &rows);
  Status run(size_t entry);

  Program &program;
  ModelOptions options;
  std::optional<PagedLatentCache> pages;
  std::vector<Calls> calls; // by entry
  InputBuffer tokens, positions, blockTable, logitRows, temperature, topK, topP, seed;
  int32_t logits, nextTokens; // buffers
};

} // namespace dsrt
