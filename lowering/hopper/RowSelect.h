// Searching one long row of f32 with the threads of a cluster of CTAs: argmax, thresholds of a count or of a mass,
// prefix sums. Each CTA has a part of the row; what a search exchanges is a few sums in distributed shared memory. All
// CTAs of the cluster call the same searches, and `finish` before they end.
//
// All sums are of integers (counts, or weights in fixed point), so neither the order of additions nor of atomics shows
// in a result: the same row gives the same bits.
#pragma once

#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/SmemArena.h"

#include <functional>

namespace mlir::deepseek::hopper {

/// One element of the row in registers.
struct RowElement {
  Value x, index; // f32, i32
  Value valid;    // i1: it exists; null: it does
};

/// The elements that a search considers, and what they count. Evaluated for elements that exist.
struct Candidates {
  std::function<Value(Value x)> key;                   // i32, ordered unsigned; orderedKey
  std::function<Value(Value key, Value index)> member; // i1; null: all
  std::function<Value(Value x)> weight;                // u32; null: 1
};

/// The keys above `key` together weigh less than the target, those from `key` on reach it.
struct Threshold {
  Value key;
  Value missing; // i64: target minus the weight above, at least 1
  Value atKey;   // i64: weight at `key`
};

class RowSelect {
public:
  static constexpr int64_t kMaxLength = 1 << 21; // what the 32-bit counters of a digit can sum

  /// `warps` of each of the `cluster` CTAs that share the row.
  RowSelect(KernelBuilder &k, SmemArena &arena, int64_t length, int64_t warps, int64_t cluster = 1);

  /// The row that the following calls search; `view` has the rows as first dimension.
  void setRow(const DeviceView &view, Value pointer, Value row);
  /// Nothing of this CTA's shared memory is read by others any more.
  void finish();

  /// Every thread of the cluster visits its elements in increasing order, with carried values.
  using Visit = llvm::function_ref<Values(const RowElement &, ValueRange)>;
  Values sweep(ValueRange init, Visit visit);

  /// Key and index of the largest element; the lower index on a tie. Uniform.
  std::pair<Value, Value> argmax(llvm::function_ref<Value(Value)> key);
  /// The largest key from which on the candidates weigh at least `target` (i64, at least 1, at most their weight).
  Threshold threshold(const Candidates &candidates, Value target);
  /// Index of the first candidate, in order of index, at which the running weight exceeds `target` (i64); -1 if none.
  Value firstExceeding(const Candidates &candidates, Value target);
  /// Weight of all candidates, i64.
  Value totalWeight(const Candidates &candidates);
  /// Sum of an i64 over the cluster.
  Value sumOverRow(Value x);

  int64_t threads() const { return 32 * warps; } // of a CTA

private:
  struct Walk {
    Value base;      // of the first vector, i32
    int64_t step;    // between a thread's vectors
    int64_t vectors; // of a thread; beyond a few, a multiple of those loaded together
  };
  /// Loads vectors in groups, so that several loads are under way, then visits them.
  Values walk(const Walk &walk, ValueRange init, Visit visit);
  llvm::SmallVector<RowElement> loadVector(Value base);
  Value weigh(const Candidates &candidates, const RowElement &element);
  void clearHistogram(bool wide);
  void sumReplicas(bool wide);
  Values searchDigit(Value target);
  Walk segment();
  Value sumOfWarps(Value x);
  /// All threads of the cluster meet; what each CTA has stored to shared memory is then visible to the others.
  void syncAll();
  /// An element of CTA `rank`'s shared memory.
  Value loadFrom(Value rank, Type type, int64_t offset, Value dynamicBytes = Value());

  KernelBuilder &k;
  SmemArena &arena;
  int64_t length, warps, cluster, vector = 1, strideBytes = 4;
  Value pointer, thread, lane, warp, rank; // rank: of the CTA in its cluster
  Cache cache = Cache::Default;
  // Offsets in shared memory; `mine` is what this CTA shows to the others, 8 bytes.
  int64_t low, high, totals, sums, scratch, result, mine;
};

// i64 values between lanes.
Value warpSum64(KernelBuilder &k, Value x);
/// Sum over the lanes up to and including this one.
Value warpInclusiveSum64(KernelBuilder &k, Value x);
Value shuffleIndex64(KernelBuilder &k, Value x, Value lane);

/// The candidate set "key above `key`, or equal and index at most `limit`" that holds the first `count` (i64) weights
/// of the candidates in order of decreasing key, then increasing index.
std::pair<Value, Value> prefixOf(KernelBuilder &k, RowSelect &row, const Candidates &candidates, Value target);
/// i1: is an element in such a set?
Value inPrefix(KernelBuilder &k, Value key, Value index, std::pair<Value, Value> prefix);

} // namespace mlir::deepseek::hopper
