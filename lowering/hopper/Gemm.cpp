// kernel.gemm: dense and batched matrix products on tensor cores. The tile is GemmBody's; here are the choice of tiles
// and the loop over them. Requirements: bf16, or f8E4M3FN with scales; rows of A and B at multiples of 16 bytes
// (GemmProblem, whyNotGemm).
#include "lowering/hopper/GemmBody.h"
#include "lowering/hopper/SkinnyGemm.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/scheduler/TileScheduler.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static FailureOr<GemmProblem> planGemm(kernel::GemmOp op) {
  GemmProblem problem;
  if (failed(problem.assign(ProductOperands::of(op))))
    return failure();
  if (kernel::ScheduleAttr schedule = op.getScheduleAttr()) {
    if (schedule.getTile().size() < 2)
      return op.emitError() << "the schedule's tile must give rows of A and of B, got " << schedule.getTile().size()
                            << " sizes";
    problem.tileM = schedule.getTile()[0], problem.tileN = schedule.getTile()[1];
    problem.stages = schedule.getStages();
    problem.split = schedule.getSplit();
  }
  return problem;
}

/// Whether any row of a tile is wanted (`rows`: the first rows[s] rows of each segment s). Tiles that span many
/// segments are always computed.
static Value isWanted(KernelBuilder &k, Value rows, const GemmProblem &problem, int64_t segments, Value row) {
  static constexpr int64_t kMostSegments = 8;
  int64_t segmentRows = problem.m() / segments, spanned = llvm::divideCeil(problem.tileM - 1, segmentRows) + 1;
  if (segmentRows % problem.tileM == 0)
    spanned = 1;
  if (spanned > kMostSegments)
    return k.i1(true);
  Value first = k.divU(row, segmentRows), wanted;
  for (int64_t i = 0; i < spanned; ++i) {
    Value segment = k.minU(k.add(first, i), segments - 1);
    Value count = loadGlobal(k, k.i32Ty, k.gep(rows, k.mul(segment, 4)));
    Value some = k.gtS(count, i == 0 ? k.remU(row, segmentRows) : k.i32(0));
    wanted = wanted ? k.logicalOr(wanted, some) : some;
  }
  return wanted;
}

FailureOr<LaunchPlan> hopper::buildGemm(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::GemmOp>(operation);
  FailureOr<GemmProblem> problem = planGemm(op);
  if (failed(problem))
    return failure();
  if (std::string why = whyNotGemm(*problem); !why.empty()) {
    remark::missed(op.getLoc(), remark::RemarkOpts::name("Gemm").category("convert-kernel-to-nvvm"))
        << "gemm on mma.sync instead of wgmma: " << why;
    return buildSkinnyProduct(operation, k, ProductOperands::of(op), std::nullopt);
  }

  LaunchPlan plan;
  SmemArena arena(k);
  GemmBody body(k, plan, arena, *problem, ProductOperands::of(op));
  Value rows = op.getRows() ? pointerParameter(k, plan, op.getRows()) : Value();
  const TileGrid tiles{static_cast<int64_t>(llvm::divideCeil(problem->m(), problem->tileM)),
                       static_cast<int64_t>(llvm::divideCeil(problem->n(), problem->tileN)), problem->batches(),
                       bandRowsOf(problem->tileM)};
  TileScheduler scheduler =
      problem->split == 1 ? TileScheduler(tiles) : TileScheduler(tiles, TileScheduler::Kind::OneShot, problem->split);
  k.when(k.eq(k.threadIndex(), 0), [&] {
    body.init();
    fenceBarrierInit(k);
  });
  syncThreads(k);
  gridDependencyWait(k);

  using Role = Values (GemmBody::*)(const GemmTile &, ValueRange);
  auto forEachTile = [&](Role role) {
    scheduler.forEach(k, body.start(), [&](TileIndex index, ValueRange carried) -> Values {
      GemmTile tile{k.mul(index.row, problem->tileM), k.mul(index.column, problem->tileN), index.batch, Value()};
      auto run = [&]() -> Values { return (body.*role)(tile, carried); };
      if (!rows)
        return run();
      int64_t segments = cast<RankedTensorType>(op.getRows().getType()).getDimSize(0);
      return k.whenElse(isWanted(k, rows, *problem, segments, tile.row), SmallVector<Type>(GemmState::kValues, k.i32Ty),
                        run, [&]() -> Values { return Values(carried); });
    });
  };
  body.produce([&] {
    forEachTile(&GemmBody::load);
    gridDependencyTrigger(k);
  });
  body.consume([&] { forEachTile(&GemmBody::multiply); });

  plan.grid = {scheduler.blocks(), 1, 1};
  plan.cluster = problem->split;
  plan.threads = problem->threads();
  plan.sharedBytes = arena.bytes();
  return plan;
}
