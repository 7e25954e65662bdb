// Fills a program's parameter buffers: from a checkpoint, whose tensors must match the manifest exactly, or with seeded
// random values. All tensors are checked before the first byte is copied; the copies run on several threads.
#pragma once

#include "runtime/core/Program.h"
#include "runtime/weights/Checkpoint.h"

#include <functional>

namespace dsrt {

// Called from the loading thread, a few times a second, with bytes.
using LoadProgress = std::function<void(int64_t done, int64_t total)>;

struct LoadReport {
  int64_t bytes = 0;
  // Tensors of the checkpoint that the program does not use, without those that are known to be unused: rotary
  // frequencies, which are computed, and layers past the model's own (multi-token prediction).
  std::vector<std::string> unused;
};

StatusOr<LoadReport> loadWeights(Program &program, const Checkpoint &checkpoint, int threads,
                                 const LoadProgress &progress);

// The same seed gives the same bits on every machine and target. Values are such that activations stay finite through
// a deep model: matrices of standard deviation 0.02, norms around 1, quantisation scales of 2^-7 and 2^-6.
StatusOr<LoadReport> fillRandomWeights(Program &program, uint64_t seed, int threads, const LoadProgress &progress);

// One copy of a load: runs on some thread, with that thread's uploader.
struct LoadJob {
  int64_t bytes;
  std::function<Status(Uploader &)> run;
};
// Runs the jobs on `threads` threads and reports progress; the first error stops the others.
Status runLoadJobs(Memory &memory, const std::vector<LoadJob> &jobs, int threads, const LoadProgress &progress);

// Zeroes the bytes of parameter buffers that no parameter covers (padding).
Status zeroPadding(Program &program);

} // namespace dsrt
