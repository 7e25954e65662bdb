// Multi-query attention over latents in a paged cache, with tensor cores through mma.sync.
//
// A CTA takes M query rows of one sequence (a row is a head of a token; the sequence's tokens follow one another) and
// one part of the sequence's cache positions. The cache record, latent then key, is both K (all of it) and V (its
// latent), so each tile of records is read once and used twice.
//
// Shared memory: `stages` tiles of N records; the M query rows, latent and rotated part side by side as in a record;
// the scores of a tile in f32, once for each group of warps that sums a share of the depth.
//
// All warps do the same work:
//   scores   the M x N scores of a tile are spread over the warps: rows, then keys, then the depth r + dr; partial sums
//   go to
//            shared memory;
//   softmax  the output is spread over the warps: groups of rows, then the latent's columns. Each warp reads the scores
//   of its rows in
//            the layout of an A operand and does their online softmax. The warps of a row group repeat the work, which
//            costs less than exchanging maxima and probabilities (one barrier instead of three);
//   values   P (a warp's rows x N) times V (N x a warp's columns).
//
// Order, for tile i in stage i % stages:
//   wait for own copies of tile i; barrier A (tile i has landed for all; all have finished reading tile i - 1 and its
//   scores); start copies of tile i + stages - 1 into the stage of tile i - 1; scores of tile i; barrier B (scores
//   complete); softmax; values.
// Every thread commits one group of copies for each tile, empty past the end, so the count of groups is the same
// everywhere.
//
// Records past the last visible position are filled with zeros, not read: their probabilities are 0, and 0 * NaN would
// be NaN.
#include "lowering/hopper/MlaDecodeBody.h"
#include "lowering/hopper/blocks/Sync.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

/// Registers of a lane besides the output, scores, probabilities and softmax rows; observed.
static constexpr int64_t kOtherRegisters = 36;

static LogicalResult planShape(kernel::MlaDecodeOp op, MlaDecodePlan &plan) {
  FailureOr<DeviceView> qLatent = getDeviceView(op.getQLatent()), qRope = getDeviceView(op.getQRope()),
                        cache = getDeviceView(op.getCache());
  FailureOr<DeviceView> positions = getDeviceView(op.getPositions()), table = getDeviceView(op.getBlockTable());
  if (failed(qLatent) || failed(qRope) || failed(cache) || failed(positions) || failed(table))
    return failure();
  for (const DeviceView *view : {&*qLatent, &*qRope, &*cache})
    if (!view->element.isBF16() || view->strides.back() != 1)
      return op.emitError("the sm_90a kernel takes bf16 queries and cache with contiguous rows, got element type ")
             << view->element << ", stride " << view->strides.back();
  if (!positions->isContiguous() || !table->isContiguous())
    return op.emitError("positions and block table must be contiguous");
  if (op.getScale().convertToDouble() <= 0)
    return op.emitError("scale must be positive, got ") << op.getScale().convertToDouble();
  plan.qLatent = *qLatent, plan.qRope = *qRope, plan.cache = *cache;
  plan.tokens = qLatent->sizes[0], plan.heads = qLatent->sizes[1], plan.latent = qLatent->sizes[2],
  plan.rope = qRope->sizes[2];
  plan.sequences = table->sizes[0], plan.tablePages = table->sizes[1], plan.page = cache->sizes[2];
  plan.scale = op.getScale().convertToDouble();
  plan.partial = static_cast<bool>(op.getLse());
  if (cache->strides[2] != plan.width())
    return op.emitError("the records of a page must be contiguous: stride ")
           << cache->strides[2] << ", expected " << plan.width();
  return success();
}

/// How the warps share the work, and what that takes of shared memory.
static void layOut(MlaDecodePlan &plan) {
  plan.query = PaddedTile(plan.rows, llvm::alignTo(plan.width(), 32)); // 32: fragments are read in strips of two
  plan.records = PaddedTile(plan.keys, llvm::alignTo(plan.width(), 32));
  plan.rowWarps = std::min(plan.warps, plan.rows / 16);
  plan.keyWarps = std::min(plan.warps / plan.rowWarps, plan.keys / 8);
  plan.depthWarps = plan.warps / (plan.rowWarps * plan.keyWarps);
  // Few tiles of rows to a warp: their probabilities and sums are registers, and their softmax is repeated by all
  // column warps.
  plan.outputRowWarps = std::min(plan.warps, std::max<int64_t>(1, plan.rows / (plan.warps > 8 ? 16 : 32)));
  plan.columnWarps = plan.warps / plan.outputRowWarps;
}

