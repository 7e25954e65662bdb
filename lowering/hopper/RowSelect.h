// Searching one long row of f32 with the threads of a cluster of CTAs: its largest element, thresholds of a count or of
// a mass, prefix sums. All CTAs of the cluster call the same searches, and `finish` before they end.
//
// A warp owns a contiguous segment of the row, in tiles of 32 vectors. The row is read once and stays in shared memory,
// where it fits; a longer one is read again for each step. The searches see keys, which order as the elements do; each
// exchanges a few sums in distributed shared memory. All sums are of integers (counts, or weights in fixed point), so
// neither the order of additions nor of atomics shows in a result: the same row gives the same bits.
#pragma once

#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/SmemArena.h"

#include <functional>

namespace mlir::deepseek::hopper {

/// The elements "key above `key`, or equal to it and index at most `limit`" (i32 each): the first of an order by
/// decreasing key, then increasing index.
struct RowPrefix {
  Value key, limit;
};
/// i1: does the element belong to it?
Value inPrefix(KernelBuilder &k, Value key, Value index, const RowPrefix &prefix);
RowPrefix wholeRow(KernelBuilder &k);

/// Elements of a load of such a row: 4 where alignment and strides allow, else 1.
int64_t rowVector(const DeviceView &view);

/// How a row is spread over a cluster.
struct RowSpread {
  int64_t length, warps, cluster;                // warps of each CTA
  int64_t residentBytes = 160 << 10;             // of a CTA's part that may stay in shared memory
  int64_t tiles(int64_t vector) const;           // of a warp
  static constexpr int64_t kVectorsInFlight = 8; // loads of a thread that are under way together
  bool isResident() const;
};

class RowSelect {
public:
  static constexpr int64_t kMaxLength = 1 << 21;  // what the 32-bit counters of a digit can sum
  using Weight = std::function<Value(Value key)>; // u32; null: 1

  static constexpr int64_t kOwnBytes = 40 << 10; // of shared memory, beside a resident row

  /// The rows of `view`, `row` of which (i32) is searched.
  RowSelect(KernelBuilder &k, SmemArena &arena, const RowSpread &spread, const DeviceView &view, Value pointer,
            Value row);

  /// Value and index of the largest element, the lower index on a tie; elements that are not numbers count as less.
  /// Uniform. Brings a resident row into shared memory: to be called first, once. `meanwhile` runs before the threads
  /// meet.
  std::pair<Value, Value> argmax(llvm::function_ref<void()> meanwhile = [] {});
  /// From now on the elements have the keys (i32, ordered unsigned; 0 below all) that `key` makes of them.
  void setKeys(std::function<Value(Value x)> key);

  /// Of the elements of `within`, the first that together weigh `target(total)` (i64, at least 1, at most the total):
  /// with ties at the end, those with the lower indices.
  RowPrefix prefixOf(const RowPrefix &within, const Weight &weight, llvm::function_ref<Value(Value)> target);
  /// Calls `found` with the first element of `within`, in order of index, at which the running weight exceeds
  /// `target(total)` (i64), in lane 0 of one warp of the cluster; if there is none, with -1. Returns the total.
  Value findExceeding(const RowPrefix &within, const Weight &weight, llvm::function_ref<Value(Value)> target,
                      llvm::function_ref<void(Value)> found);

  /// Every thread visits its elements, a vector of neighbours at a time.
  void visit(llvm::function_ref<void(ValueRange keys, ValueRange indices)> visitor);
  bool isResident() const { return resident; }
  int64_t threads() const { return 32 * spread.warps; } // of a CTA
  /// Nothing of this CTA's shared memory is read by others any more.
  void finish();

private:
  struct Tile {
    Value base, valid, slot; // index of the lane's first element; i1: it exists; its bytes in shared memory
    Values indices;
  };
  Tile tileAt(Value number); // i32, of the warp's
  Values loadElements(const Tile &tile);
  Values keysOf(const Tile &tile);
  /// Every thread's tiles in order, with carried values.
  Values forTiles(ValueRange init, llvm::function_ref<Values(Value tile, ValueRange)> body);
  /// Of the elements that are members (i1), 0 of others; u32.
  Values weightsOf(ValueRange keys, ValueRange members, const Weight &weight);
  /// Over the warp, i64; and of the lane's elements where wanted.
  Value weightOfTile(const RowPrefix &within, const Weight &weight, const Tile &tile, Values *ofElements);
  void count(const RowPrefix &within, const Weight &weight, Value decided, Value mask, Value shift);
  void sumDigits(Value pass, bool wide);
  Value sumBytes(Value digit);
  Values searchDigit(Value target);
  void walkTiles(const RowPrefix &within, const Weight &weight, Value first, Value start, Value target,
                 llvm::function_ref<void(Value)> found);
  /// All threads of the cluster meet; what each CTA has stored to shared memory is then visible to the others.
  void syncAll();
  /// An element of CTA `rank`'s shared memory.
  Value loadFrom(Value rank, Type type, int64_t offset, Value dynamicBytes);
  /// What the warp of this CTA, or the CTA of the cluster, that has the lane's number has stored there, 8 bytes; for
  /// lanes beyond them, the first one's.
  Value loadOfWarp(Type type);
  Value loadOfBlock(Type type, int64_t offset);

  KernelBuilder &k;
  SmemArena &arena;
  const RowSpread spread;
  int64_t vector = 1, strideBytes = 4, tiles;
  bool resident;
  Value pointer, thread, lane, warp, rank; // rank: of the CTA in its cluster
  Cache cache = Cache::Default;
  std::function<Value(Value)> makeKey;
  // Offsets in shared memory. Of `totals` there are two, used in turn: one is still read while the next is written.
  int64_t low, high, totals, sums, perWarp, best, ofBlock, result, elements;
};

} // namespace mlir::deepseek::hopper
