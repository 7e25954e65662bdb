// Writes the cases as MLIR and runs the compiler on them.
#include "runtime/core/JsonFields.h"
#include "tools/deepseek-bench/OpBench.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/runner/WriteFile.h"

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace dsrt {

namespace {
namespace fs = std::filesystem;

// A function to compile: a case, and for a search the schedule to try.
struct Variant {
  OpCase of;
  std::string kernel, entry;
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

class Preparation {
public:
  Preparation(const OpBenchOptions &options, const std::string &folder) : options(options), folder(folder) {}

  Status add(const std::vector<Variant> &variants, const std::string &stem) {
    DSRT_ASSIGN_OR_RETURN(bool isCompiled, compile(variants, stem, /*isQuiet=*/variants.size() > 1));
    if (isCompiled) {
      for (const Variant &variant : variants)
        record(variant, stem);
      return Status();
    }
    // One of them is to blame: halves find it.
    if (variants.size() == 1) {
      std::fprintf(stderr, "deepseek-bench: %s%s%s did not compile\n", variants[0].of.text.c_str(),
                   variants[0].kernel.empty() ? "" : " with ", variants[0].kernel.c_str());
      isComplete = false;
      return Status();
    }
    const auto middle = variants.begin() + static_cast<std::ptrdiff_t>(variants.size() / 2);
    DSRT_RETURN_IF_ERROR(add(std::vector<Variant>(variants.begin(), middle), stem + "a"));
    return add(std::vector<Variant>(middle, variants.end()), stem + "b");
  }

  // A schedule that is refused is no error; the compiler's own choice is.
  StatusOr<bool> tryOne(const Variant &variant) {
    if (variant.kernel.empty()) {
      DSRT_RETURN_IF_ERROR(add({variant}, variant.entry));
      return true;
    }
    DSRT_ASSIGN_OR_RETURN(bool isCompiled, compile({variant}, variant.entry, /*isQuiet=*/true));
    if (isCompiled)
      record(variant, variant.entry);
    return isCompiled;
  }

  StatusOr<bool> finish() {
    DSRT_RETURN_IF_ERROR(writeFile(folder + "/cases.json", list.dump(1) + "\n"));
    return isComplete;
  }

private:
  void record(const Variant &variant, const std::string &stem) {
    list.push_back(
        {{"case", variant.of.text}, {"entry", variant.entry}, {"kernel", variant.kernel}, {"artifact", stem + ".so"}});
    if (auto offsets = variant.of.family->function(variant.of, variant.kernel).offsets; !offsets.empty())
      list.back()["offsets"] = std::move(offsets);
  }

  StatusOr<bool> compile(const std::vector<Variant> &variants, const std::string &stem, bool isQuiet) {
    std::string text;
    for (const Variant &variant : variants)
      text += mlirText(variant.entry, variant.of.family->function(variant.of, variant.kernel));
    const std::string path = folder + "/" + stem;
    DSRT_RETURN_IF_ERROR(writeFile(path + ".mlir", text));
    std::vector<std::string> words = {options.compiler, path + ".mlir", "--target=sm_90a", "-o", path + ".so"};
    std::vector<char *> arguments;
    for (std::string &word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (isQuiet) // the culprit is compiled alone before long
      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    int code = posix_spawn(&child, options.compiler.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    if (code != 0 || waitpid(child, &status, 0) != child)
      return Status::error("cannot run the compiler " + options.compiler + "; --compiler names another");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  const OpBenchOptions &options;
  const std::string &folder;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  bool isComplete = true;
};
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
  Preparation preparation(options, folder);
  std::map<std::string, std::vector<Variant>> families;
  for (const OpCase &of : cases) {
    std::vector<Variant> &variants = families[of.family->name];
    variants.push_back({of, "", of.entry()});
    if (!options.search)
      continue;
    if (!of.family->kernels)
      return Status::error(std::string(of.family->name) + " has no schedules to search");
    size_t index = 0;
    for (std::string &kernel : of.family->kernels(of))
      variants.push_back({of, kernel, of.entry() + "_s" + std::to_string(index++)});
  }
  for (auto &[name, variants] : families) {
    std::fprintf(stderr, "deepseek-bench: compiling %zu functions of %s\n", variants.size(), name.c_str());
    if (!options.search) {
      DSRT_RETURN_IF_ERROR(preparation.add(variants, name));
      continue;
    }
    // Some schedules are beyond a builder's means: each alone, so that one does not take others with it.
    size_t refused = 0;
    for (const Variant &variant : variants) {
      DSRT_ASSIGN_OR_RETURN(bool isCompiled, preparation.tryOne(variant));
      refused += !isCompiled;
    }
    std::fprintf(stderr, "deepseek-bench: %zu schedules of %s were refused\n", refused, name.c_str());
  }
  return preparation.finish();
}

} // namespace dsrt
