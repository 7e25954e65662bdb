#include "tools/deepseek-bench/ModelBench.h"

#include "runtime/core/JsonFields.h"
#include "tools/deepseek-bench/Measure.h"
#include "tools/deepseek-bench/TestData.h"

#include <cmath>
#include <cstdio>

namespace dsrt {

namespace {
constexpr int warmUpSteps = 3; // the first runs kernels one by one and captures the graph

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Finite values in every page that the steps read; what they are does not change the time.
Status fillCache(Program &program, int64_t pages) {
  for (size_t i = 0; i < program.manifest().buffers.size(); ++i) {
    const BufferInfo &buffer = program.manifest().buffers[i];
    if (!buffer.dependsOnPages())
      continue;
    std::vector<char> data(static_cast<size_t>(buffer.bytes(1)));
    fillRandom({buffer.dtype, data.data(), static_cast<size_t>(buffer.elements(1))}, Distribution(), /*seed=*/1);
    for (int64_t page = 0; page < pages; ++page)
      DSRT_RETURN_IF_ERROR(
          program.memory().write(static_cast<char *>(program.address(static_cast<int32_t>(i))) + page * buffer.bytes(1),
                                 data.data(), data.size()));
  }
  return program.memory().synchronize();
}

class ModelBench {
public:
  ModelBench(LoadedModel &loaded, const ModelBenchOptions &options)
      : runner(*loaded.runner), program(*loaded.program), options(options) {}

  Status reserve() {
    for (int64_t i = 0; i < options.batch; ++i) {
      sequences.push_back(runner.cache().createSequence());
      if (Status status = runner.cache().reserve(sequences.back(), options.context); !status.ok())
        return Status::error("batch " + std::to_string(options.batch) + " at context " +
                             std::to_string(options.context) + ": " + status.message());
    }
    return fillCache(program, runner.cache().totalPages() - runner.cache().freePages());
  }

  Status decode(ModelBenchReport &report) {
    std::vector<double> device, host;
    DSRT_ASSIGN_OR_RETURN(Timer timer, Timer::create(program.device()));
    for (int64_t step = -warmUpSteps; step < options.steps; ++step) {
      std::vector<DecodeRow> rows;
      for (SequenceId sequence : sequences)
        rows.push_back({randomToken(), static_cast<int32_t>(options.context) - 1, runner.cache().blockTable(sequence),
                        SamplingOptions()});
      std::vector<int32_t> next(rows.size());
      double start = now();
      DSRT_RETURN_IF_ERROR(timer.start());
      DSRT_RETURN_IF_ERROR(runner.decode(rows));
      DSRT_RETURN_IF_ERROR(timer.stop());
      DSRT_RETURN_IF_ERROR(runner.readNextTokens(next));
      double elapsed = now() - start;
      DSRT_ASSIGN_OR_RETURN(double milliseconds, timer.milliseconds());
      if (step >= 0) {
        device.push_back(milliseconds);
        host.push_back(elapsed * 1e3);
      }
    }
    report.stepMs = median(device);
    report.stepHostMs = median(host);
    return Status();
  }

