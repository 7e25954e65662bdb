// `--op`, `--search`: times kernel families on their cases, cold, and checks sampled results against float64. Two
// steps, because a GPU machine need not have the compiler: `prepare` compiles the cases to artefacts in a folder, `run`
// measures what it finds there.
#pragma once

#include "runtime/core/Program.h"

namespace dsrt {

struct OpBenchOptions {
  std::string family;             // or all
  std::vector<std::string> cases; // empty: those of the table
  std::string filter;             // regular expression over cases
  std::string prepare, from;      // folders; both empty: a temporary one
  bool search = false;            // every schedule of the family instead of the cost model's choice
  std::string compiler;           // empty: deepseek-compile beside this program
  std::string json;
  int64_t repeat = 21, device = 0;
  double bandwidth = 0; // bytes per second; 0: measured
};

// Compiles; what does not compile is named on stderr and left out. False if there was any.
StatusOr<bool> prepareOps(const OpBenchOptions &options, const std::string &folder);
// Measures; false if a result is wrong.
StatusOr<bool> runOps(const OpBenchOptions &options, const std::string &folder, EntryObserver *observer);
// Both steps, or the one that the options name. Returns the exit code.
StatusOr<int> benchOps(const OpBenchOptions &options, EntryObserver *observer);

} // namespace dsrt
