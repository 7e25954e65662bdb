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
#include "dialects/kernel/MlaDecodeResults.h"
#include "lowering/hopper/MlaDecodeBody.h"
#include "lowering/hopper/blocks/Sync.h"
#include <cmath>

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static_assert(kernel::MlaDecodeTiling::kMaxSharedBytes == SmemArena::kMaxBytes);

LogicalResult hopper::planMlaDecode(kernel::MlaDecodeOp op, MlaDecodePlan &plan) {
  FailureOr<DeviceView> qLatent = getDeviceView(op.getQLatent()), qRope = getDeviceView(op.getQRope()),
                        cache = getDeviceView(op.getCache());
  FailureOr<DeviceView> positions = getDeviceView(op.getPositions()), table = getDeviceView(op.getBlockTable());
  if (failed(qLatent) || failed(qRope) || failed(cache) || failed(positions) || failed(table))
    return failure();
  for (const DeviceView *view : {&*qLatent, &*qRope, &*cache})
    if (!(view->element.isBF16() || (view == &*cache && op.hasQuantizedCache())) || view->strides.back() != 1)
      return op.emitError("the sm_90a kernel takes bf16 queries and cache with contiguous rows, got element type ")
             << view->element << ", stride " << view->strides.back();
  if (!positions->isContiguous() || !table->isContiguous())
    return op.emitError("positions and block table must be contiguous");
  const double scale = op.getScale().convertToDouble();
  if (!std::isfinite(scale) || scale <= 0)
    return op.emitError("scale must be positive and finite, got ") << scale;
  plan.qLatent = *qLatent, plan.qRope = *qRope, plan.cache = *cache;
  plan.tokens = qLatent->sizes[0], plan.heads = qLatent->sizes[1];
  plan.tiling.latent = qLatent->sizes[2], plan.tiling.rope = qRope->sizes[2];
  plan.sequences = table->sizes[0], plan.tablePages = table->sizes[1], plan.page = cache->sizes[2];
  plan.scale = scale;
  plan.partial = kernel::returnsParts(op);
  plan.scratch = plan.partial ? Value() : op.getLse();
  plan.split = plan.partial ? cast<RankedTensorType>(op.getResult().getType()).getDimSize(0) : 1;
  if (std::min({plan.tokens, plan.heads, plan.tiling.latent, plan.tablePages, plan.page, plan.split}) < 1)
    return op.emitError("the sm_90a kernel needs at least one token, head, latent element, page and part; got ")
           << plan.tokens << " tokens, " << plan.heads << " heads, latent " << plan.tiling.latent << ", "
           << plan.tablePages << " pages of " << plan.page << " positions, " << plan.split << " parts";
  if (cache->strides[2] != cache->sizes[3])
    return op.emitError("the records of a page must be contiguous: stride ")
           << cache->strides[2] << ", expected " << cache->sizes[3];
  return success();
}

/// What fits, for an operation without a schedule: rows and warps as for few heads, copies under way as far as there is
/// room.
static void planDefaults(const MlaDecodePlan &plan, kernel::MlaDecodeTiling &tiling) {
  tiling.rows = 16, tiling.keys = plan.page % 32 == 0 ? 32 : 16, tiling.warps = 8, tiling.stages = 4;
  while (!tiling.fits() && (tiling.stages > 2 || tiling.keys > 16))
    tiling.stages > 2 ? --tiling.stages : tiling.keys /= 2;
}

/// The schedule's fields, each in its range.
static LogicalResult readSchedule(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, kernel::MlaDecodeTiling &tiling) {
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  ArrayRef<int64_t> tile = schedule.getTile();
  if (tile.size() < 2)
    return op.emitError("schedule: tile has ") << tile.size() << " sizes, expected two: rows, keys";
  tiling.rows = tile[0], tiling.keys = tile[1], tiling.stages = schedule.getStages(),
  tiling.warps = schedule.getWarps();
  if (!llvm::is_contained(tiling.kSizes, tiling.rows))
    return op.emitError("schedule: tile has ") << tiling.rows << " rows, expected 16, 32 or 64";
  if (!llvm::is_contained(tiling.kSizes, tiling.keys) || plan.page % tiling.keys != 0)
    return op.emitError("schedule: tile has ")
           << tiling.keys << " keys, expected 16, 32 or 64 that divide the page of " << plan.page;
  if (!llvm::is_contained(tiling.kWarps, tiling.warps))
    return op.emitError("schedule: warps is ") << tiling.warps << ", expected 1, 2, 4, 8 or 16";
  if (tiling.stages < 2 || tiling.stages > tiling.kMaxStages)
    return op.emitError("schedule: stages is ") << tiling.stages << ", expected 2 to " << tiling.kMaxStages;
  if (schedule.getCluster() != 1)
    return op.emitError("schedule: cluster is ") << schedule.getCluster() << ", expected 1";
  return success();
}

