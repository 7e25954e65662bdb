// Schedules of attention over the paged cache, and what they cost.
#pragma once

#include "passes/cost/Estimate.h"
#include <cstdint>
#include <optional>

namespace mlir::deepseek::cost {

/// Decode attention of `tokens` tokens in `sequences` sequences over records of `latent` + `rope` elements.
struct DecodeShape {
  int64_t tokens, sequences, heads, latent, rope;
  int64_t page;               // positions of a page
  int64_t capacity;           // positions of a sequence that its block table reaches
  int64_t context;            // positions of a sequence that the choice is made for; no more than the capacity count
  bool tmaAddressable = true; // the queries' rows
  bool partial = false;       // parts are results, not joined
  bool quantized = false;     // records of e4m3 (dialects/kernel/QuantizedRecord.h)
};

/// Rows (heads of tokens of a sequence) and keys (records) of a tile, tiles under way, warps, parts of the positions.
/// `columns`: of the output that a warpgroup holds, for products of warpgroups; 0 for products of single warps.
struct DecodeSchedule {
  int64_t rows, keys, stages, warps, split, columns = 0;
};

struct DecodeChoice {
  DecodeSchedule schedule;
  Estimate estimate; // joining the parts included
};

/// The cheapest schedule that fits a multiprocessor, for any number of heads and tokens; none where records are too
/// wide for every schedule, or where no tile divides the page. `split`: parts that are wanted, 0 for the cheapest
/// number.
std::optional<DecodeChoice> chooseDecodeSchedule(const DecodeShape &shape, const Machine &machine, int64_t split = 0);

/// The attention kernel alone.
Estimate decodeEstimate(const DecodeShape &shape, const DecodeSchedule &schedule, const Machine &machine);
/// Joining `split` partial results; nothing for one.
Estimate combineEstimate(const DecodeShape &shape, int64_t split, const Machine &machine);

} // namespace mlir::deepseek::cost
