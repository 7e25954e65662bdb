// A ring of shared-memory stages between producer and consumer warps, and the mbarriers that guard it.
#pragma once

#include "lowering/hopper/blocks/SmemArena.h"

namespace mlir::deepseek::hopper {

/// Where a role stands in a pipeline: both are i32 and travel through loops (values(), and back with the constructor).
struct PipelineState {
  Value stage; // 0 .. stages-1
  Value phase; // parity, flips each time the ring wraps
  PipelineState() = default;
  PipelineState(Value stage, Value phase) : stage(stage), phase(phase) {}
  explicit PipelineState(ValueRange values) : stage(values[0]), phase(values[1]) {}
  Values values() const { return {stage, phase}; }
};

/// Protocol, per stage: producer `acquire` (wait until empty), copy, `commit`; consumer `wait` (until full), read,
/// `release`. Each role keeps its own PipelineState, begins with start() and calls advance() once for each stage it
/// handled. Roles must handle the same number of stages.
class Pipeline {
public:
  /// `producerArrivals`: arrivals that fill a stage (1 for a single thread that issues TMA; the number of threads for
  /// cp.async). `consumerArrivals`: arrivals that empty it: one for each warp that reads a stage and calls release, 32
  /// for one that calls releaseLanes.
  Pipeline(KernelBuilder &k, SmemArena &arena, llvm::StringRef name, int64_t stages, int64_t producerArrivals,
           int64_t consumerArrivals);

  /// Initialises the barriers: one thread; then fenceBarrierInit and a CTA barrier, once for all pipelines.
  void init();

  PipelineState start() { return {k.i32(0), k.i32(0)}; }
  PipelineState advance(const PipelineState &state);

  // --- producer ---
  void acquire(const PipelineState &state);
  /// TMA producer, in an elected role: announces `bytes` and arrives. Then issue TMA loads on fullBarrier(state) with
  /// exactly this many bytes in all.
  void commit(const PipelineState &state, Int bytes);
  /// The same in a role of one warp, all lanes converged: one of them announces the bytes and runs `loads`, which is
  /// given the barrier.
  void commitWarp(const PipelineState &state, Int bytes, llvm::function_ref<void(Value)> loads);
  /// cp.async producer: every thread of the role arrives when its copies have landed. The consumer that reads with
  /// wgmma needs fenceAsyncShared on the producer's side; prefer wait groups then.
  void commitCpAsync(const PipelineState &state);
  /// Producer that wrote with ordinary stores: every thread of the role arrives. Readers that use the asynchronous
  /// proxy (wgmma, TMA) need fenceAsyncShared by every thread before it.
  void commitStores(const PipelineState &state);
  /// The same where one thread, for which `announces` holds, announces `bytes` as it arrives and runs `loads`, which is
  /// given the barrier; the other threads only arrive.
  void commitStores(const PipelineState &state, Value announces, Int bytes, llvm::function_ref<void(Value)> loads);

  // --- consumer ---
  void wait(const PipelineState &state);
  /// All lanes of every consumer warp call it, converged, after their last read of the stage.
  void release(const PipelineState &state);
  /// The same with an arrival of every lane. For stages that are written with ordinary stores: compute-sanitizer's
  /// racecheck follows arriving threads only, and would report the other lanes' reads.
  void releaseLanes(const PipelineState &state);

  Value fullBarrier(const PipelineState &state) { return barrier(0, state); }
  int64_t stages() const { return count; }

private:
  PipelineRecord &record() { return k.pipelines[index]; }
  Value barrier(int64_t offset, const PipelineState &state);

  KernelBuilder &k;
  SmemArena &arena;
  int64_t count, producerArrivals, consumerArrivals;
  int64_t barriers; // offset of full[stages], then empty[stages]
  size_t index;     // in KernelBuilder::pipelines
};

} // namespace mlir::deepseek::hopper
