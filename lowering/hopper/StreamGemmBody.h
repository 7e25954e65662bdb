// The task body of a matrix product with few rows: one tile of D = A B^T, weights streaming through a ring of shared
// memory into wgmma. It knows no grid; StreamGemm.cpp runs it over dense, batched and grouped products.
#pragma once

#include "lowering/hopper/Product.h"
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Wgmma.h"

namespace mlir::deepseek::hopper {

/// A product and its tile. The operands are swapped: rows of B (output features) are the 64-row side of wgmma, rows of
/// A (tokens) its N side.
struct StreamProblem : ProductViews {
  int64_t tokens = 8;    // of a tile: a multiple of 8
  int64_t features = 64; // of a tile: a multiple of 8; products are of whole 64, whatever the last rows hold
  int64_t boxes = 1;     // of 128 bytes of K, in a stage
  int64_t stages = 8;
  int64_t split = 1; // CTAs of a cluster that share K; more than one: each CTA has one tile

  int64_t stageElements() const { return boxes * 128 / a.elementBytes(); }
  int64_t kStages() const { return llvm::divideCeil(k(), stageElements()); }
  int64_t consumers() const { return llvm::divideCeil(features, 64); } // warpgroups
  int64_t pitch() const { return 64 * consumers() + 4; } // f32 of a row of D^T's tile: its writes meet no bank twice
  int64_t weightScales() const { return 128 % features == 0 ? 1 : 2; } // blocks of B's scales that a tile may touch
  int64_t warps() const { return 4 * consumers() + (scaled ? 2 : 1); }

  // Rows of B in a tile come in as many equal runs as the epilogue has parts: of the same columns of D, one in each
  // part, or following one another in a tile of plain columns.
  int64_t runRows() const { return features / parts(); }
  int64_t plainTiles() const { return llvm::divideCeil(plainColumns(), features); }
  int64_t columnTiles() const { return plainTiles() + llvm::divideCeil(columns(), runRows()); }
};

/// Why this family cannot take the product, or an empty string.
std::string whyNotStream(const StreamProblem &problem);

/// One tile: first column of D (or of the plain result), first row of A and D, the row after the last, the matrix of B;
/// the first row of B of each run. All i32. `plain`: i1, or null where no tile is plain.
struct StreamTile {
  Value column, row, rowEnd, batch;
  Values runs;
  Value plain;
};

class StreamBody {
public:
  /// Adds the kernel's parameters to `plan` and takes its shared memory from `arena`.
  StreamBody(KernelBuilder &k, LaunchPlan &plan, SmemArena &arena, const StreamProblem &problem,
             const ProductOperands &operands);

  /// The columns of tile number `number`; its rows and matrix are for the caller to set.
  StreamTile columnTile(Value number);

  /// One thread: prefetches the tensor maps and initialises the barriers.
  void init();
  /// All warps, after the barriers are initialised: computes one tile. `ahead`: its first weights are requested before
  /// gridDependencyWait; otherwise all threads have passed that.
  void run(const StreamTile &tile, bool ahead);

private:
  // --- the roles ---
  void produce(const StreamTile &tile, bool ahead);
  void produceScales(const StreamTile &tile);
  void consume(const StreamTile &tile);

  // --- one stage ---
  void loadWeights(const StreamTile &tile, Value kStage, const PipelineState &state);
  void loadActivations(const StreamTile &tile, Value kStage, const PipelineState &state);
  void loadScales(const StreamTile &tile, Value kStage, const PipelineState &state);
  void issue(Accumulator &acc, const PipelineState &state, int64_t firstBox, int64_t count, bool accumulate);

  // --- one tile ---
  void multiply(Accumulator &acc);
  /// What the products of a box are multiplied by: B's scale for each of this thread's rows, or one for both; A's.
  struct BoxScales {
    Values weights, pairs;
    Value tokens; // where the pairs of this thread begin
  };
  BoxScales readScales(const PipelineState &state, int64_t box, ArrayRef<Value> inSecond);
  Value loadPair(const BoxScales &scales, int64_t j);
  void promote(Accumulator &sum, Accumulator &part, const BoxScales &scales);
  void multiplyScaled(Accumulator &acc, const StreamTile &tile);
  void stage(Accumulator &acc);
  void store(const StreamTile &tile);
  void storeColumns(const StreamTile &tile, const DeviceView &d, Value pointer, bool joined);

  Value kBegin(), kCount(); // stages of K that this CTA takes

  KernelBuilder &k;
  SmemArena &arena;
  StreamProblem problem;
  int64_t boxA, boxB, stageA, stageB, stageScales; // bytes
  int64_t offsetA, offsetB, offsetScales = 0;
  Pipeline pipeline;
  Value mapA, mapB, pointerD, pointerPlain, pointerAScales, pointerBScales;
  Value warp, thread, consumer, rank;
};

} // namespace mlir::deepseek::hopper
