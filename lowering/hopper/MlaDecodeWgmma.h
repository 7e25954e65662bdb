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
  int64_t tasks() const { return rowTiles() * plan.split * plan.sequences; }
  int64_t blocks() const { return std::min(tasks(), kMultiprocessors); }

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
  static constexpr int64_t kScoresBarrier = 1;                      // named: the warps of the scores
  static constexpr int64_t kProducer = 0, kScores = 4, kValues = 8; // first warps of the roles

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
  void storeRows(Sums &sums, ArrayRef<Value> inverse);

  int64_t rowTiles() const { return llvm::divideCeil(plan.sequenceRows(), kRows); }
  void findRange();
  Value limitOf(Value tileRow);
  void requestQuery(int64_t tile, const PipelineState &state, Value full);
  Value pageOf(Value tile, Value last);
  Value globalRow(Value tileRow); // of [T, H], or of [s, T, H]

  KernelBuilder &k;
  const MlaDecodePlan &plan;
  const Tiling &tiling;
  SmemArena &arena;
  MlaDecodeOperands operands; // queries and cache are tensor maps
  int64_t ring, queryColumns, probabilityBuffers, factors;
  int64_t chunks, chunkBarriers; // of quantised records, a ring for each warp that converts
  int64_t queryRows;             // of a tile of the query: heads times tokens
  int64_t queryTiles;            // 1 or 2
  Pipeline records, probabilities;
  Value warp, lane, half; // half: of the latent's columns, for the values
  Value taskIndex;
  MlaDecodeTask task;
  Value firstRow, count;       // of the CTA among the rows of the sequence; records that some row sees
  Value begin, pairs;          // first tile of the part, and pairs of tiles
  std::array<Value, 2> limits; // last visible position of the lane's two rows of the scores
  Value clear;                 // positions that all rows of the warp see
  Value scaleLog2;             // of scores: exponentials are base 2
};

} // namespace mlir::deepseek::hopper
