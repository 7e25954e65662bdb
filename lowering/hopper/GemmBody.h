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

  int64_t tileK() const { return 128 / a.elementBytes(); } // one swizzled row of 128 bytes
  int64_t consumers() const { return tileM / 64; }         // warpgroups
  int64_t threads() const { return 128 * (1 + consumers()); }
};

/// Why this family cannot take the product (a pitch that TMA cannot address, a tile it has no code for), or an empty
/// string.
std::string whyNotGemm(const GemmProblem &problem);

/// One tile: first row of A and D, first row of B (column of D), the matrix of B (batch or group), and for grouped
/// products the row after the last that may be stored. All i32.
struct GemmTile {
  Value row, column, batch, rowEnd;
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

  PipelineState start() { return pipeline.start(); }
  PipelineState load(const GemmTile &tile, PipelineState state);
  PipelineState multiply(const GemmTile &tile, PipelineState state);

private:
  // --- the product ---
  PipelineState multiplyPlain(Accumulator &acc, PipelineState state);
  PipelineState multiplyScaled(Accumulator &acc, const GemmTile &tile, PipelineState state);
  void issue(Accumulator &acc, const PipelineState &state, WgmmaType type, bool accumulate);
  Value firstRow(const GemmTile &tile); // of this consumer's rows, in D

  // --- the scales of one K block: two rows of A, the blocks of B's columns that a tile touches ---
  struct Scales {
    Value row[2];
    Values column;
    Values values() const;
    static Scales of(ValueRange values);
  };
  Scales loadScales(const GemmTile &tile, Value kBlock);
  void multiplyChunk(Values &sum, const GemmTile &tile, Value kBlock, int64_t count, int64_t ahead,
                     PipelineState &state, Scales &scales, ArrayRef<Value> touched);
  void promote(MutableArrayRef<Value> sum, Accumulator &part, const Scales &scales, ArrayRef<Value> touched);

  /// Whether a consumer's 64 rows can all lie past the end of a tile's rows: it then only passes the stages on.
  bool mayIdle() const;

  // --- the epilogue ---
  void store(Accumulator &acc, const GemmTile &tile);
  void storeReduced(Accumulator &acc, const GemmTile &tile);
  struct Box {
    int64_t column, width; // of the tile
    Value map;
  };
  void storeTma(Accumulator &acc, const GemmTile &tile);
  void storeDirect(Accumulator &acc, const GemmTile &tile);
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
  SmallVector<Box> boxes; // of D, empty unless TMA stores it
  Value kBegin, kEnd;     // this CTA's K blocks
  Value warp, thread,
      consumer; // this thread's: warp of the CTA; thread of its warpgroup; index among the consumer warpgroups
};

} // namespace mlir::deepseek::hopper