static LogicalResult planSchedule(kernel::MlaDecodeOp op, MlaDecodePlan &plan) {
  kernel::MlaDecodeTiling &tiling = plan.tiling;
  if (!op.getScheduleAttr()) {
    planDefaults(plan, tiling);
    if (plan.page % tiling.keys != 0)
      return op.emitError("the cache has pages of ") << plan.page << " positions, expected a multiple of 16";
    if (!tiling.fits())
      return op.emitError("no schedule holds records of ")
             << plan.width() << " elements: 2 stages of 16 need " << tiling.sharedBytes() << " bytes of shared memory, "
             << SmemArena::kMaxBytes << " fit, and a thread about " << tiling.registers() << " registers, "
             << tiling.maxRegisters() << " fit";
  } else if (failed(readSchedule(op, plan, tiling))) {
    return failure();
  }
  if (int64_t limit = tiling.maxRegisters(); tiling.registers() > limit)
    return op.emitError("schedule: a thread would need about ")
           << tiling.registers() << " registers, " << limit << " fit; take fewer rows or keys, or more warps";
  if (tiling.sharedBytes() > SmemArena::kMaxBytes)
    return op.emitError("schedule: needs ")
           << tiling.sharedBytes() << " bytes of shared memory (" << tiling.stages << " stages of " << tiling.keys
           << " records, " << tiling.rows << " query rows, their scores), " << SmemArena::kMaxBytes << " fit";
  plan.query = PaddedTile(tiling.rows, llvm::alignTo(plan.width(), 32)); // 32: fragments are read in strips of two
  plan.records = PaddedTile(tiling.keys, llvm::alignTo(plan.width(), 32));
  constexpr int64_t maxBlocks = std::numeric_limits<int32_t>::max();
  if (plan.split > maxBlocks / plan.sequences / plan.tasksPerPart())
    return op.emitError("schedule: split is ")
           << plan.split << ", which makes more than " << maxBlocks << " blocks of " << plan.sequences
           << " sequences with " << plan.tasksPerPart() << " row tiles";
  return success();
}

FailureOr<LaunchPlan> hopper::buildMlaDecode(Operation *op, KernelBuilder &k) {
  auto decode = cast<kernel::MlaDecodeOp>(op);
  MlaDecodePlan plan;
  if (failed(planMlaDecode(decode, plan)))
    return failure();
  if (decode.getScheduleAttr() && decode.getScheduleAttr().getTile().size() == 3)
    return buildMlaDecodeWgmma(decode, plan, k);
  if (decode.hasQuantizedCache())
    return decode.emitError(
               "the sm_90a kernel reads quantised records with warpgroup products only (a schedule whose "
               "tile has three sizes): latent of 128 to 512 in steps of 128, a rotated part in steps of "
               "64, 576 together at most, 8, 16 or 32 heads or a multiple of 64, pages in steps of 32; got ")
           << plan.tiling.latent << " + " << plan.tiling.rope << ", " << plan.heads << " heads, pages of " << plan.page;
  if (failed(planSchedule(decode, plan)))
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
  gridDependencyWait(k, plan.tokens);
  // One task for each CTA; row tiles that share records are neighbours.
  Value block = k.blockIndex(), rest = k.divU(block, plan.tasksPerPart());
  body.run({k.divU(rest, plan.split), k.remU(rest, plan.split), k.remU(block, plan.tasksPerPart())});

  launch.grid = {plan.tasksPerPart() * plan.split * plan.sequences, 1, 1};
  launch.threads = plan.tiling.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
