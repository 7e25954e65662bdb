// kernel.route: scores, group limit and top-k of each token.
//
// Threads. One warp for each token (RouteToken.h). No barrier, no exchange between warps.
// Shared memory, for each warp: E scores, first those of the selection for the groups (only if there are groups), then
// the plain ones from which the winners' weights are read.
#include "lowering/hopper/RouteToken.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/SmemArena.h"
#include "lowering/hopper/blocks/Sync.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

FailureOr<LaunchPlan> hopper::buildRouter(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::RouteOp>(operation);
  const RouteRule rule = routeRule(op, op.getLogits().getType().getDimSize(1));
  const int64_t tokens = op.getLogits().getType().getDimSize(0);
  for (Value result : op.getResults())
    if (!getDeviceView(result)->isContiguous())
      return op.emitError("route's results must be contiguous");
  if (rule.experts > RouteRule::kMaxExperts)
    return op.emitError() << "route has " << rule.experts << " experts, one warp chooses among "
                          << RouteRule::kMaxExperts << " at most";
  // A warp is a task of its own: few tokens go to different SMs, many share CTAs.
  int64_t warps = op.getSchedule() ? op.getSchedule()->getWarps() : tokens >= 1024 ? 4 : 1;
  warps = std::clamp<int64_t>(warps, 1, 32);
  LaunchPlan launch;
  SmemArena arena(k);
  int64_t scores = arena.allocate(rule.scoreBytes() * warps);
  Value logits = pointerParameter(k, launch, op.getLogits());
  Value bias = op.getBias() ? pointerParameter(k, launch, op.getBias()) : Value();
  Value weights = pointerParameter(k, launch, op.getWeights());
  Value indices = pointerParameter(k, launch, op.getIndices());
  TokenRouter router(k, rule);
  router.waitWithBias(bias, op.getBias(), tokens);

  Value token = k.add(k.mul(k.blockIndex(), warps), k.warpIndex());
  auto emit = [&] {
    Values row = router.loadLogits(logits, *getDeviceView(op.getLogits()), token);
    RoutedToken routed = router.route(row, arena.at(scores, k.mul(k.warpIndex(), rule.scoreBytes())));
    gridDependencyTrigger(k);
    router.forEachChoice(routed, [&](Value choice, Value weight, Value index) {
      Value offset = k.mul(k.add(k.mul(token, rule.topK), choice), 4);
      storeGlobal(k, weight, k.gep(weights, offset));
      storeGlobal(k, index, k.gep(indices, offset));
    });
  };
  if (tokens % warps == 0)
    emit();
  else
    k.when(k.ltU(token, tokens), emit);
  launch.grid = {static_cast<int64_t>(llvm::divideCeil(tokens, warps)), 1, 1};
  launch.threads = 32 * warps;
  launch.sharedBytes = arena.bytes();
  return launch;
}
