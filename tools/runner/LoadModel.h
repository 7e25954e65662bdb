// From an artefact and a source of weights to a model that is ready to run: the first half of both tools.
#pragma once

#include "runtime/session/ModelRunner.h"
#include "tools/runner/CommandLine.h"

#include <memory>
#include <optional>

namespace dsrt {

struct LoadOptions {
  std::string artifact;
  std::string weights;     // a checkpoint, or random:SEED
  int64_t threads = 0;     // 0: one for each physical core
  int64_t device = 0;      // index of the GPU
  int64_t cacheTokens = 0; // 0: see ModelOptions
  bool noGraph = false;
  double timeout = 0; // seconds for one entry, 0: none

  // Declares them as options of a tool.
  void declare(CommandLine &line);
};

struct LoadedModel {
  std::unique_ptr<Program> program;
  std::unique_ptr<ModelRunner> runner;
  int64_t weightBytes = 0;
  double loadSeconds = 0, initializeSeconds = 0;
};

// The program alone: everything is checked, nothing is allocated.
StatusOr<LoadedModel> openProgram(const LoadOptions &options);
// Allocates its buffers, fills its parameters and makes it a model: the cache is allocated and `initialize` has run.
// Warnings and, above a gigabyte, progress go to stderr; `tool` opens them.
Status startModel(LoadedModel &loaded, const LoadOptions &options, const std::string &tool, EntryObserver *observer);

} // namespace dsrt