static void planDefaults(MlaDecodePlan &plan) {
  plan.rows = 16, plan.keys = plan.page % 32 == 0 ? 32 : 16, plan.warps = 8, plan.stages = 4;
  layOut(plan);
  while (plan.sharedBytes() > SmemArena::kMaxBytes && (plan.stages > 2 || plan.keys > 16)) {
    plan.stages > 2 ? --plan.stages : plan.keys /= 2;
    layOut(plan);
  }
}

static LogicalResult planSchedule(kernel::MlaDecodeOp op, MlaDecodePlan &plan) {
  plan.split = plan.partial ? cast<RankedTensorType>(op.getResult().getType()).getDimSize(0) : 1;
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  if (!schedule) {
    planDefaults(plan);
  } else {
    ArrayRef<int64_t> tile = schedule.getTile();
    plan.rows = tile.size() > 0 ? tile[0] : 16, plan.keys = tile.size() > 1 ? tile[1] : 32;
    plan.warps = schedule.getWarps(), plan.stages = schedule.getStages();
  }
  if (!llvm::is_contained({16, 32, 64}, plan.rows) || !llvm::is_contained({16, 32, 64}, plan.keys) ||
      !llvm::is_contained({1, 2, 4, 8, 16}, plan.warps) || plan.stages < 2 || plan.page % plan.keys != 0)
    return op.emitError("schedule: expected 16, 32 or 64 rows, 16, 32 or 64 keys that divide the page, at least 2 "
                        "stages and 1, 2, 4, 8 or 16 warps; got tile [")
           << plan.rows << ", " << plan.keys << "], page " << plan.page << ", " << plan.stages << " stages, "
           << plan.warps << " warps";
  layOut(plan);
  int64_t registers =
      plan.accumulators() + plan.outputTiles() * (plan.keys * 3 / 4 + SoftmaxRows::kValues) + kOtherRegisters;
  if (int64_t limit = std::min<int64_t>(255, 65536 / plan.threads()); registers > limit)
    return op.emitError("schedule: a thread would need about ")
           << registers << " registers, " << limit << " fit; take fewer rows or keys, or more warps";
  if (plan.sharedBytes() > SmemArena::kMaxBytes)
    return op.emitError("schedule: needs ")
           << plan.sharedBytes() << " bytes of shared memory, " << SmemArena::kMaxBytes << " fit";
  return success();
}

FailureOr<LaunchPlan> hopper::buildMlaDecode(Operation *op, KernelBuilder &k) {
  auto decode = cast<kernel::MlaDecodeOp>(op);
  MlaDecodePlan plan;
  if (failed(planShape(decode, plan)) || failed(planSchedule(decode, plan)))
    return failure();

  LaunchPlan launch;
  MlaDecodeOperands operands;
  operands.qLatent = pointerParameter(k, launch, decode.getQLatent());
  operands.qRope = pointerParameter(k, launch, decode.getQRope());
  operands.cache = pointerParameter(k, launch, decode.getCache(),
                                    decode.getLayer() * plan.cache.strides[1] * PaddedTile::kElementBytes);
  operands.positions = pointerParameter(k, launch, decode.getPositions());
  operands.blockTable = pointerParameter(k, launch, decode.getBlockTable());
  operands.result = pointerParameter(k, launch, decode.getResult());
  if (plan.partial)
    operands.lse = pointerParameter(k, launch, decode.getLse());

  SmemArena arena(k);
  MlaDecodeBody body(k, plan, operands, arena);
  body.clearPadding();
  gridDependencyWait(k);
  // One task for each CTA; row tiles that share records are neighbours.
  Value block = k.blockIndex(), rest = k.divU(block, plan.tasksPerPart());
  body.run({k.divU(rest, plan.split), k.remU(rest, plan.split), k.remU(block, plan.tasksPerPart())});

  launch.grid = {plan.tasksPerPart() * plan.split * plan.sequences, 1, 1};
  launch.threads = plan.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
