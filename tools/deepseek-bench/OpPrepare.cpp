// Writes the cases as MLIR and runs the compiler on them.
#include "runtime/core/JsonFields.h"
#include "tools/deepseek-bench/OpBench.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/runner/WriteFile.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

extern char **environ;

namespace dsrt {

namespace {
namespace fs = std::filesystem;

constexpr size_t searchUnit = 16; // functions of an artefact

// A function to compile: a case, and for a search the schedule to try.
struct Variant {
  OpCase of;
  std::optional<OpSchedule> schedule;
  std::string entry, artifact = {}; // the artefact: once it is compiled

  OpFunction function() const { return of.family->function(of, schedule ? &*schedule : nullptr); }
  std::string text() const { return of.text + (schedule ? " with " + schedule->text() : ""); }
};

StatusOr<std::vector<OpCase>> selectCases(const OpBenchOptions &options) {
  std::vector<std::string> texts = options.cases;
  bool isKnown = options.family == "all" || !texts.empty();
  std::string known = "all";
  for (const OpFamily &family : opFamilies()) {
    known += std::string(", ") + family.name;
    if (options.family != "all" && options.family != family.name)
      continue;
    isKnown = true;
    if (options.cases.empty())
      for (std::string &text : family.cases())
        texts.push_back(std::move(text));
  }
  if (!isKnown)
    return Status::error("--op '" + options.family + "' is no kernel family; expected one of " + known);
  DSRT_ASSIGN_OR_RETURN(CaseFilter filter, CaseFilter::create(options.filter));
  std::vector<OpCase> selected;
  for (const std::string &text : texts)
    if (filter.accepts(text)) {
      DSRT_ASSIGN_OR_RETURN(OpCase parsed, parseCase(text));
      selected.push_back(std::move(parsed));
    }
  if (selected.empty())
    return Status::error("no case matches --filter '" + options.filter + "'");
  return selected;
}

// What the compiler writes to its standard error goes to a file, of which the culprit's is shown.
class Compilation {
public:
  Compilation(const OpBenchOptions &options, const std::string &folder, std::vector<Variant> &variants)
      : options(options), folder(folder), variants(variants) {}

  // Variants `first` to `end` of the list become one artefact.
  void add(size_t first, size_t end, const std::string &stem) { waiting.push_back({first, end, stem}); }

  // As many compilers at once as there are cores.
  Status run() {
    const size_t cores = std::max(1u, std::thread::hardware_concurrency());
    Status status;
    while ((status.ok() && !waiting.empty()) || !running.empty()) {
      if (status.ok() && !waiting.empty() && running.size() < cores) {
        Unit unit = waiting.front();
        waiting.pop_front();
        status = start(unit);
        continue;
      }
      int code = 0;
      const pid_t child = waitpid(-1, &code, 0);
      auto found = running.find(child);
      if (found == running.end())
        continue;
      const Unit unit = found->second;
      running.erase(found);
      finish(unit, WIFEXITED(code) && WEXITSTATUS(code) == 0);
    }
    return status;
  }

  size_t refused = 0;     // schedules
  bool isComplete = true; // all but those compiled

private:
  struct Unit {
    size_t first, end;
    std::string stem;
  };

