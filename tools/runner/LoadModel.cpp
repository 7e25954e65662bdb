#include "tools/runner/LoadModel.h"

#include "runtime/core/CpuInfo.h"
#include "runtime/weights/WeightLoader.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <unistd.h>

namespace dsrt {

namespace {
constexpr int64_t progressFrom = 1'000'000'000; // bytes

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One line that is rewritten in place; into a file only the last state is written.
class ProgressLine {
public:
  explicit ProgressLine(std::string tool) : tool(std::move(tool)) {}
  void show(int64_t done, int64_t total) {
    bool isLast = done >= total;
    if (total < progressFrom || (!isatty(2) && !isLast))
      return;
    double seconds = secondsSince(start);
    std::fprintf(stderr, "\r%s: loading weights: %.1f of %.1f GB, %.1f GB/s%s", tool.c_str(), done / 1e9, total / 1e9,
                 done / 1e9 / std::max(seconds, 1e-9), isLast ? "\n" : "");
    std::fflush(stderr);
  }

private:
  std::string tool;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

void warnUnused(const std::vector<std::string> &names, const std::string &checkpoint, const std::string &tool) {
  if (names.empty())
    return;
  std::string list;
  for (size_t i = 0; i < names.size() && i < 3; ++i)
    list += (i ? ", " : "") + names[i];
  std::fprintf(stderr, "%s: warning: %s has %zu tensors that the artefact does not use: %s%s\n", tool.c_str(),
               checkpoint.c_str(), names.size(), list.c_str(), names.size() > 3 ? ", ..." : "");
}

Status fillWeights(Program &program, const LoadOptions &options, const std::string &tool, int64_t &bytes) {
  if (program.manifest().parameters.empty())
    return Status();
  if (options.weights.empty())
    return Status::error(program.path() + " has parameters: give --weights DIR or --weights random:SEED");
  int threads = options.threads ? static_cast<int>(options.threads) : physicalCores();
  ProgressLine line(tool);
  auto progress = [&](int64_t done, int64_t total) { line.show(done, total); };
  constexpr std::string_view random = "random:";
  if (options.weights.compare(0, random.size(), random) == 0) {
    DSRT_ASSIGN_OR_RETURN(int64_t seed, parseInteger(options.weights.substr(random.size()),
                                                     "the seed of --weights random:SEED", 0, INT64_MAX));
    DSRT_ASSIGN_OR_RETURN(LoadReport report,
                          fillRandomWeights(program, static_cast<uint64_t>(seed), threads, progress));
    bytes = report.bytes;
    return Status();
  }
  DSRT_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::open(options.weights));
  DSRT_ASSIGN_OR_RETURN(LoadReport report, loadWeights(program, checkpoint, std::min(threads, 8), progress));
  warnUnused(report.unused, checkpoint.path(), tool);
  bytes = report.bytes;
  return Status();
}
} // namespace

void LoadOptions::declare(CommandLine &line) {
  line.text("weights", "SOURCE", weights, "checkpoint directory or .safetensors file, or random:SEED");
  line.integer("threads", "N", threads, 1, 4096, "threads of the CPU target (default: physical cores)");
  line.integer("device", "I", device, 0, 1024, "index of the GPU (default 0)");
  line.integer("cache-tokens", "N", cacheTokens, 1, int64_t(1) << 40,
               "tokens the latent cache holds (default: a full batch at full context, or what fits)");
  line.flag("no-graph", noGraph, "launch kernels one by one instead of replaying CUDA graphs");
  line.real("timeout", "SECONDS", timeout, 0, 1e9, "end the process when one entry takes longer");
}

StatusOr<LoadedModel> openProgram(const LoadOptions &options) {
  LoadedModel loaded;
  ProgramOptions programOptions;
  programOptions.threads = static_cast<int>(options.threads);
  programOptions.device = static_cast<int>(options.device);
  auto start = std::chrono::steady_clock::now();
  DSRT_ASSIGN_OR_RETURN(loaded.program, Program::load(options.artifact, programOptions));
  loaded.loadSeconds = secondsSince(start);
  return loaded;
}

Status startModel(LoadedModel &loaded, const LoadOptions &options, const std::string &tool, EntryObserver *observer) {
  auto start = std::chrono::steady_clock::now();
  if (!loaded.program->manifest().model)
    return Status::error(loaded.program->path() + " holds plain functions, not a model");
  DSRT_RETURN_IF_ERROR(loaded.program->allocateBuffers());
  DSRT_RETURN_IF_ERROR(fillWeights(*loaded.program, options, tool, loaded.weightBytes));
  loaded.loadSeconds += secondsSince(start);
  start = std::chrono::steady_clock::now();
  ModelOptions modelOptions;
  modelOptions.cacheTokens = options.cacheTokens;
  modelOptions.useGraphs = !options.noGraph;
  modelOptions.observer = observer;
  DSRT_ASSIGN_OR_RETURN(loaded.runner, ModelRunner::create(*loaded.program, modelOptions));
  loaded.initializeSeconds = secondsSince(start);
  return Status();
}

} // namespace dsrt
