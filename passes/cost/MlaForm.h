// Naive or absorbed MLA: what each form costs.
#pragma once

#include "passes/cost/Machine.h"
#include <cstdint>

namespace mlir::deepseek::cost {

/// Sizes of one attention layer in one entry. `tokens` of `sequences`, each sequence with `context` cached positions.
struct MlaShape {
  int64_t tokens, sequences, context;
  int64_t heads, latent, rope, nope, value;
  int64_t weightBytes, cacheBytes; // bytes of an element of kv_b and of the cache
  int64_t page;                    // positions of a page of the cache
};

/// Seconds for everything that differs between the forms: expansion of the cache (naive), absorbing projections,
/// attention.
double mlaNaiveSeconds(const MlaShape &shape, const Machine &machine);
/// The absorbed form: infinite where no schedule of its kernel holds the cache's records.
double mlaAbsorbedSeconds(const MlaShape &shape, const Machine &machine);

} // namespace mlir::deepseek::cost
