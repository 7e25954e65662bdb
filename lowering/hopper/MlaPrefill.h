// What the two forms of mla_prefill share: MlaPrefill.cpp (single warps, any sizes) and MlaPrefillWgmma.cpp.
#pragma once

#include "lowering/hopper/Kernel.h"

namespace mlir::deepseek::hopper {

/// Sizes and places of an mla_prefill operation.
struct PrefillProblem {
  DeviceView qNope, qRope, kv, kRope, result;
  int64_t tokens, heads, nope, rope, value, sequences, context; // context: rows of kv for each sequence
  double scale;

  int64_t tokensOfSequence() const { return tokens / sequences; }
};

/// The form for warpgroups: tiles of 64 rows for each warpgroup, schedules with 4 + rows / 16 warps. Reports what does
/// not fit.
FailureOr<LaunchPlan> buildMlaPrefillWgmma(kernel::MlaPrefillOp op, const PrefillProblem &problem, KernelBuilder &k);

} // namespace mlir::deepseek::hopper
