// The task body of multi-query attention over a paged cache. It knows no grid; MlaDecode.cpp runs it. The algorithm is
// described there.
#pragma once

#include "dialects/kernel/MlaDecodeTiling.h"
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/OnlineSoftmax.h"
#include "lowering/hopper/blocks/PaddedTile.h"
#include "lowering/hopper/blocks/SmemArena.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::deepseek::hopper {

/// Everything about the operation but its addresses.
struct MlaDecodePlan {
  DeviceView qLatent, qRope, cache;
  int64_t tokens, heads, sequences, tablePages, page;
  double scale;
  bool partial;  // results are f32 parts with their lse
  Value scratch; // or the kernel's own memory for parts, if any

  kernel::MlaDecodeTiling tiling; // latent, rope, the schedule's tile, stages and warps
  int64_t split;
  PaddedTile query, records;

  int64_t width() const { return tiling.width(); }
  int64_t sequenceRows() const { return tokens / sequences * heads; }
  int64_t tasksPerPart() const { return llvm::divideCeil(sequenceRows(), tiling.rows); } // of a sequence
  int64_t recordBytes() const { return width() * PaddedTile::kElementBytes; }
  int64_t pageBytes() const { return cache.strides[0] * PaddedTile::kElementBytes; }
};

/// Addresses in global memory: of the operands' first elements, of the cache's layer. `lse` is null unless the results
/// are parts, `scratch` unless there is some.
struct MlaDecodeOperands {
  Value qLatent, qRope, cache, positions, blockTable, result, lse, scratch;
};

/// Reads everything but the schedule; reports what the kernels cannot take.
LogicalResult planMlaDecode(kernel::MlaDecodeOp op, MlaDecodePlan &plan);
/// The kernel on warpgroup products (MlaDecodeWgmma.cpp), for schedules whose tile has three sizes.
FailureOr<LaunchPlan> buildMlaDecodeWgmma(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, KernelBuilder &k);

/// Rows [rowTile * M, (rowTile + 1) * M) of a sequence and one part of its positions; i32.
struct MlaDecodeTask {
  Value sequence, part, rowTile;
};

class MlaDecodeBody {
public:
  /// Takes its shared memory from `arena`.
  MlaDecodeBody(KernelBuilder &k, const MlaDecodePlan &plan, const MlaDecodeOperands &operands, SmemArena &arena);

  /// Once, before the first task: needs nothing that an earlier kernel wrote.
  void clearPadding();
  /// All threads of the CTA. Ends with a CTA barrier still to come: another task needs one first.
  void run(const MlaDecodeTask &theTask);

private:
  Value limitOf(Value tileRow);
  void findLimits();
  Value pageOf(Value tile);
  void loadQuery();
  void loadRecords(Value tile, Value page, Value stage);
  Values computeScores(Value stage);
  void writeScores(ArrayRef<Value> sums, Value tile);
  Values readScores(int64_t outputTile);
  void addValues(MutableArrayRef<Value> accumulators, ArrayRef<Values> probabilities, Value stage);
  Values step(Value tile, ValueRange state);
  void store(ArrayRef<Value> accumulators, ArrayRef<SoftmaxRows> softmax);
  void storeRow(Value row, int64_t outputTile, int64_t half, ArrayRef<Value> accumulators, Value inverse);

  // The loop's state: accumulators [output tile][pair][8], softmax rows [output tile], stage, page of the next tile to
  // copy.
  SoftmaxRows softmaxOf(ValueRange state, int64_t outputTile) const {
    return SoftmaxRows(
        state.slice(plan.tiling.accumulators() + outputTile * SoftmaxRows::kValues, SoftmaxRows::kValues));
  }
  Value stagePointer(Value stage) { return k.gep(stages, k.mul(stage, plan.records.bytes())); }
  Value laneRow() { return k.shrU(lane, 2); }                // of a fragment
  Value laneColumn() { return k.shl(k.bitAnd(lane, 3), 1); } // of a fragment, elements
  Value scorePointer(Value row, Value column) {
    return k.gep(scores, k.shl(k.add(k.mul(row, plan.tiling.scorePitch()), column), 2));
  }
  Value outputRow() {
    return k.add(k.mul(outputRowWarp, plan.tiling.outputTiles() * 16), laneRow());
  } // the lane's first, of the CTA's

  KernelBuilder &k;
  const MlaDecodePlan &plan;
  MlaDecodeOperands operands;
  Value stages, query, scores, thread, lane, warp;
  Value rowWarp, keyWarp, depthWarp; // the warp's share of the scores
  Value outputRowWarp, columnWarp;   // and of the output
  MlaDecodeTask task;
  Value firstRow;   // of the CTA among the rows of the sequence
  Value count;      // records that some row of the CTA sees
  Value begin, end; // tiles of this part
  SmallVector<Value>
      limits; // last visible position of the lane's rows in the warp's scores: [score tile][row, row + 8]
};

} // namespace mlir::deepseek::hopper
