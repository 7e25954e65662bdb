// Forms and schedules of attention of a chunk over expanded keys and values, and what they cost.
#pragma once

#include "passes/cost/Estimate.h"
#include <cstdint>
#include <optional>

namespace mlir::deepseek::cost {

/// Attention of the last `tokens` / `sequences` positions of each sequence of `context` positions.
struct PrefillShape {
  int64_t tokens, sequences, heads, nope, rope, value;
  int64_t context;
};

/// For warpgroups (MlaPrefillTiling), or for single warps of sixteen rows each.
struct PrefillSchedule {
  int64_t rows, keys, stages, warps;
  int64_t headGroup; // heads (of all sequences) whose tiles are worked on together; warpgroups only
  int64_t split;     // parts of the keys: CTAs of a cluster; warpgroups only
  bool forWarpgroups() const;
};

/// What the form for single warps takes where no schedule says otherwise.
PrefillSchedule defaultPrefillSchedule(const PrefillShape &shape);

struct PrefillChoice {
  PrefillSchedule schedule;
  Estimate estimate;
};

/// The cheapest form and tile. `tmaAddressable`: all operands' rows and heads start at multiples of 16 bytes, which the
/// form for warpgroups needs.
PrefillChoice choosePrefillSchedule(const PrefillShape &shape, bool tmaAddressable, const Machine &machine);

Estimate prefillEstimate(const PrefillShape &shape, const PrefillSchedule &schedule, const Machine &machine);

} // namespace mlir::deepseek::cost