  Status start(const Unit &unit) {
    std::string text;
    for (size_t i = unit.first; i < unit.end; ++i)
      text += mlirText(variants[i].entry, variants[i].function());
    const std::string path = folder + "/" + unit.stem, log = path + ".log";
    DSRT_RETURN_IF_ERROR(writeFile(path + ".mlir", text));
    std::vector<std::string> words = {options.compiler, path + ".mlir", "--target=sm_90a", "-o", path + ".so"};
    std::vector<char *> arguments;
    for (std::string &word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    pid_t child = 0;
    const int code = posix_spawn(&child, options.compiler.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0)
      return Status::error("cannot run the compiler " + options.compiler + "; --compiler names another");
    running[child] = unit;
    return Status();
  }

  void finish(const Unit &unit, bool isCompiled) {
    const std::string path = folder + "/" + unit.stem;
    std::stringstream log;
    log << std::ifstream(path + ".log").rdbuf();
    std::error_code ignored;
    fs::remove(path + ".log", ignored);
    if (isCompiled) {
      for (size_t i = unit.first; i < unit.end; ++i)
        variants[i].artifact = unit.stem + ".so";
      return;
    }
    // One of them is to blame: halves find it.
    if (unit.end - unit.first > 1) {
      fs::remove(path + ".mlir", ignored);
      const size_t middle = (unit.first + unit.end) / 2;
      waiting.push_front({middle, unit.end, unit.stem + "b"});
      waiting.push_front({unit.first, middle, unit.stem + "a"});
      return;
    }
    report(variants[unit.first], log);
  }

  // A schedule that is refused is no error; the compiler's own choice is.
  void report(const Variant &variant, std::stringstream &log) {
    if (!variant.schedule) {
      std::fprintf(stderr, "%sdeepseek-bench: %s did not compile\n", log.str().c_str(), variant.text().c_str());
      isComplete = false;
      return;
    }
    std::string line, reason = "the compiler gave no reason";
    while (std::getline(log, line))
      if (size_t place = line.find("error: "); place != std::string::npos) {
        reason = line.substr(place + 7);
        break;
      }
    std::fprintf(stderr, "deepseek-bench: %s refused: %s\n", variant.text().c_str(), reason.c_str());
    ++refused;
  }

  const OpBenchOptions &options;
  const std::string &folder;
  std::vector<Variant> &variants;
  std::deque<Unit> waiting;
  std::map<pid_t, Unit> running;
};

// The cases family by family, in a search each with its schedules.
StatusOr<std::vector<Variant>> variantsOf(const std::vector<OpCase> &cases, bool search) {
  std::vector<Variant> all;
  for (const OpFamily &family : opFamilies())
    for (const OpCase &of : cases) {
      if (of.family != &family)
        continue;
      all.push_back({of, std::nullopt, of.entry()});
      if (!search)
        continue;
      if (!family.schedules)
        return Status::error(std::string(family.name) + " has no schedules to search");
      size_t index = 0;
      for (OpSchedule &schedule : family.schedules(of))
        all.push_back({of, std::move(schedule), of.entry() + "_s" + std::to_string(index++)});
    }
  return all;
}

Status writeCases(const std::string &folder, const std::vector<Variant> &variants) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Variant &variant : variants) {
    if (variant.artifact.empty())
      continue;
    list.push_back({{"case", variant.of.text},
                    {"entry", variant.entry},
                    {"kernel", variant.schedule ? variant.schedule->text() : ""},
                    {"artifact", variant.artifact}});
    if (auto offsets = variant.function().offsets; !offsets.empty())
      list.back()["offsets"] = std::move(offsets);
  }
  return writeFile(folder + "/cases.json", list.dump(1) + "\n");
}
} // namespace

StatusOr<bool> prepareOps(const OpBenchOptions &given, const std::string &folder) {
  OpBenchOptions options = given;
  std::error_code error;
  if (options.compiler.empty())
    options.compiler = (fs::read_symlink("/proc/self/exe", error).parent_path() / "deepseek-compile").string();
  if (access(options.compiler.c_str(), X_OK) != 0)
    return Status::error("there is no compiler " + options.compiler +
                         "; --compiler names one, or prepare on another machine and run with --from");
  DSRT_ASSIGN_OR_RETURN(std::vector<OpCase> cases, selectCases(options));
  fs::create_directories(folder, error);
  if (error)
    return Status::error("cannot make the folder " + folder + ": " + error.message());
  DSRT_ASSIGN_OR_RETURN(std::vector<Variant> variants, variantsOf(cases, options.search));
  Compilation compilation(options, folder, variants);
  for (size_t first = 0, end = 0; first < variants.size(); first = end) {
    const OpFamily *family = variants[first].of.family;
    while (end < variants.size() && variants[end].of.family == family)
      ++end;
    std::fprintf(stderr, "deepseek-bench: compiling %zu functions of %s\n", end - first, family->name);
    if (!options.search) {
      compilation.add(first, end, family->name);
      continue;
    }
    // Some schedules are beyond a builder's means: small artefacts, so that few others are compiled again.
    for (size_t i = first; i < end; i += searchUnit)
      compilation.add(i, std::min(i + searchUnit, end), family->name + ("-" + std::to_string(i - first)));
  }
  DSRT_RETURN_IF_ERROR(compilation.run());
  if (options.search)
    std::fprintf(stderr, "deepseek-bench: %zu of %zu schedules were refused\n", compilation.refused,
                 variants.size() - cases.size());
  DSRT_RETURN_IF_ERROR(writeCases(folder, variants));
  return compilation.isComplete;
}

} // namespace dsrt
