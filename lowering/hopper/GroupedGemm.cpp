// Each group of sorted rows times its own matrix (the experts of a layer).
//
// The host never sees how many rows a group has. A schedule whose tile has 64 rows or more asks for tensor cores
// (GemmBody.h): one CTA on each multiprocessor walks through the tiles of all groups (GroupedTiles). Else the grid is
// static: x walks the columns of D, y the row tiles that M rows in E groups can need at most; a CTA finds its group and
// rows from the offsets, leaves if there are none, and is one tile of a skinny product (SkinnyGemm.h).
#include "dialects/kernel/BufferView.h"
#include "dialects/kernel/StreamSchedule.h"
#include "lowering/hopper/GemmBody.h"
#include "lowering/hopper/SkinnyGemm.h"
#include "lowering/hopper/StreamGemm.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/scheduler/Grouped.h"
#include "lowering/hopper/scheduler/TileScheduler.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

/// Unless the schedule says otherwise. Groups give far more CTAs than fit at once, so small ones, of which more are
/// resident, hide each other's start and end.
constexpr int64_t groupedWarps = 4;

static FailureOr<LaunchPlan> buildSkinnyGroups(kernel::GroupedGemmOp gemm, std::optional<kernel::ScheduleAttr> schedule,
                                               KernelBuilder &k) {
  Operation *op = gemm;
  const bool scaled = bool(gemm.getAScales());
  FailureOr<DeviceView> a = getDeviceView(gemm.getA()), b = getDeviceView(gemm.getB()),
                        d = getDeviceView(gemm.getResult());
  if (failed(a) || failed(b) || failed(d) || failed(checkSkinnyElements(op, *a, *b, d->element, scaled)))
    return failure();
  const int64_t rows = a->sizes[0], groups = b->sizes[0];

  SkinnyShape shape;
  shape.k = b->sizes[2];
  shape.aPitch = a->strides[0];
  shape.bPitch = b->strides[1];
  shape.dPitch = d->strides[0];
  shape.blockScaled = scaled;
  shape.output = d->element;
  shape.aVector = skinnyVectorBytes(*a);
  shape.bVector = skinnyVectorBytes(*b);
  // Rows of one group, if they spread evenly; uneven groups take more tiles or leave lanes idle, never wrong.
  if (failed(planSkinny(op, schedule, llvm::divideCeil(rows, groups), shape)) ||
      failed(shape.setColumns(op, ProductOperands::of(gemm), b->sizes[1])))
    return failure();
  if (!schedule)
    shape.warps = groupedWarps;

  LaunchPlan plan;
  SmemArena arena(k);
  SkinnyPointers p;
  p.a = pointerParameter(k, plan, gemm.getA());
  p.b = pointerParameter(k, plan, gemm.getB());
  p.d = pointerParameter(k, plan, gemm.getResult());
  if (gemm.getPlain())
    p.plain = pointerParameter(k, plan, gemm.getPlain());
  Value offsets = pointerParameter(k, plan, gemm.getOffsets());
  int64_t bScaleStride = 0;
  if (scaled) {
    FailureOr<DeviceView> aScales = getDeviceView(gemm.getAScales()), bScales = getDeviceView(gemm.getBScales());
    if (failed(aScales) || failed(bScales))
      return failure();
    shape.aScalePitch = aScales->strides[0];
    shape.bScalePitch = bScales->strides[1];
    bScaleStride = bScales->strides[0];
    p.aScales = pointerParameter(k, plan, gemm.getAScales());
    p.bScales = pointerParameter(k, plan, gemm.getBScales());
  }

  gridDependencyWait(k, rows); // the offsets, and so the matrix, come from the kernel before
  GroupedTile tile = findGroupedTile(k, offsets, groups, shape.mTile, k.blockIndex(1));
  k.when(tile.valid, [&] {
    Value group = k.zext(tile.group, k.i64Ty);
    p.b = k.gep(p.b, k.mul(group, b->strides[0] * b->elementBytes()));
    if (scaled)
      p.bScales = k.gep(p.bScales, k.mul(group, bScaleStride * 4));
    skinnyGemmBody(k, arena, shape, p, tile.rowBegin, tile.rowEnd, k.mul(k.blockIndex(0), shape.nTile), [] {});
  });
  gridDependencyTrigger(k);
  plan.grid = {shape.columnTiles(), maxGroupedTiles(rows, groups, shape.mTile), 1};
  plan.threads = shape.threads();
  plan.sharedBytes = arena.bytes();
  return plan;
}

