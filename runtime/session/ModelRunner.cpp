#include "runtime/session/ModelRunner.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

Status checkSampling(const SamplingOptions &sampling) {
  if (!std::isfinite(sampling.temperature) || sampling.temperature < 0)
    return Status::error("the temperature must be a number that is not negative, got " +
                         std::to_string(sampling.temperature));
  if (sampling.topK < 0)
    return Status::error("top-k must not be negative, got " + std::to_string(sampling.topK));
  if (!(sampling.topP > 0 && sampling.topP <= 1))
    return Status::error("top-p must be above 0 and at most 1, got " + std::to_string(sampling.topP));
  return Status();
}

ModelRunner::ModelRunner(Program &program, const ModelOptions &options)
    : program(program), options(options), calls(program.manifest().entries.size()), tokens(program, "tokens"),
      positions(program, "positions"), blockTable(program, "block_table"), logitRows(program, "logit_rows"),
      temperature(program, "temperature"), topK(program, "top_k"), topP(program, "top_p"), seed(program, "seed"),
      logits(program.manifest().findBuffer("logits")), nextTokens(program.manifest().findBuffer("next_tokens")) {}

StatusOr<std::unique_ptr<ModelRunner>> ModelRunner::create(Program &program, const ModelOptions &options) {
  if (!program.manifest().model)
    return Status::error(program.path() + " holds plain functions, not a model");
  DSRT_RETURN_IF_ERROR(program.allocateBuffers());
  std::unique_ptr<ModelRunner> runner(new ModelRunner(program, options));
  DSRT_RETURN_IF_ERROR(runner->allocateCache());
  for (size_t i = 0; i < program.manifest().entries.size(); ++i)
    if (program.manifest().entries[i].kind == EntryKind::Initialize)
      DSRT_RETURN_IF_ERROR(runner->run(i));
  DSRT_RETURN_IF_ERROR(program.memory().synchronize());
  if (options.observer)
    options.observer->end();
  return runner;
}

Status ModelRunner::allocateCache() {
  const ModelInfo &info = model();
  // Zeroing gigabytes of host memory takes seconds, so there the default stops at 2 GiB.
  constexpr int64_t hostLimit = int64_t(2) << 30;
  int64_t wanted = info.maxBatch * info.pagesPerSequence();
  if (options.cacheTokens > 0) {
    wanted = (options.cacheTokens + info.pageSize - 1) / info.pageSize;
  } else {
    DSRT_ASSIGN_OR_RETURN(size_t available, program.memory().availableBytes());
    int64_t budget = static_cast<int64_t>(available / 10 * 9);
    budget = program.device() ? budget : std::min(static_cast<int64_t>(available / 2), hostLimit);
    wanted = std::clamp<int64_t>(budget / std::max<int64_t>(program.bytesPerPage(), 1), 1, wanted);
  }
  DSRT_RETURN_IF_ERROR(program.allocateCache(std::min<int64_t>(wanted, INT32_MAX)));
  pages.emplace(program.pages(), info.pageSize);
  return Status();
}

const EntryInfo *ModelRunner::smallestEntry(EntryKind kind, int64_t count) const {
  const EntryInfo *best = nullptr;
  for (const EntryInfo &entry : program.manifest().entries)
    if (entry.kind == kind && entry.tokens >= count && (!best || entry.tokens < best->tokens))
      best = &entry;
  return best;
}

Status ModelRunner::setSampling(const std::vector<SamplingOptions> &rows) {
  std::vector<float> temperatures, masses;
  std::vector<int32_t> counts;
  std::vector<int64_t> seeds;
  for (const SamplingOptions &row : rows) {
    temperatures.push_back(row.temperature);
    counts.push_back(row.topK);
    masses.push_back(row.topP);
    seeds.push_back(row.seed);
  }
  DSRT_RETURN_IF_ERROR(temperature.set(temperatures));
  DSRT_RETURN_IF_ERROR(topK.set(counts));
  DSRT_RETURN_IF_ERROR(topP.set(masses));
  return seed.set(seeds);
}

