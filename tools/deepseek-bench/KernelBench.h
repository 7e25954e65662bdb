// Runs one entry of an artefact of plain functions on seeded inputs, compares it with the same entry of another
// artefact (the CPU path), and times it. Buffers of a plain function are named <function>.arg<i> and
// <function>.result<i>; those of other functions are left alone.
#pragma once

#include "runtime/core/Program.h"
#include "tools/deepseek-bench/TestData.h"

#include <map>

namespace dsrt {

struct KernelBenchOptions {
  std::string entry;
  uint64_t seed = 1;
  double tolerance = 0; // relative norm of each float output; 0: defaultTolerance of its dtype
  int64_t repeat = 0;   // timed runs
  bool cold = false;    // empty the L2 cache before each timed run (ReadStream)
  bool useGraph = true; // time the replay of a captured graph rather than single launches
  int64_t bytes = 0; // that a run has to move, for GB/s; 0: all of the entry's inputs and outputs, where they are known
  int64_t pages = 8; // of buffers whose first dimension is the number of pages
  // By buffer, with or without the entry's name before it; the manifest's ranges apply to the others.
  std::map<std::string, Distribution> inputs;
  std::string inputFile; // safetensors: inputs with these names are taken from it
  bool print = false;    // put the values of the outputs into the report
};

struct OutputComparison {
  std::string name;
  DType dtype;
  double relativeError = 0, maxError = 0, tolerance = 0;
  int64_t elements = 0, mismatches = 0; // integers that differ, or floats of which exactly one is NaN, or both are
  bool isUntouched = false;             // the reference did not write it: not an output of this entry
  bool passes() const;
};

struct KernelBenchReport {
  std::string entry, device;
  std::string values; // of the outputs, if asked for
  std::vector<OutputComparison> outputs;
  bool bitsChanged = false; // a second run gave other bits
  double microseconds = 0;  // median of the timed runs
  int64_t runs = 0, bytes = 0, kernels = 0;

  bool passed() const;
  std::string text() const;
  std::string json() const;
};

// Twice the largest relative rounding error of the type (each side rounds once); 1e-5 for f32.
double defaultTolerance(DType type);

// `reference` may be null: then the entry is only run and timed.
StatusOr<KernelBenchReport> benchKernel(Program &program, Program *reference, const KernelBenchOptions &options,
                                        EntryObserver *observer);

} // namespace dsrt
