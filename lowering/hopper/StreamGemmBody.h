// The task body of a matrix product with few rows: one tile of D = A B^T, weights streaming through a ring of shared
// memory into wgmma. It knows no grid; StreamGemm.cpp runs it over dense, batched and grouped products.
#pragma once

#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Wgmma.h"

namespace mlir::deepseek::hopper {

/// Everything about a product but its addresses. The operands are swapped: rows of B (output features) are the 64-row
/// side of wgmma, rows of A (tokens) its N side.
struct StreamProblem {
  DeviceView a;       // [M, K] or [M, H, K]
  DeviceView b;       // [N, K], or [H, N, K], one matrix for each head or group
  DeviceView d;       // as A, with N for K
  DeviceView aScales; // [M, ceil(K/128)] if scaled
  DeviceView bScales; // [ceil(N/128), ceil(K/128)] if scaled, or [H, ...]
  bool scaled = false;
  bool grouped = false;  // B (and its scales) has a leading dimension that A and D lack
  int64_t tokens = 8;    // of a tile: a multiple of 8
  int64_t features = 64; // of a tile: a multiple of 64
  int64_t boxes = 1;     // of 128 bytes of K, in a stage
  int64_t stages = 8;
  int64_t split = 1; // CTAs of a cluster that share K; more than one: each CTA has one tile

  int64_t m() const { return a.sizes.front(); }
  int64_t n() const { return d.sizes.back(); }
  int64_t k() const { return a.sizes.back(); }
  bool batched() const { return a.sizes.size() == 3; }
  int64_t batches() const { return batched() ? a.sizes[1] : 1; }
  int64_t stageElements() const { return boxes * 128 / a.elementBytes(); }
  int64_t kStages() const { return llvm::divideCeil(k(), stageElements()); }
  int64_t consumers() const { return features / 64; } // warpgroups
  int64_t warps() const { return 4 * consumers() + (scaled ? 2 : 1); }
};

/// Why this family cannot take the product, or an empty string.
std::string whyNotStream(const StreamProblem &problem);

/// One tile: first row of B (column of D), first row of A and D, the row after the last, the matrix of B. All i32.
struct StreamTile {
  Value column, row, rowEnd, batch;
};

/// Values of the operation, for the kernel's arguments. The scales are null unless scaled.
struct StreamOperands {
  Value a, b, d, aScales, bScales;
};

class StreamBody {
public:
  /// Adds the kernel's parameters to `plan` and takes its shared memory from `arena`.
  StreamBody(KernelBuilder &k, LaunchPlan &plan, SmemArena &arena, const StreamProblem &problem,
             const StreamOperands &operands);

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
  void multiplyScaled(Accumulator &acc);
  void stage(Accumulator &acc);
  void store(const StreamTile &tile);

  Value kBegin(), kCount(); // stages of K that this CTA takes

  KernelBuilder &k;
  SmemArena &arena;
  StreamProblem problem;
  int64_t boxA, boxB, stageA, stageB, stageScales; // bytes
  int64_t offsetA, offsetB, offsetScales = 0;
  Pipeline pipeline;
  Value mapA, mapB, pointerD, pointerAScales, pointerBScales;
  Value warp, thread, consumer, rank;
};

} // namespace mlir::deepseek::hopper
