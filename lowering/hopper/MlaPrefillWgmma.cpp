// Builds mla_prefill for warpgroups: a task, or a part of one, for each CTA. How a task runs is told in
// MlaPrefillWgmmaBody.cpp.
#include "lowering/hopper/MlaPrefillWgmmaBody.h"
#include "lowering/hopper/blocks/Sync.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

FailureOr<LaunchPlan> hopper::buildMlaPrefillWgmma(kernel::MlaPrefillOp op, const PrefillProblem &problem,
                                                   KernelBuilder &k) {
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  ArrayRef<int64_t> tile = schedule.getTile();
  PrefillWgmmaPlan plan{{problem.nope, problem.rope, problem.value, tile[0], tile[1], schedule.getStages()},
                        problem,
                        tile.size() > 2 ? std::max<int64_t>(tile[2], 1) : problem.heads,
                        schedule.getSplit()};
  if (std::string why = whyNotPrefillWgmma(plan); !why.empty())
    return op.emitError("schedule: ") << why;

  LaunchPlan launch;
  SmemArena arena(k);
  PrefillWgmmaBody body(k, launch, op, arena, plan);
  assert(arena.bytes() == plan.sharedBytes());
  k.when(k.eq(k.threadIndex(), 0), [&] {
    body.init();
    fenceBarrierInit(k);
  });
  syncThreads(k);
  gridDependencyWait(k);
  body.produce();
  body.consume();
  body.joinParts();

  launch.grid = {plan.tasks() * plan.split, 1, 1};
  launch.cluster = plan.split;
  launch.threads = plan.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
