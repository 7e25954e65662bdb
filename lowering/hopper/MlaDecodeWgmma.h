// Multi-query attention over a paged cache with products of warpgroups. The algorithm is described in
// MlaDecodeWgmma.cpp.
#pragma once

#include "lowering/hopper/MlaDecodeBody.h"
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Wgmma.h"
#include "lowering/hopper/scheduler/TileScheduler.h"
#include <vector>

namespace mlir::deepseek::hopper {

class WgmmaDecode {
public:
  using Tiling = kernel::MlaDecodeWgmmaTiling;
  static constexpr int64_t kRows = Tiling::kRows, kKeys = Tiling::kKeys, kColumns = Tiling::kColumns;
  static constexpr int64_t kRowBytes = 128; // of a block

  WgmmaDecode(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, const Tiling &tiling, KernelBuilder &k,
              LaunchPlan &launch, SmemArena &arena);
  void init();
  void run();
  /// Run by one warp, before run().
  void findShare();
  int64_t blocks() const { return shares.blocks(); }

private:
  static constexpr int64_t kBlockBytes = kKeys * kRowBytes;       // 64 columns of a tile
  static constexpr int64_t kProbabilityBytes = kRows * kKeys * 2; // of a buffer
  static constexpr int64_t kProbabilityRow = kKeys * 2;           // 64 bytes: the swizzle's width
  static constexpr int64_t kStepBytes = 32;                       // of K in one product
  static constexpr int64_t kProducerWarps = 4;                    // that convert
  static constexpr int64_t kScoreWarps = 4, kValueWarps = 8;
  static constexpr double kLeast = -1e38; // below every score
  static constexpr double kSlack =
      8; // a maximum may lag behind by 2^8: rescaling is rare, and sums keep their precision
  static constexpr int64_t kScoresBarrier = 1, kValuesBarrier = 2;  // named: the warps of the role
  static constexpr int64_t kProducer = 0, kScores = 4, kValues = 8; // first warps of the roles

  // --- the CTA's share (MlaDecodeShares.cpp) ---
  /// Where a share begins or ends: at a pair of tiles of an item; if that is not the item's first pair, the groups that
  /// have its first and its last part.
  struct Boundary {
    Value item, pair, head, tail;
  };
  static constexpr int64_t kBoundaryBytes = 16;
  Value pairsOf(Value sequence);
  Boundary boundary(Value index); // 0: begin, 1: end
  Value beginsInside();
  Value endsInside();
  Value isPart() { return k.logicalOr(beginsInside(), endsInside()); }
  Value slotOf(Value group, Value isFirst);
  Value slotOfTask();
  Value slotPointer(Value slot);
  Value sumPointer(Value slot, Value row);
  Value vectorOffset(Value half, Value rowGroup, Value i, int64_t rows);
  Value counterPointer(Value head);
  void storeEmptyPart();
  void arrive();
  void awaitParts(Value head, Value parts);
  Value joinsTail();
  void awaitTail();
  void joinParts();
  void joinUnits(const Boundary &cut, Value parts, Value firstUnit, Value together, int64_t units);
  void storeJoined(ArrayRef<Value> state, Value half, Value pair, Value row);
  /// Whether the first of two parts fits the ring and what follows it.
  bool keepsHeads() const { return kRows * plan.tiling.latent * 4 <= probabilityBuffers - ring; }

  // --- roles ---
  using Role = Values (WgmmaDecode::*)(ValueRange state);
  void forEachTask(ValueRange state, Role role);
  void setTask(Value index);
  void setTaskAgain();
  Values produce(ValueRange state);
  Values convertRecords(ValueRange state); // MlaDecodeQuantized.cpp
  Values makeScores(ValueRange state);
  Values addValues(ValueRange state);
  void storeEmpty();

  // --- scores ---
  bool isInRegisters(int64_t block, int64_t stepBytes) const {
    return block * (kRowBytes / kStepBytes) + stepBytes / kStepBytes < tiling.registerSteps();
  }
  Values loadQuery(PipelineState &state);
  Accumulator issueScores(ArrayRef<Value> query, const PipelineState &state);
  void hide(Accumulator &scores, Value tile);
  std::array<Value, 2> raiseMaxima(Accumulator &scores, SoftmaxRows &softmax);
  PipelineState publish(Accumulator &scores, Value tile, SoftmaxRows &softmax, const PipelineState &record,
                        PipelineState probability);
  void clearTail(Value tile, const PipelineState &record);
  Value factorPointer(const PipelineState &state, Value row) {
    return k.gep(arena.at(factors, k.mul(state.stage, kRows * 4)), k.shl(row, 2));
  }

  // --- values ---
  using Sums = std::vector<Accumulator>; // of a warpgroup, productColumns() each
  Sums sumsOf(ValueRange values);
  void issueValues(Sums &sums, const PipelineState &record, const PipelineState &probability, bool accumulate);
  std::array<Value, 2> loadFactors(const PipelineState &state);
  void rescale(Sums &sums, ArrayRef<Value> factor);
  void storeTask(Sums &sums, ArrayRef<Value> inverse);
  void storeRows(Sums &sums, ArrayRef<Value> inverse);
  /// Of the task's rows: those of the lane's registers.
  Value rowOfLane(int64_t h) { return k.add(k.add(k.shl(k.bitAnd(warp, 3), 4), k.shrU(lane, 2)), 8 * h); }
  void storeEight(Value row, Value column, ArrayRef<Value> packed);
  void storePart(Sums &sums, ArrayRef<Value> inverse);
  void joinTail(Sums &sums, ArrayRef<Value> inverse);

  void findRange();
  Value limitOf(Value tileRow);
  void requestQuery(int64_t tile, const PipelineState &state, Value full);
  Value pageOf(Value tile, Value last);
  Value globalRow(Value tileRow); // of [T, H]

  KernelBuilder &k;
  const MlaDecodePlan &plan;
  const Tiling &tiling;
  const kernel::MlaDecodeShares shares;
  SmemArena &arena;
  MlaDecodeOperands operands; // queries and cache are tensor maps
  int64_t ring, queryColumns, probabilityBuffers, factors, logSums, share;
  int64_t chunks, chunkBarriers; // of quantised records, a ring for each warp that converts
  int64_t queryRows;             // of a tile of the query: heads times tokens
  int64_t queryTiles;            // 1 or 2
  Pipeline records, probabilities;
  Value warp, lane, half; // half: of the latent's columns, for the values
  Value counters;         // in global memory: one for each CTA, of the item that it has the first part of
  Value taskIndex;        // of the item
  MlaDecodeTask task;
  Value firstRow, count;       // of the CTA among the rows of the sequence; records that some row sees
  Value begin, pairs;          // first tile of the part, and pairs of tiles
  std::array<Value, 2> limits; // last visible position of the lane's two rows of the scores
  Value clear;                 // positions that all rows of the warp see
  Value scaleLog2;             // of scores: exponentials are base 2
};

} // namespace mlir::deepseek::hopper
