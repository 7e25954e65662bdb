// What a kernel moves and computes, and the time that takes.
#pragma once

#include "passes/cost/Machine.h"
#include <cstdint>
#include <initializer_list>

namespace mlir::deepseek::cost {

inline int64_t ceilDiv(int64_t size, int64_t part) { return (size + part - 1) / part; }

struct Estimate {
  double bytes = 0;             // read and written, each once
  double flops = 0;             // of matrix products
  double seconds = 0;           // the launch included
  const char *limit = "launch"; // what decides: "memory", "cache", "loads", "products", "latency" or "launch"
};

/// A kernel that `bounds` keep busy side by side, in seconds: the longest counts.
struct Bound {
  double seconds;
  const char *name;
};
Estimate boundedBy(double bytes, double flops, std::initializer_list<Bound> bounds, const Machine &machine);

/// A kernel that streams `bytes`, spread over `blocks` CTAs.
Estimate streamEstimate(double bytes, double blocks, const Machine &machine);

} // namespace mlir::deepseek::cost
