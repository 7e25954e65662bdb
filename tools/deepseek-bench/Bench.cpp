#include "tools/deepseek-bench/Bench.h"

#include "tools/deepseek-bench/KernelBench.h"
#include "tools/deepseek-bench/ModelBench.h"
#include "tools/deepseek-bench/OpBench.h"
#include "tools/runner/Watchdog.h"
#include "tools/runner/WriteFile.h"

#include <cstdio>
#include <cstdlib>

namespace dsrt {

namespace {
constexpr const char *tool = "deepseek-bench";
constexpr const char *usage = "deepseek-bench MODEL.so --batch B --context C [options]\n"
                              "       deepseek-bench KERNELS.so --entry NAME [--against CPU.so] [options]\n"
                              "       deepseek-bench --op FAMILY [--search] [--prepare DIR | --from DIR] [options]";
constexpr const char *intro =
    "Times the decode steps and the prefill of a model, or runs one entry of an artefact of plain functions, compares\n"
    "it with the same entry of another artefact, and times it; or compiles and times the cases of a kernel family, "
    "cold,\n"
    "and checks samples of their results against float64. Exits with 1 on an error or a miss.";

struct BenchOptions {
  LoadOptions load;
  ModelBenchOptions model;
  KernelBenchOptions kernel;
  OpBenchOptions ops;
  std::string against, json;
  std::vector<std::string> ranges, scales;
  double bandwidthGb = 0;
  int64_t seed = 1;
};

void declare(CommandLine &line, BenchOptions &options) {
  line.optionalPositional("artefact", options.load.artifact);
  line.heading("All:");
  options.load.declare(line);
  line.text("json", "FILE", options.json, "write the results as JSON too");
  line.heading("Steps of a model:");
  line.integer("batch", "B", options.model.batch, 1, 1 << 24, "sequences (default 1)");
  line.integer("context", "C", options.model.context, 1, 1 << 28, "tokens each sequence attends to (default 128)");
  line.integer("steps", "N", options.model.steps, 1, 1000000, "timed decode steps (default 20)");
  line.integer("prefill", "T", options.model.prefillTokens, -1, 1 << 28,
               "tokens of the timed prefill, at most the context (default: the context); -1: none");
  line.real("bandwidth", "GB/s", options.bandwidthGb, 0, 1e9,
            "the limit to compare with (default: the GPU's memory clock; of --op: measured)");
  line.heading("One entry:");
  line.text("entry", "NAME", options.kernel.entry, "the entry to run, or all: every plain function");
  line.text("against", "ARTEFACT", options.against, "compare its outputs with the same entry of this one");
  line.integer("seed", "S", options.seed, 0, INT64_MAX, "of the inputs (default 1)");
  line.real("tolerance", "T", options.kernel.tolerance, 0, 1e9,
            "relative norm of each float output (default by dtype: f32 1e-5, f16 2^-10, bf16 2^-7, fp8 2^-3)");
  line.texts("range", "NAME=LO:HI", options.ranges,
             "values of an input, both ends included (needed for integers); NAME is the buffer's,\n"
             "                              or what follows the entry's name in it");
  line.texts("scale", "NAME=S", options.scales, "standard deviation of a float input (default 1)");
  line.text("inputs", "FILE", options.kernel.inputFile, "safetensors: inputs of these names are taken from it");
  line.flag("print", options.kernel.print, "print the values of the outputs, one row of the last dimension a line");
  line.integer("pages", "N", options.kernel.pages, 1, 1 << 24, "pages of a cache buffer (default 8)");
  line.integer("repeat", "N", options.kernel.repeat, 1, 1000000, "timed runs (default: none)");
  line.flag("cold", options.kernel.cold,
            "read 512 MiB before each timed run, so that nothing else is in the L2 cache (--op always does)");
  line.integer("bytes", "N", options.kernel.bytes, 1, INT64_MAX, "bytes a run has to move, for GB/s");
  line.heading("Kernel families (--repeat: default 21):");
  line.text("op", "FAMILY", options.ops.family, "time the cases of this family, or of all");
  line.texts("case", "CASE", options.ops.cases, "this case instead, such as 'linear-bf16 m=16 n=7168 k=2048'");
  line.text("filter", "REGEX", options.ops.filter, "only cases that match");
  line.flag("search", options.ops.search, "time every schedule of a case beside the compiler's choice");
  line.text("prepare", "DIR", options.ops.prepare, "only compile, to this folder; needs no GPU");
  line.text("from", "DIR", options.ops.from, "only measure what --prepare left there; needs no compiler");
  line.text("compiler", "FILE", options.ops.compiler, "deepseek-compile (default: beside this program)");
}

// "NAME=LO:HI" and "NAME=S".
Status parseDistributions(BenchOptions &options) {
  auto number = [](const std::string &text, double &value) {
    char *end = nullptr;
    value = std::strtod(text.c_str(), &end);
    return !text.empty() && *end == 0;
  };
  for (const std::string &text : options.ranges) {
    size_t equals = text.find('='), colon = text.find(':', equals == std::string::npos ? 0 : equals);
    double low = 0, high = 0;
    if (equals == std::string::npos || colon == std::string::npos ||
        !number(text.substr(equals + 1, colon - equals - 1), low) || !number(text.substr(colon + 1), high) ||
        !(low <= high))
      return Status::error("--range must be NAME=LOWEST:HIGHEST, got '" + text + "'");
    options.kernel.inputs[text.substr(0, equals)].range = {low, high};
  }
  for (const std::string &text : options.scales) {
    size_t equals = text.find('=');
    double scale = 0;
    if (equals == std::string::npos || !number(text.substr(equals + 1), scale))
      return Status::error("--scale must be NAME=DEVIATION, got '" + text + "'");
    options.kernel.inputs[text.substr(0, equals)].scale = scale;
  }
  return Status();
}

StatusOr<int> runKernel(BenchOptions &options, EntryObserver *observer) {
  ProgramOptions programOptions;
  programOptions.threads = static_cast<int>(options.load.threads);
  programOptions.device = static_cast<int>(options.load.device);
  DSRT_ASSIGN_OR_RETURN(auto program, Program::load(options.load.artifact, programOptions));
  std::unique_ptr<Program> reference;
  if (!options.against.empty()) {
    DSRT_ASSIGN_OR_RETURN(reference, Program::load(options.against, programOptions));
  }
  options.kernel.useGraph = !options.load.noGraph;
  options.kernel.seed = static_cast<uint64_t>(options.seed);
  std::vector<std::string> entries = {options.kernel.entry};
  if (options.kernel.entry == "all") {
    entries.clear();
    for (const EntryInfo &entry : program->manifest().entries)
      if (entry.kind == EntryKind::Function)
        entries.push_back(entry.name);
  }
  bool passed = true;
  std::string json;
  for (const std::string &entry : entries) {
    options.kernel.entry = entry;
    auto report = benchKernel(*program, reference.get(), options.kernel, observer);
    if (!report.ok()) {
      if (entries.size() == 1)
        return report.status();
      observer->end();
      std::printf("%s: MISS: %s\n", entry.c_str(), report.status().message().c_str());
      std::fflush(stdout);
      passed = false;
      continue;
    }
    std::fputs(report->text().c_str(), stdout);
    std::fflush(stdout); // what has passed is known even if the next entry hangs
    json += (json.empty() ? "" : ",\n") + report->json();
    passed &= report->passed();
  }
  if (!options.json.empty())
    DSRT_RETURN_IF_ERROR(writeFile(options.json, "[" + json + "]\n"));
  return passed ? 0 : 1;
}

StatusOr<int> runModel(BenchOptions &options, EntryObserver *observer) {
  options.model.bandwidth = options.bandwidthGb * 1e9;
  if (options.load.cacheTokens == 0) // exactly what the steps need, in whole pages of any size up to 256
    options.load.cacheTokens = options.model.batch * ((options.model.context + 255) / 256 * 256);
  DSRT_ASSIGN_OR_RETURN(LoadedModel loaded, openProgram(options.load));
  DSRT_RETURN_IF_ERROR(startModel(loaded, options.load, tool, observer));
  DSRT_ASSIGN_OR_RETURN(ModelBenchReport report, benchModel(loaded, options.model));
  std::fputs(report.text().c_str(), stdout);
  if (!options.json.empty())
    DSRT_RETURN_IF_ERROR(writeFile(options.json, report.json()));
  return 0;
}

StatusOr<int> run(int argc, const char *const *argv) {
  BenchOptions options;
  CommandLine line(tool, usage, intro);
  declare(line, options);
  DSRT_ASSIGN_OR_RETURN(bool goesOn, line.parse(argc, argv));
  if (!goesOn)
    return 0;
  DSRT_RETURN_IF_ERROR(parseDistributions(options));
  Watchdog watchdog(tool, options.load.timeout);
  OpBenchOptions &ops = options.ops;
  if (!ops.family.empty() || !ops.cases.empty() || !ops.from.empty()) {
    if (!options.load.artifact.empty())
      return Status::error("--op compiles its own artefacts, got " + options.load.artifact);
    ops.json = options.json;
    ops.bandwidth = options.bandwidthGb * 1e9;
    ops.device = options.load.device;
    if (options.kernel.repeat > 0)
      ops.repeat = options.kernel.repeat;
    return benchOps(ops, &watchdog);
  }
  if (options.load.artifact.empty())
    return Status::error("no artefact given; see --help");
  return options.kernel.entry.empty() ? runModel(options, &watchdog) : runKernel(options, &watchdog);
}
} // namespace

int benchMain(int argc, const char *const *argv) { return exitCode(tool, run(argc, argv)); }

} // namespace dsrt
