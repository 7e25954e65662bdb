// The task body of a tensor-core matrix product: one tile of D = A B^T by TMA and wgmma. It knows no grid; Gemm and
// GroupedGemm run it under their schedulers.
#pragma once

#include "lowering/hopper/Product.h"
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Wgmma.h"
#include <vector>

namespace mlir::deepseek::hopper {

/// A product and its tile.
struct GemmProblem : ProductViews {
  int64_t tileM = 128, tileN = 128, stages = 4;
  int64_t split = 1; // CTAs of a cluster that share one tile's K

  int64_t tileK() const { return 128 / a.elementBytes(); }         // one swizzled row of 128 bytes
  int64_t rowBlocks() const { return tileM > 128 ? 2 : 1; }        // of 64 rows, for each consumer
  int64_t consumers() const { return tileM / (64 * rowBlocks()); } // warpgroups
  int64_t threads() const { return 128 * (1 + consumers()); }
};

/// The tensor map of rows of an operand or result: a box of `columns` x `rows`.
TensorMapShape rowsMap(const DeviceView &view, bool leadingBatch, int64_t columns, int64_t rows);

/// Why this family cannot take the product (a pitch that TMA cannot address, a tile it has no code for), or an empty
/// string.
std::string whyNotGemm(const GemmProblem &problem);

/// One tile: first row of A and D, first row of B (column of D), the matrix of B (batch or group), and for grouped
/// products the row after the last that may be stored. All i32.
struct GemmTile {
  Value row, column, batch, rowEnd;
};

/// Where a role stands in a tile sequence; travels through loops like PipelineState.
struct GemmState {
  PipelineState operands;
  Value scaleSlot; // i32, of the ring of scales; 0 unless they come through shared memory
  explicit GemmState(ValueRange values) : operands(values), scaleSlot(values[2]) {}
  Values values() const { return {operands.stage, operands.phase, scaleSlot}; }
  static constexpr int64_t kValues = 3;
};

class GemmBody {
public:
  /// Adds the kernel's parameters to `plan` and takes its shared memory from `arena`.
  GemmBody(KernelBuilder &k, LaunchPlan &plan, SmemArena &arena, const GemmProblem &problem,
           const ProductOperands &operands);

  /// One thread: prefetches the tensor maps and initialises the barriers.
  void init();
  /// The three roles, each called within its warps. Producer: warpgroup 0, a tile's loads issued by one elected thread.
  void produce(llvm::function_ref<void()> tiles);
  /// Consumers: warpgroups 1 and up. Inside, multiply() per tile.
  void consume(llvm::function_ref<void()> tiles);

  /// K blocks whose scales are loaded together: rows of 16 bytes, the least that TMA takes.
  static constexpr int64_t kSlotBlocks = 4;

  /// Values of a GemmState.
  Values start() { return {k.i32(0), k.i32(0), k.i32(0)}; }
  /// The roles' work on one tile: from the values of a GemmState to the next one's.
  Values load(const GemmTile &tile, ValueRange state);
  Values multiply(const GemmTile &tile, ValueRange state);

private:
  using Accumulators = std::vector<Accumulator>; // one for each block of 64 rows of a consumer

  // --- the product ---
  PipelineState multiplyPlain(Accumulator &acc, PipelineState state);
  void issue(Accumulator &acc, const PipelineState &state, WgmmaType type, bool accumulate, int64_t rowBlock = 0);
  Value firstRow(const GemmTile &tile, int64_t rowBlock = 0); // of a block of this consumer's rows, in D

  // --- block-scaled (GemmBodyScaled.cpp) ---
  /// The scales of one K block: two rows of A for each block of rows, the blocks of B's columns that a tile touches.
  struct Scales {
    Values row, column;
  };
  Values valuesOf(const Scales &scales);
  Scales scalesOf(ValueRange values);
  int64_t scaleCount() const; // values of Scales
  std::string whyNotSharedScales() const;
  void planScales(LaunchPlan &plan, const ProductOperands &operands);
  void loadScaleSlot(const GemmTile &tile, Value kBlock, Value slot, Value full);
  int64_t scaleSlotBytes() const;
  Value nextScaleSlot(Value slot);
  Scales readScales(const GemmTile &tile, Value slot, int64_t index);
  Scales loadScales(const GemmTile &tile, Value kBlock);
  GemmState multiplyScaled(Accumulators &accs, const GemmTile &tile, GemmState state);
  void multiplyChunk(Values &sum, const GemmTile &tile, Value kBlock, int64_t count, int64_t ahead, GemmState &state,
                     Scales &scales, ArrayRef<Value> touched);
  void promote(MutableArrayRef<Value> sum, Accumulator &part, ArrayRef<Value> rowScales, ArrayRef<Value> columnScales,
               ArrayRef<Value> touched);

  /// Whether a consumer's rows can all lie past the end of a tile's rows: it then only passes the stages on.
  bool mayIdle() const;

  // --- the epilogue ---
  void store(Accumulators &accs, const GemmTile &tile);
  void storeReduced(Accumulator &acc, const GemmTile &tile);
  struct Box {
    int64_t column, width; // of the tile
    Value map;
  };
  void storeTma(Accumulators &accs, const GemmTile &tile, int64_t begin, int64_t end);
  void storeDirect(Accumulator &acc, const GemmTile &tile, int64_t rowBlock);
  void storePair(Value low, Value high, Value address, Value column);
  bool usesTmaStore() const;

  Values coordinates(Value inner, Value outer, Value batch, bool hasBatch);

  KernelBuilder &k;
  SmemArena &arena;
  GemmProblem problem;
  int64_t kBlocks;
  int64_t stageA, stageB; // bytes
  int64_t offsetA, offsetB, offsetD = 0, offsetPartial = 0;
  Pipeline pipeline;
  Value mapA, mapB, pointerD, pointerAScales, pointerBScales;
  int64_t scaleSlots = 0; // of the ring of scales in shared memory; 0: consumers load them from global memory
  int64_t offsetAScales = 0, offsetBScales = 0;
  Value mapAScales, mapBScales;
  SmallVector<Box> boxes;  // of D, empty unless TMA stores it
  int64_t stagedBoxes = 2; // of each consumer, in shared memory
  Value kBegin, kEnd;      // this CTA's K blocks
  Value warp, thread,
      consumer; // this thread's: warp of the CTA; thread of its warpgroup; index among the consumer warpgroups
};

} // namespace mlir::deepseek::hopper
