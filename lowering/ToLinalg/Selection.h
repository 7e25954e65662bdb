// Choosing from rows: argmax, top-k, routing of tokens to groups, sorting by group, sampling. Both dialects have these
// operations with the same numerics; their lowerings to linalg share this code.
#pragma once

#include "lowering/ToLinalg/LinalgEmitter.h"

namespace mlir::deepseek {

/// Index (i32) of the largest of row[0..extent); the lower index wins. Valid whatever the row holds.
Value emitArgmaxOfRow(LinalgEmitter &b, Value row, int64_t extent);

/// x [R, N] -> [R] i32.
Value emitArgmax(LinalgEmitter &b, Value x);

/// x [R, N] -> values [R, K] f32 and indices [R, K] i32, best first, the lower index first on a tie.
std::pair<Value, Value> emitTopK(LinalgEmitter &b, Value x, int64_t k);

/// How logits become groups and weights (deepseek.moe_gate, kernel.route).
struct RouteSpec {
  enum class GroupScore { None, Max, Top2Sum };
  int64_t topK, groups, topGroups;
  bool softmax; ///< else sigmoid
  GroupScore groupScore;
  bool normalize;
  double scale;
};
/// logits [T, E], bias [E] or null -> weights [T, K] f32 and indices [T, K] i32.
std::pair<Value, Value> emitRoute(LinalgEmitter &b, Value logits, Value bias, const RouteSpec &spec);

struct SortedTokens {
  Value offsets; ///< [E + 1] i32
  Value rowOf;   ///< [T, K] i32
  Value tokenOf; ///< [T * K] i32
};
/// indices [T, K] i32, sorted by group, then token, then choice.
SortedTokens emitSortTokens(LinalgEmitter &b, Value indices, int64_t groups);

/// Operands of deepseek.sample; the result is [R] i32.
struct SampleOperands {
  Value logits, temperature, topK, topP, seed, positions;
};
Value emitSample(LinalgEmitter &b, const SampleOperands &operands);

} // namespace mlir::deepseek