Status ModelRunner::prefill(const PrefillChunk &chunk) {
  int64_t count = static_cast<int64_t>(chunk.tokens.size());
  const EntryInfo *entry = prefillEntry(count);
  if (!entry || count == 0 || static_cast<int64_t>(chunk.logitRows.size()) > entry->rows)
    return Status::error("a prefill of " + std::to_string(count) + " tokens with " +
                         std::to_string(chunk.logitRows.size()) + " rows of logits fits no entry of " + program.path());
  std::vector<int32_t> ids(chunk.tokens.begin(), chunk.tokens.end()), places,
      rows(chunk.logitRows.begin(), chunk.logitRows.end());
  for (int64_t i = 0; i < count; ++i)
    places.push_back(static_cast<int32_t>(chunk.firstPosition + i));
  ids.resize(entry->tokens, 0);
  places.resize(entry->tokens, -1);
  rows.resize(entry->rows, 0); // rows that nobody reads still name a token
  DSRT_RETURN_IF_ERROR(tokens.set(ids));
  DSRT_RETURN_IF_ERROR(positions.set(places));
  DSRT_RETURN_IF_ERROR(blockTable.set(0, chunk.blockTable));
  DSRT_RETURN_IF_ERROR(logitRows.set(rows));
  DSRT_RETURN_IF_ERROR(setSampling(std::vector<SamplingOptions>(entry->rows, chunk.sampling)));
  return run(indexOf(*entry));
}

Status ModelRunner::decode(std::span<const DecodeRow> rows) {
  const EntryInfo *entry = decodeEntry(static_cast<int64_t>(rows.size()));
  if (!entry || rows.empty())
    return Status::error("a decode step of " + std::to_string(rows.size()) + " sequences fits no entry of " +
                         program.path());
  std::vector<int32_t> ids, places;
  std::vector<SamplingOptions> sampling;
  size_t width = static_cast<size_t>(model().pagesPerSequence());
  for (size_t i = 0; i < rows.size(); ++i) {
    ids.push_back(rows[i].token);
    places.push_back(static_cast<int32_t>(rows[i].position));
    sampling.push_back(rows[i].sampling);
    DSRT_RETURN_IF_ERROR(blockTable.set(i * width, rows[i].blockTable));
  }
  ids.resize(entry->tokens, 0);
  places.resize(entry->tokens, -1);
  sampling.resize(entry->tokens);
  DSRT_RETURN_IF_ERROR(tokens.set(ids));
  DSRT_RETURN_IF_ERROR(positions.set(places));
  DSRT_RETURN_IF_ERROR(setSampling(sampling));
  return run(indexOf(*entry));
}

Status ModelRunner::run(size_t index) {
  const EntryInfo &entry = program.manifest().entries[index];
  Calls &call = calls[index];
  if (options.observer)
    options.observer->begin(entry.name);
  if (call.graph)
    return call.graph->launch();
  int64_t before = program.context().launches;
  DSRT_RETURN_IF_ERROR(program.call(static_cast<int32_t>(index)));
  call.kernels = program.context().launches - before;
  // The first call ran the kernels one by one, which also loaded whatever the driver loads late; it is recorded for the
  // calls to come.
  if (program.device() && options.useGraphs && entry.kind == EntryKind::Decode) {
    auto graph = CudaGraph::capture(*program.device(), [&] { return program.call(static_cast<int32_t>(index)); });
    if (!graph.ok())
      return Status::error("entry " + entry.name + " cannot be captured as a CUDA graph: " + graph.status().message());
    call.graph.emplace(std::move(*graph));
  }
  return Status();
}

Status ModelRunner::readNextTokens(std::span<int32_t> out) {
  DSRT_RETURN_IF_ERROR(program.memory().read(out.data(), program.address(nextTokens), out.size_bytes()));
  if (options.observer)
    options.observer->end();
  for (int32_t token : out)
    if (token < 0 || token >= model().vocabSize)
      return Status::error("the model returned token " + std::to_string(token) + ", vocab_size is " +
                           std::to_string(model().vocabSize) + ": its logits are not finite, or the artefact is wrong");
  return Status();
}

Status ModelRunner::readLogits(int64_t firstRow, std::span<float> out) {
  const char *from = static_cast<const char *>(program.address(logits)) + firstRow * model().vocabSize * 4;
  DSRT_RETURN_IF_ERROR(program.memory().read(out.data(), from, out.size_bytes()));
  if (options.observer)
    options.observer->end();
  return Status();
}

} // namespace dsrt