static FailureOr<GemmProblem> planGroups(kernel::GroupedGemmOp op, kernel::ScheduleAttr schedule) {
  GemmProblem problem;
  problem.grouped = true;
  if (failed(problem.assign(ProductOperands::of(op))))
    return failure();
  problem.tileM = schedule.getTile()[0], problem.tileN = schedule.getTile()[1];
  problem.stages = schedule.getStages();
  return problem;
}

static LaunchPlan buildTensorCoreGroups(kernel::GroupedGemmOp op, const GemmProblem &problem, KernelBuilder &k) {
  LaunchPlan plan;
  SmemArena arena(k);
  GemmBody body(k, plan, arena, problem, ProductOperands::of(op));
  Value offsets = pointerParameter(k, plan, op.getOffsets());
  const int64_t groups = problem.b.sizes[0], columnTiles = llvm::divideCeil(problem.n(), problem.tileN);
  GroupedTiles tiles(arena, groups, problem.tileM, columnTiles, bandRowsOf(problem.tileM));
  k.when(k.eq(k.threadIndex(), 0), [&] {
    body.init();
    fenceBarrierInit(k);
  });
  gridDependencyWait(k);
  k.role(k.warpIndex(), 0, 1, [&] { tiles.fill(k, offsets); });
  syncThreads(k);

  const int64_t blocks = std::min(maxGroupedTiles(problem.m(), groups, problem.tileM) * columnTiles, kMultiprocessors);
  using Role = Values (GemmBody::*)(const GemmTile &, ValueRange);
  auto forEachTile = [&](Role role) {
    tiles.forEach(k, blocks, body.start(), [&](const GroupedTiles::Tile &tile, ValueRange carried) -> Values {
      return (body.*role)({tile.row, k.mul(tile.column, problem.tileN), tile.group, tile.rowEnd}, carried);
    });
  };
  body.produce([&] {
    forEachTile(&GemmBody::load);
    gridDependencyTrigger(k);
  });
  body.consume([&] { forEachTile(&GemmBody::multiply); });
  plan.grid = {blocks, 1, 1};
  plan.threads = problem.threads();
  plan.sharedBytes = arena.bytes();
  return plan;
}

FailureOr<LaunchPlan> hopper::buildGroupedGemm(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::GroupedGemmOp>(operation);
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  if (kernel::isStreamSchedule(schedule)) {
    FailureOr<StreamBuild> build = buildStreamGroups(op, k);
    if (failed(build) || build->whyNot.empty())
      return failed(build) ? FailureOr<LaunchPlan>(failure()) : build->plan;
    remark::missed(op.getLoc(), remark::RemarkOpts::name("GroupedGemm").category("convert-kernel-to-nvvm"))
        << "grouped gemm on mma.sync instead of wgmma: " << build->whyNot;
    return buildSkinnyGroups(op, std::nullopt, k);
  }
  if (!schedule || schedule.getTile().size() < 2 || schedule.getTile().front() < 64)
    return buildSkinnyGroups(op, op.getSchedule(), k);
  FailureOr<GemmProblem> problem = planGroups(op, schedule);
  if (failed(problem))
    return failure();
  std::string why = whyNotGemm(*problem);
  if (why.empty())
    return buildTensorCoreGroups(op, *problem, k);
  remark::missed(op.getLoc(), remark::RemarkOpts::name("GroupedGemm").category("convert-kernel-to-nvvm"))
      << "grouped gemm on mma.sync instead of wgmma: " << why;
  return buildSkinnyGroups(op, std::nullopt, k);
}
