// Figures of cases: as a table, and as JSON for test/e2e/gpu/compare.py.
#pragma once

#include "tools/deepseek-bench/ops/Family.h"

#include <optional>

namespace dsrt {

// What the GPU can do, for the limit of a case.
struct OpMachine {
  std::string gpu; // name and UUID
  double bandwidth = 0;
};

struct OpResult {
  OpCase of;
  std::string kernel;   // of a search: the schedule that was tried
  std::string schedule; // of each kernel, as the compiler has it
  OpFunction function;
  OpCheck check;
  std::string failure; // why there is no result
  double microseconds = 0, fastest = 0;
  std::optional<double> estimate; // us, the compiler's
  int64_t kernels = 0, runs = 0;

  bool passed() const { return failure.empty() && check.passed(); }
  // The least time that bytes and products allow, us.
  double limit(const OpMachine &machine) const;
  const char *limitName(const OpMachine &machine) const;
  std::string line(const OpMachine &machine) const;
};

std::string tableHead(const OpMachine &machine);
// Estimates beside measurements, and of searches the best schedule beside the compiler's choice.
std::string summary(const std::vector<OpResult> &results);
std::string resultsJson(const std::vector<OpResult> &results, const OpMachine &machine);

} // namespace dsrt