  Status prefill(ModelBenchReport &report) {
    int64_t count = options.prefillTokens ? options.prefillTokens : options.context;
    if (count < 0)
      return Status();
    count = std::min(count, options.context); // the pages that are reserved
    std::vector<int32_t> tokens, lastRow;
    for (int64_t i = 0; i < count; ++i)
      tokens.push_back(randomToken());
    int64_t chunk = runner.model().maxPrefill;
    std::vector<double> times;
    for (int64_t run = -1; run < std::max<int64_t>(1, std::min<int64_t>(options.steps, 5)); ++run) {
      double start = now();
      for (int64_t first = 0; first < count; first += chunk) {
        int64_t size = std::min(chunk, count - first);
        lastRow = {static_cast<int32_t>(size) - 1};
        PrefillChunk call{std::span(tokens).subspan(static_cast<size_t>(first), static_cast<size_t>(size)), first,
                          runner.cache().blockTable(sequences[0]), lastRow, SamplingOptions()};
        DSRT_RETURN_IF_ERROR(runner.prefill(call));
      }
      int32_t token = 0;
      DSRT_RETURN_IF_ERROR(runner.readNextTokens(std::span<int32_t>(&token, 1)));
      if (run >= 0)
        times.push_back((now() - start) * 1e3);
    }
    report.prefillTokens = count;
    report.prefillMs = median(times);
    return Status();
  }

private:
  int32_t randomToken() {
    return static_cast<int32_t>(random.next() % static_cast<uint64_t>(runner.model().vocabSize));
  }
  ModelRunner &runner;
  Program &program;
  const ModelBenchOptions &options;
  Random random{1};
  std::vector<SequenceId> sequences;
};

// The expected share of the routed experts that at least one of `batch` tokens is sent to; 1 where the config has none.
double expertShare(const Manifest &manifest, int64_t batch) {
  auto config = parseJson(manifest.config.empty() ? "{}" : manifest.config, "config");
  if (!config.ok())
    return 1;
  auto object = JsonObject::of(*config, "config");
  if (!object.ok())
    return 1;
  auto number = [&](std::initializer_list<const char *> names) {
    for (const char *name : names)
      if (auto value = object->integer(name, 1, 1 << 20); value.ok())
        return static_cast<double>(*value);
    return 0.0;
  };
  double experts = number({"n_routed_experts"});
  double chosen = number({"num_experts_per_tok", "n_activated_experts"});
  return experts > 0 && chosen > 0 && chosen < experts ? 1 - std::pow(1 - chosen / experts, batch) : 1;
}
} // namespace

int64_t weightBytesPerStep(const Manifest &manifest, int64_t batch) {
  double total = 0, share = expertShare(manifest, batch);
  for (const ParameterInfo &parameter : manifest.parameters) {
    double bytes = static_cast<double>(parameter.bytes());
    auto contains = [&](const char *text) { return parameter.tensor.find(text) != std::string::npos; };
    if (contains("embed_tokens") || contains("embed.weight"))
      bytes = parameter.shape.empty() || parameter.shape[0] == 0
                  ? 0
                  : bytes / static_cast<double>(parameter.shape[0]) * static_cast<double>(batch);
    else if (contains(".experts."))
      bytes *= share;
    total += bytes;
  }
  return static_cast<int64_t>(total);
}

StatusOr<ModelBenchReport> benchModel(LoadedModel &loaded, const ModelBenchOptions &options) {
  ModelRunner &runner = *loaded.runner;
  const ModelInfo &model = runner.model();
  if (options.batch < 1 || options.batch > model.maxBatch)
    return Status::error("--batch must be from 1 to " + std::to_string(model.maxBatch) +
                         ", the artefact's largest decode entry, got " + std::to_string(options.batch));
  if (options.context < 1 || options.context > model.maxContext)
    return Status::error("--context must be from 1 to " + std::to_string(model.maxContext) + ", the model's, got " +
                         std::to_string(options.context));
  const Device *device = loaded.program->device();
  ModelBenchReport report;
  report.artifact = loaded.program->path();
  report.device = device ? device->name() : "CPU";
  report.entry = runner.decodeEntry(options.batch)->name;
  report.batch = options.batch;
  report.context = options.context;
  report.steps = options.steps;
  report.loadSeconds = loaded.loadSeconds;
  report.initializeSeconds = loaded.initializeSeconds;
  report.memoryBytes = loaded.program->bytesAllocated();
  ModelBench bench(loaded, options);
  DSRT_RETURN_IF_ERROR(bench.reserve());
  DSRT_RETURN_IF_ERROR(bench.decode(report));
  DSRT_RETURN_IF_ERROR(bench.prefill(report));
  report.tokensPerSecond = static_cast<double>(options.batch) / (report.stepHostMs * 1e-3);
  report.weightBytes = weightBytesPerStep(loaded.program->manifest(), options.batch);
  report.cacheBytes = options.batch * options.context * (loaded.program->bytesPerPage() / model.pageSize);
  report.bytesPerSecond = static_cast<double>(report.weightBytes + report.cacheBytes) / (report.stepMs * 1e-3);
  report.bandwidth = options.bandwidth > 0 ? options.bandwidth : device ? device->peakBandwidth() : 0;
  report.kernels = runner.kernelsPerCall(*runner.decodeEntry(options.batch));
  return report;
}

std::string ModelBenchReport::text() const {
  char line[1024];
  std::snprintf(line, sizeof(line),
                "%s on %s: %s, batch %lld, context %lld\n"
                "decode   %.3f ms/step (%.3f ms with inputs and results), %.1f tokens/s, %lld kernels\n"
                "reads    %.3f GB of weights, %.3f GB of cache: %.1f GB/s",
                artifact.c_str(), device.c_str(), entry.c_str(), static_cast<long long>(batch),
                static_cast<long long>(context), stepMs, stepHostMs, tokensPerSecond, static_cast<long long>(kernels),
                weightBytes / 1e9, cacheBytes / 1e9, bytesPerSecond / 1e9);
  std::string out = line;
  if (bandwidth > 0) {
    std::snprintf(line, sizeof(line), ", %.1f%% of %.0f GB/s", 100 * bytesPerSecond / bandwidth, bandwidth / 1e9);
    out += line;
  }
  if (prefillTokens > 0) {
    std::snprintf(line, sizeof(line), "\nprefill  %.3f ms for %lld tokens, %.1f tokens/s", prefillMs,
                  static_cast<long long>(prefillTokens), prefillTokens / (prefillMs * 1e-3));
    out += line;
  }
  std::snprintf(line, sizeof(line), "\nload     %.2f s, initialize %.2f s, %.3f GB allocated\n", loadSeconds,
                initializeSeconds, memoryBytes / 1e9);
  return out + line;
}

std::string ModelBenchReport::json() const {
  nlohmann::ordered_json report = {
      {"artifact", artifact},
      {"device", device},
      {"entry", entry},
      {"batch", batch},
      {"context", context},
      {"steps", steps},
      {"step_ms", stepMs},
      {"step_host_ms", stepHostMs},
      {"tokens_per_second", tokensPerSecond},
      {"kernels_per_step", kernels},
      {"weight_bytes", weightBytes},
      {"cache_bytes", cacheBytes},
      {"bytes_per_second", bytesPerSecond},
      {"bandwidth", bandwidth},
      {"prefill_tokens", prefillTokens},
      {"prefill_ms", prefillMs},
      {"load_seconds", loadSeconds},
      {"initialize_seconds", initializeSeconds},
      {"memory_bytes", memoryBytes},
  };
  return report.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace dsrt
