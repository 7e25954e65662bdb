// Measures the cases that a folder holds.
#include "runtime/core/JsonFields.h"
#include "tools/deepseek-bench/Measure.h"
#include "tools/deepseek-bench/OpBench.h"
#include "tools/deepseek-bench/OpReport.h"
#include "tools/deepseek-bench/ReadStream.h"
#include "tools/deepseek-bench/ops/Buffers.h"
#include "tools/runner/WriteFile.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace dsrt {

namespace {
namespace fs = std::filesystem;

struct Prepared {
  OpCase of;
  std::string entry, kernel, artifact;
};

StatusOr<std::vector<Prepared>> readCases(const OpBenchOptions &options, const std::string &folder) {
  const std::string path = folder + "/cases.json";
  std::ifstream file(path);
  if (!file)
    return Status::error("cannot read " + path + "; --prepare writes it");
  std::stringstream text;
  text << file.rdbuf();
  DSRT_ASSIGN_OR_RETURN(nlohmann::json list, parseJson(text.str(), path));
  if (!list.is_array())
    return Status::error(path + " must be a list of cases, got " + describeJson(list));
  DSRT_ASSIGN_OR_RETURN(CaseFilter filter, CaseFilter::create(options.filter));
  std::vector<Prepared> all;
  for (const nlohmann::json &element : list) {
    DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(element, path + ": case " + std::to_string(all.size())));
    Prepared one;
    DSRT_ASSIGN_OR_RETURN(std::string name, object.string("case"));
    DSRT_ASSIGN_OR_RETURN(one.of, parseCase(name));
    DSRT_ASSIGN_OR_RETURN(one.entry, object.string("entry"));
    DSRT_ASSIGN_OR_RETURN(one.kernel, object.string("kernel"));
    DSRT_ASSIGN_OR_RETURN(one.artifact, object.string("artifact"));
    if (filter.accepts(name) &&
        (options.family.empty() || options.family == "all" || options.family == one.of.family->name))
      all.push_back(std::move(one));
  }
  if (all.empty())
    return Status::error(folder + " holds no case that --op and --filter accept");
  return all;
}

class Runner {
public:
  Runner(const OpBenchOptions &options, EntryObserver *observer) : options(options), observer(observer) {}

  // The program stays open until a case of another one comes; the cases of an artefact are neighbours.
  Status open(const std::string &path) {
    if (program && program->path() == path)
      return Status();
    program.reset();
    ProgramOptions programOptions;
    programOptions.device = static_cast<int>(options.device);
    DSRT_ASSIGN_OR_RETURN(program, Program::load(path, programOptions));
    if (!program->device())
      return Status::error(path + " is for the CPU; --op measures GPU artefacts");
    if (stream)
      return Status();
    DSRT_ASSIGN_OR_RETURN(ReadStream opened, ReadStream::create(programOptions.device));
    stream.emplace(std::move(opened));
    machine.bandwidth = options.bandwidth;
    if (machine.bandwidth <= 0) {
      DSRT_ASSIGN_OR_RETURN(machine.bandwidth, stream->bandwidth());
    }
    machine.gpu = program->device()->name() + " " + program->device()->uuid();
    std::fputs(tableHead(machine).c_str(), stdout);
    return Status();
  }

  Status measure(const Prepared &prepared, OpResult &result) {
    const int32_t entry = program->manifest().findEntry(prepared.entry);
    if (entry < 0)
      return Status::error(program->path() + " has no entry '" + prepared.entry + "'; prepare it again");
    result.estimate = program->manifest().entries[entry].estimate;
    for (const std::string &kernel : program->manifest().entries[entry].plan)
      result.schedule += (result.schedule.empty() ? "" : "; ") + kernel;
    DSRT_ASSIGN_OR_RETURN(auto buffers, OpBuffers::create(*program, prepared.entry, result.function, pools));
    DSRT_RETURN_IF_ERROR(buffers->fill());
    const int64_t launches = program->context().launches;
    DSRT_RETURN_IF_ERROR(call(entry));
    result.kernels = program->context().launches - launches;
    DSRT_RETURN_IF_ERROR(prepared.of.family->check(prepared.of, result.function, *buffers, result.check));
    return time(entry, result);
  }

