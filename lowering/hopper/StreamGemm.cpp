// Which tile of a streamed product a CTA computes (the tile is StreamGemmBody's): one each, or one for each cluster.
// Two to four CTAs share a multiprocessor, so that one's ring fills while another starts or stores, and the hardware
// evens out what they do; a persistent loop over tiles was slower (docs/kernels/skinny-gemm.md).
#include "lowering/hopper/StreamGemm.h"
#include "lowering/hopper/StreamGemmBody.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/scheduler/Grouped.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

/// The problem of an operation with operands a, b, d and scales. Reports on `op` and returns a reason in `whyNot` where
/// another family can take over.
template <typename Op> static FailureOr<StreamProblem> planStream(Op op, std::string &whyNot) {
  StreamProblem problem;
  if (failed(problem.assign(ProductOperands::of(op))))
    return failure();
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  problem.tokens = schedule.getTile()[0], problem.features = schedule.getTile()[1];
  const int64_t stageBytes = schedule.getTile()[2] * problem.a.elementBytes();
  problem.boxes = stageBytes / 128;
  problem.stages = schedule.getStages();
  problem.split = schedule.getSplit();
  problem.grouped = isa<kernel::GroupedGemmOp>(op);
  whyNot = whyNotStream(problem);
  if (whyNot.empty() && stageBytes % 128)
    whyNot = llvm::formatv("a stage has {0} bytes of K, expected a multiple of 128", stageBytes);
  if (whyNot.empty() && schedule.getWarps() != problem.warps())
    whyNot = llvm::formatv("the schedule has {0} warps, expected {1}", schedule.getWarps(), problem.warps());
  return problem;
}

/// The launch of `tiles` tiles, after the first lines of a kernel: the next kernel may come in, barriers are ready.
static void begin(KernelBuilder &k, StreamBody &body) {
  gridDependencyTrigger(k);
  k.when(k.eq(k.threadIndex(), 0), [&] {
    body.init();
    fenceBarrierInit(k);
  });
  syncThreads(k);
}

static void setLaunch(LaunchPlan &plan, const StreamProblem &problem, const SmemArena &arena, int64_t tiles) {
  plan.grid = {tiles * problem.split, 1, 1};
  plan.cluster = problem.split;
  plan.threads = 32 * problem.warps();
  plan.sharedBytes = arena.bytes();
}

FailureOr<StreamBuild> hopper::buildStreamProduct(kernel::SkinnyGemmOp op, KernelBuilder &k) {
  StreamBuild build;
  FailureOr<StreamProblem> problem = planStream(op, build.whyNot);
  if (failed(problem) || !build.whyNot.empty())
    return failed(problem) ? FailureOr<StreamBuild>(failure()) : build;

  SmemArena arena(k);
  StreamBody body(k, build.plan, arena, *problem, ProductOperands::of(op));
  begin(k, body);
  const int64_t rowTiles = llvm::divideCeil(problem->m(), problem->tokens),
                matrixTiles = rowTiles * problem->columnTiles();
  // Row tiles of one column tile follow each other: B is in the cache.
  Value linear = k.divU(k.blockIndex(), problem->split), inMatrix = k.remU(linear, matrixTiles);
  StreamTile tile = body.columnTile(k.divU(inMatrix, rowTiles));
  tile.row = k.mul(k.remU(inMatrix, rowTiles), problem->tokens), tile.rowEnd = k.i32(problem->m());
  tile.batch = k.divU(linear, matrixTiles);
  const bool ahead = problem->b.readOnly;
  if (!ahead)
    gridDependencyWait(k);
  body.run(tile, ahead);
  setLaunch(build.plan, *problem, arena, matrixTiles * problem->batches());
  return build;
}

FailureOr<StreamBuild> hopper::buildStreamGroups(kernel::GroupedGemmOp op, KernelBuilder &k) {
  StreamBuild build;
  FailureOr<StreamProblem> problem = planStream(op, build.whyNot);
  if (failed(problem) || !build.whyNot.empty())
    return failed(problem) ? FailureOr<StreamBuild>(failure()) : build;

  SmemArena arena(k);
  StreamBody body(k, build.plan, arena, *problem, ProductOperands::of(op));
  Value offsets = pointerParameter(k, build.plan, op.getOffsets());
  begin(k, body);
  gridDependencyWait(k); // the offsets come from the kernel before
  const int64_t groups = problem->b.sizes[0], columnTiles = problem->columnTiles();
  Value linear = k.blockIndex();
  GroupRows found = findGroup(k, offsets, groups, problem->tokens, k.divU(linear, columnTiles));
  k.when(found.valid, [&] {
    // In a group, row tiles of one column tile follow each other: they read the same part of B.
    Value inGroup = k.sub(linear, k.mul(found.firstTile, columnTiles));
    Value rowTiles = k.ceilDivU(k.sub(found.end, found.begin), problem->tokens);
    Value row = k.add(found.begin, k.mul(k.remU(inGroup, rowTiles), problem->tokens));
    StreamTile tile = body.columnTile(k.divU(inGroup, rowTiles));
    tile.row = row, tile.rowEnd = found.end, tile.batch = found.group;
    body.run(tile, /*ahead=*/false);
  });
  setLaunch(build.plan, *problem, arena, maxGroupedTiles(problem->m(), groups, problem->tokens) * columnTiles);
  return build;
}
