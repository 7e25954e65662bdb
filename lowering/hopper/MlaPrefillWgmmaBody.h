// One task of prefill attention on warpgroups: plan, roles and the joining of parts.
#pragma once

#include "dialects/kernel/MlaPrefillTiling.h"
#include "lowering/hopper/MlaPrefill.h"
#include "lowering/hopper/blocks/OnlineSoftmax.h"
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/SoftmaxExchange.h"
#include "lowering/hopper/blocks/Wgmma.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::deepseek::hopper {

struct PrefillWgmmaPlan : kernel::MlaPrefillTiling {
  const PrefillProblem &problem;
  int64_t headGroup; // heads whose keys and values fit the cache together
  int64_t split;     // CTAs of a task, a cluster

  int64_t rowTiles() const { return llvm::divideCeil(problem.tokensOfSequence(), rows); }
  int64_t instances() const { return problem.heads * problem.sequences; }
  int64_t tasks() const { return rowTiles() * instances(); }
};

/// Why the plan cannot be built, or an empty string.
std::string whyNotPrefillWgmma(const PrefillWgmmaPlan &plan);

class PrefillWgmmaBody {
public:
  PrefillWgmmaBody(KernelBuilder &k, LaunchPlan &launch, kernel::MlaPrefillOp op, SmemArena &arena,
                   const PrefillWgmmaPlan &plan);

  /// Barriers and descriptors: one thread, then fenceBarrierInit and a CTA barrier.
  void init();
  // The roles, after gridDependencyWait. All threads call each of them.
  void produce();
  void consume();
  void joinParts();

private:
  struct Task {
    Value sequence, rowTile, head;
  };

  /// The key tiles that a CTA takes: the first key of the first (and highest) one, and how many.
  struct Part {
    Value first, tiles;
  };

  /// How far a consumer's rows see: keys that the lane's two rows see, that all rows of the warp see, that some row of
  /// the CTA sees.
  struct Limits {
    std::array<Value, 2> visible;
    Value clear, count;
  };

  Task taskOf(Value linear);
  Task ownTask() { return taskOf(k.divU(k.blockIndex(), plan.split)); }
  Value visibleOf(const Task &task, Value tileRow);
  Value countOf(const Task &task);
  Limits limitsOf(const Task &task);
  Part partOf(Value count);
  void loadQuery(const Task &task);
  void loadKeys(const Task &task, Value firstKey, const PipelineState &state);
  void loadValues(const Task &task, Value firstKey, const PipelineState &state);
  void load(const Task &task, Value count);
  Accumulator issueScores(const PipelineState &state);
  void issueOutput(Accumulator &output, ArrayRef<Value> probabilities, const PipelineState &state);
  Values mask(ValueRange scores, Value firstKey, const Limits &limits);
  void attend(const Task &task);
  Value resultRow(const Task &task, Value row);
  /// The first of the lane's two rows in the tile; the other is 8 further.
  Value ownRow() { return k.add(k.mul(k.sub(warp, 4), 16), k.shrU(lane, 2)); }
  void store(const Task &task, ArrayRef<Value> output, const SoftmaxRows &softmax);

  KernelBuilder &k;
  const PrefillWgmmaPlan &plan;
  const PrefillProblem &problem;
  SmemArena &arena;
  int64_t offsetQuery, offsetKeys, offsetValues;
  Pipeline queryPipe, keyPipe, valuePipe;
  SoftmaxExchange exchange;
  Value warp, lane, consumer;
  Value mapQNope, mapQRope, mapKeys, mapRope, mapValues, positions, result;
};

} // namespace mlir::deepseek::hopper