  OpMachine machine;

private:
  Status call(int32_t entry) {
    if (observer)
      observer->begin(program->manifest().entries[entry].name + " of " + program->path());
    DSRT_RETURN_IF_ERROR(program->call(entry));
    DSRT_RETURN_IF_ERROR(program->memory().synchronize());
    if (observer)
      observer->end();
    return Status();
  }

  // Plain launches between two events; the host has enqueued them all before the cache has been emptied.
  Status time(int32_t entry, OpResult &result) {
    auto empty = [&](int64_t) -> Status {
      if (observer)
        observer->begin(program->manifest().entries[entry].name + " of " + program->path());
      return stream->run(program->device()->stream());
    };
    auto done = [&]() -> Status {
      if (observer)
        observer->end();
      return Status();
    };
    DSRT_ASSIGN_OR_RETURN(
        std::vector<double> times,
        timeCalls(program->device(), options.repeat, empty, [&] { return program->call(entry); }, done));
    result.microseconds = median(times);
    result.fastest = *std::min_element(times.begin(), times.end());
    result.runs = options.repeat;
    return Status();
  }

  const OpBenchOptions &options;
  EntryObserver *observer;
  Pools pools;
  std::unique_ptr<Program> program;
  std::optional<ReadStream> stream;
};
} // namespace

StatusOr<bool> runOps(const OpBenchOptions &options, const std::string &folder, EntryObserver *observer) {
  DSRT_ASSIGN_OR_RETURN(std::vector<Prepared> cases, readCases(options, folder));
  Runner runner(options, observer);
  std::vector<OpResult> results;
  bool passed = true;
  for (const Prepared &prepared : cases) {
    DSRT_RETURN_IF_ERROR(runner.open(folder + "/" + prepared.artifact));
    OpResult result;
    result.of = prepared.of;
    result.kernel = prepared.kernel;
    result.function = prepared.of.family->function(prepared.of, /*schedule=*/nullptr);
    if (Status status = runner.measure(prepared, result); !status.ok())
      result.failure = status.message();
    std::fputs(result.line(runner.machine).c_str(), stdout);
    std::fflush(stdout); // what has been measured is known even if the next case hangs
    passed &= result.passed();
    results.push_back(std::move(result));
    if (!options.json.empty())
      DSRT_RETURN_IF_ERROR(writeFile(options.json, resultsJson(results, runner.machine)));
  }
  std::fputs(summary(results).c_str(), stdout);
  return passed;
}

StatusOr<int> benchOps(const OpBenchOptions &options, EntryObserver *observer) {
  if (!options.from.empty() && !options.prepare.empty())
    return Status::error("--prepare and --from are two steps: give one of them, or neither for both steps at once");
  bool passed = true;
  std::string folder = options.from.empty() ? options.prepare : options.from;
  const bool isTemporary = folder.empty();
  if (isTemporary) {
    char name[] = "/tmp/deepseek-bench-XXXXXX";
    if (!mkdtemp(name))
      return Status::error("cannot make a temporary folder in /tmp");
    folder = name;
  }
  auto runBoth = [&]() -> Status {
    if (options.from.empty()) {
      DSRT_ASSIGN_OR_RETURN(bool isComplete, prepareOps(options, folder));
      passed &= isComplete;
    }
    if (options.prepare.empty()) {
      DSRT_ASSIGN_OR_RETURN(bool isRight, runOps(options, folder, observer));
      passed &= isRight;
    }
    return Status();
  };
  Status status = runBoth();
  std::error_code ignored;
  if (isTemporary)
    fs::remove_all(folder, ignored);
  DSRT_RETURN_IF_ERROR(status);
  return passed ? 0 : 1;
}

} // namespace dsrt
