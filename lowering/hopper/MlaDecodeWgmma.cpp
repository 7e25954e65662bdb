// Multi-query attention over latents in a paged cache, with products of warpgroups (wgmma).
//
// A task is 64 query rows of one sequence (heads of tokens, as in MlaDecode.cpp) and all of the sequence's cache
// positions or a part of them; a CTA's tasks follow one another (MlaDecodeShares.cpp), and its warpgroups pass from one
// to the next on their own. A tile is 32 records; its columns lie in blocks of 64 (rows of 128 bytes, 128-byte
// swizzle). Tiles are handled two by two, the second of the last pair may lie past the end.
//
// Warpgroup 0, copies: one warp requests, by TMA, the query in tiles of 32 rows and then the records, a tile in one
// copy. Quantised records are converted by all four warps (MlaDecodeQuantized.cpp).
//
// Warpgroup 1, scores: holds the query, three fifths in registers (an A operand from there costs no shared-memory
// traffic), the rest in shared memory. Issues the products of both tiles of a pair, then does their softmax one after
// the other. Probabilities (bf16) and the factor by which each row's new maximum scales the output down go to shared
// memory.
//
// Warpgroups 2 and 3, values: half of the latent's columns each. Rescale where some row asks for it, then add
// probabilities times records: the latent part of the same tile, read as a transposed operand. In the end they join
// what the CTA has parts of.
//
// Shared memory: a ring of `stages` tiles, of the query or of records; the query's last columns; two buffers of
// probabilities (64 x 32, 64-byte swizzle) with their 64 factors; log2 of the rows' sums; the CTA's share.
//
// Barriers: `tiles` full <- TMA, empty <- scores and values (12 warps; the values let the query pass); `probabilities`
// full <- every lane of the scores, empty <- every lane of the values. After the last tile of a task one more buffer
// of factors passes: the reciprocals of the rows' sums, and log2 of the sums beside it.
//
// Records past the last visible position are overwritten with zeros before their probabilities, which are 0, are
// published: 0 * NaN would be NaN.
#include "lowering/hopper/MlaDecodeWgmma.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

using Tiling = WgmmaDecode::Tiling;

static TensorMapShape recordMap(const DeviceView &cache, int64_t width) {
  // One copy brings a tile: 64 columns, the records, the blocks of columns.
  const int64_t bytes = cache.elementBytes();
  return {cache.element,
          {WgmmaDecode::kColumns, cache.sizes[2], width / WgmmaDecode::kColumns, std::numeric_limits<int32_t>::max()},
          {cache.strides[2] * bytes, WgmmaDecode::kRowBytes, cache.strides[0] * bytes},
          {WgmmaDecode::kColumns, WgmmaDecode::kKeys, width / WgmmaDecode::kColumns, 1},
          WgmmaDecode::kRowBytes};
}

static TensorMapShape queryMap(const DeviceView &query, int64_t boxTokens) {
  const int64_t bytes = query.elementBytes(), blocks = query.sizes[2] / WgmmaDecode::kColumns;
  return {query.element,
          {WgmmaDecode::kColumns, query.sizes[1], query.sizes[0], blocks},
          {query.strides[1] * bytes, query.strides[0] * bytes, WgmmaDecode::kRowBytes},
          {WgmmaDecode::kColumns, std::min(WgmmaDecode::kKeys, query.sizes[1]), boxTokens, blocks},
          WgmmaDecode::kRowBytes};
}

static int64_t tokensOfBox(const MlaDecodePlan &plan) {
  return std::min<int64_t>(llvm::divideCeil(WgmmaDecode::kKeys, plan.heads), plan.tokens / plan.sequences);
}

static kernel::MlaDecodeShares sharesOf(const MlaDecodePlan &plan) {
  return {plan.sequenceRows(), plan.sequences, plan.tiling.latent, plan.tablePages * plan.page,
          static_cast<bool>(plan.scratch)};
}

WgmmaDecode::WgmmaDecode(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, const Tiling &tiling, KernelBuilder &k,
                         LaunchPlan &launch, SmemArena &arena)
    : k(k), plan(plan), tiling(tiling), shares(sharesOf(plan)), arena(arena),
      ring(arena.allocate(tiling.stages * tiling.tileBytes(), SmemArena::kSwizzleAlignment)),
      queryColumns(arena.allocate(tiling.sharedBlocks() * kRows * kRowBytes, SmemArena::kSwizzleAlignment)),
      probabilityBuffers(arena.allocate(Tiling::kProbabilityStages * kProbabilityBytes, SmemArena::kSwizzleAlignment)),
      factors(arena.allocate(Tiling::kProbabilityStages * kRows * 4)), logSums(arena.allocate(kRows * 4)),
      share(arena.allocate(Tiling::kShareBytes)), chunks(arena.allocate(tiling.chunkRingBytes())),
      chunkBarriers(arena.allocate(tiling.chunkSlots() * 8)),
      queryRows(tokensOfBox(plan) * std::min(kKeys, plan.heads)),
      queryTiles(llvm::divideCeil(std::min(kRows, plan.sequenceRows()), kKeys)),
      records(k, arena, "tiles", tiling.stages, tiling.quantized ? kProducerWarps * 32 : 1, kScoreWarps + kValueWarps),
      probabilities(k, arena, "probabilities", Tiling::kProbabilityStages, kScoreWarps * 32, kValueWarps * 32),
      warp(k.warpIndex()), lane(k.laneIndex()) {
  operands.qLatent = tensorMapParameter(k, launch, op.getQLatent(), queryMap(plan.qLatent, tokensOfBox(plan)));
  operands.qRope = tensorMapParameter(k, launch, op.getQRope(), queryMap(plan.qRope, tokensOfBox(plan)));
  const int64_t layerOffset = op.getLayer() * plan.cache.strides[1] * plan.cache.elementBytes();
  operands.cache = tiling.quantized
                       ? pointerParameter(k, launch, op.getCache(), layerOffset)
                       : tensorMapParameter(k, launch, op.getCache(), recordMap(plan.cache, plan.width()), layerOffset);
  operands.positions = pointerParameter(k, launch, op.getPositions());
  operands.blockTable = pointerParameter(k, launch, op.getBlockTable());
  operands.result = pointerParameter(k, launch, op.getResult());
  if (plan.scratch) {
    operands.scratch = pointerParameter(k, launch, plan.scratch);
    counters = k.deviceState(shares.blocks() * 4);
  }
}

void WgmmaDecode::init() {
  prefetchTensorMap(k, operands.qLatent);
  prefetchTensorMap(k, operands.qRope);
  if (!tiling.quantized)
    prefetchTensorMap(k, operands.cache);
  records.init();
  probabilities.init();
  for (int64_t slot = 0; slot < tiling.chunkSlots(); ++slot)
    mbarrierInit(k, arena.at(chunkBarriers, k.i32(8 * slot)), 1);
}

// --- what a CTA looks at
// ------------------------------------------------------------------------------------------------------------------

/// The last position that a row of the CTA sees; that of the last row for rows past it.
Value WgmmaDecode::limitOf(Value tileRow) {
  Value row = k.add(firstRow, tileRow), known = k.minU(row, plan.sequenceRows() - 1);
  Value token = k.add(k.mul(task.sequence, plan.tokens / plan.sequences), k.divU(known, plan.heads));
  Value position = loadGlobal(k, k.i32Ty, k.gep(operands.positions, k.mul(k.zext(token, k.i64Ty), 4)));
  return k.minS(position, plan.tablePages * plan.page - 1); // never read past the table
}

void WgmmaDecode::findRange() {
  Value row = pinRegisters(k, {lane})[0]; // or LLVM would keep what depends on it alone during every task
  Value last = k.maxS(limitOf(row), limitOf(k.add(row, 32)));
  count = k.uniform(k.add(warpMax(k, last), 1)); // every warp looked at all rows
  Value all = k.ceilDivU(count, 2 * kKeys);
  Value first = k.select(beginsInside(), k.minU(boundary(k.i32(0)).pair, all), k.i32(0));
  Value end = k.select(endsInside(), k.minU(boundary(k.i32(1)).pair, all), all);
  begin = k.mul(first, 2);
  pairs = k.sub(end, first);
}

Value WgmmaDecode::globalRow(Value tileRow) {
  return k.zext(k.add(k.mul(task.sequence, plan.sequenceRows()), k.add(firstRow, tileRow)), k.i64Ty);
}

// --- copies
// -------------------------------------------------------------------------------------------------------------------

/// The page of a tile; of the last tile that has a record for those past it.
Value WgmmaDecode::pageOf(Value tile, Value last) {
  Value slot = k.divU(k.mul(k.minS(tile, last), kKeys), plan.page);
  Value index = k.zext(k.add(k.mul(task.sequence, plan.tablePages), slot), k.i64Ty);
  return loadGlobal(k, k.i32Ty, k.gep(operands.blockTable, k.mul(index, 4)));
}

void WgmmaDecode::requestQuery(int64_t tile, const PipelineState &state, Value full) {
  Value row = k.add(firstRow, tile * kKeys), head = k.remU(row, plan.heads), zero = k.i32(0);
  Value token = k.add(k.mul(task.sequence, plan.tokens / plan.sequences), k.divU(row, plan.heads));
  Value target = arena.at(ring, k.mul(state.stage, tiling.tileBytes()));
  tmaLoad(k, target, operands.qLatent, {zero, head, token, zero}, full);
  tmaLoad(k, k.gep(target, plan.tiling.latent / kColumns * queryRows * kRowBytes), operands.qRope,
          {zero, head, token, zero}, full);
}

Values WgmmaDecode::produce(ValueRange state) {
  Value tiles = k.mul(pairs, 2), last = k.sub(k.ceilDivU(count, kKeys), 1); // tile that has a record
  // Each lane looks up the page of one of the next 32 tiles.
  Value pages = pageOf(k.add(begin, lane), last), zero = k.i32(0);
  PipelineState current(state);
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.acquire(current);
    records.commitWarp(current, queryRows * plan.width() * 2, [&](Value full) { requestQuery(tile, current, full); });
    current = records.advance(current);
  }
  Values carried = current.values();
  carried.push_back(pages);
  carried = k.loop(zero, tiles, 1, carried, [&](Value index, ValueRange values) -> Values {
    PipelineState current(values);
    Value pages = values[2], tile = k.add(begin, index);
    records.acquire(current);
    Value page = shuffleIndex(k, pages, k.bitAnd(index, 31));
    records.commitWarp(current, tiling.tileBytes(), [&](Value full) {
      Value row = k.remU(k.mul(k.minS(tile, last), kKeys), plan.page);
      tmaLoad(k, arena.at(ring, k.mul(current.stage, tiling.tileBytes())), operands.cache, {zero, row, zero, page},
              full);
    });
    Values next = records.advance(current).values();
    next.append(k.whenElse(
        k.eq(k.bitAnd(index, 31), 31), {k.i32Ty},
        [&]() -> Values { return {pageOf(k.add(tile, k.add(lane, 1)), last)}; }, [&]() -> Values { return {pages}; }));
    return next;
  });
  carried.pop_back();
  return carried;
}

/// No positions: zeros. Run by the values' warps.
void WgmmaDecode::storeEmpty() {
  auto storeZeros = [&] {
    Value thread = k.sub(pinRegisters(k, {k.threadIndex()})[0], kValues * 32);
    const int64_t rowBytes = plan.tiling.latent * 2, pieces = rowBytes / 16;
    k.loop(thread, k.i32(kRows * pieces), kValueWarps * 32, [&](Value index) {
      Value row = k.divU(index, pieces);
      k.when(k.ltU(k.add(firstRow, row), plan.sequenceRows()), [&] {
        Value offset = k.add(k.mul(globalRow(row), rowBytes), k.zext(k.shl(k.remU(index, pieces), 4), k.i64Ty));
        storeGlobal(k, k.zero(k.vec(4, k.i32Ty)), k.gep(operands.result, offset));
      });
    });
  };
  if (!shares.cuts)
    return storeZeros();
  auto store = [&] { k.when(isPart(), [&] { storeEmptyPart(); }, storeZeros); };
  if (!keepsHeads())
    return store();
  k.when(
      joinsTail(), // a first part without positions: so is the second
      [&] {
        awaitTail();
        storeZeros();
      },
      store);
}

// --- tasks
// --------------------------------------------------------------------------------------------------------------------

void WgmmaDecode::setTask(Value index) {
  taskIndex = index;
  // Pinned, or LLVM would keep what depends on the CTA alone during every task.
  Value rowTile = shares.together() == 1 ? k.i32(0) : k.remU(pinRegisters(k, {k.blockIndex()})[0], shares.together());
  if (shares.copies() > 1)
    rowTile = k.add(k.mul(k.remU(index, shares.copies()), shares.together()), rowTile);
  task = {k.divU(index, shares.copies()), /*part=*/Value(), rowTile};
  firstRow = k.mul(task.rowTile, kRows);
}
/// Computes what setTask did once more, where keeping it would cost registers of the main loop.
void WgmmaDecode::setTaskAgain() { setTask(pinRegisters(k, {taskIndex})[0]); }

void WgmmaDecode::forEachTask(ValueRange state, Role role) {
  Values carried = {boundary(k.i32(0)).item};
  llvm::append_range(carried, state);
  auto more = [&](ValueRange values) {
    Boundary end = boundary(k.i32(1)); // read again: kept, it would cost registers of the main loop
    return k.logicalOr(k.ltU(values[0], end.item), k.logicalAnd(k.eq(values[0], end.item), k.ne(end.pair, 0)));
  };
  k.loopWhile(carried, more, [&](ValueRange values) -> Values {
    Value index = values[0];
    ValueRange state = values.drop_front();
    setTask(index);
    findRange();
    Values next = {k.add(index, 1)};
    next.append(k.whenElse(
        k.ne(pairs, 0), state.getTypes(), [&] { return (this->*role)(state); },
        [&]() -> Values {
          setTask(index);
          if (role == &WgmmaDecode::addValues)
            storeEmpty();
          return Values(state);
        }));
    return next;
  });
}

void WgmmaDecode::run() {
  Values states = records.start().values();
  k.role(warp, kProducer, 4, [&] {
    decreaseRegisters(k, tiling.producerRegisters());
    if (tiling.quantized) {
      states.append({k.i32(0), k.i32(0)}); // of the warp's own ring
      forEachTask(states, &WgmmaDecode::convertRecords);
    } else {
      k.role(warp, kProducer, 1, [&] { forEachTask(states, &WgmmaDecode::produce); });
    }
    states.truncate(2);
  });
  states.append(probabilities.start().values());
  k.role(warp, kScores, kScoreWarps, [&] {
    increaseRegisters(k, tiling.scoreRegisters());
    forEachTask(states, &WgmmaDecode::makeScores);
  });
  warp = k.warpIndex(); // again: kept, it would cost a register of the scores
  half = k.shrU(k.sub(warp, kValues), 2);
  k.role(warp, kValues, kValueWarps, [&] {
    increaseRegisters(k, Tiling::kValueRegisters);
    forEachTask(states, &WgmmaDecode::addValues);
    if (shares.cuts)
      joinParts();
    gridDependencyTrigger(k);
  });
}

FailureOr<LaunchPlan> hopper::buildMlaDecodeWgmma(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, KernelBuilder &k) {
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  const Tiling tiling{plan.tiling.latent, plan.tiling.rope,     plan.heads,
                      plan.page,          schedule.getStages(), op.hasQuantizedCache()};
  if (schedule.getTile() != ArrayRef<int64_t>{WgmmaDecode::kRows, WgmmaDecode::kKeys, tiling.valueColumns()} ||
      schedule.getWarps() != Tiling::kWarps || schedule.getCluster() != 1)
    return op.emitError("schedule: warpgroup products take tile [64, 32, ")
           << tiling.valueColumns() << "], 16 warps and cluster 1, got tile [" << schedule.getTile() << "], "
           << schedule.getWarps() << " warps and cluster " << schedule.getCluster();
  if (!tiling.isKnown())
    return op.emitError("schedule: warpgroup products need a latent of 128 to 512 in steps of 128, a rotated part in "
                        "steps of 64, 576 together at most, 8, 16 or 32 heads or a multiple of 64, "
                        "and pages in steps of 32; got ")
           << tiling.latent << " + " << tiling.rope << ", " << plan.heads << " heads, pages of " << plan.page;
  if (!tiling.fits())
    return op.emitError("schedule: stages is ")
           << tiling.stages << ", expected " << Tiling::kMinStages << " to " << tiling.maxStages();
  if (plan.partial)
    return op.emitError("schedule: warpgroup products join the parts of a sequence themselves, expected a result with "
                        "scratch, got one with lse of parts");
  if (plan.scratch) {
    const int64_t floats = cast<RankedTensorType>(plan.scratch.getType()).getNumElements();
    if (int64_t need = sharesOf(plan).scratchFloats(); floats < need)
      return op.emitError("scratch has ") << floats << " elements, expected " << need;
  }
  auto checkTma = [&](const DeviceView &view, const TensorMapShape &shape, StringRef name) -> LogicalResult {
    if (std::string why = whyNotTma(shape, view.byteOffset); !why.empty())
      return op.emitError("schedule: warpgroup products need TMA: ") << name << ": " << why;
    return success();
  };
  if (failed(checkTma(plan.qLatent, queryMap(plan.qLatent, tokensOfBox(plan)), "q_latent")) ||
      failed(checkTma(plan.qRope, queryMap(plan.qRope, tokensOfBox(plan)), "q_rope")))
    return failure();
  if (!tiling.quantized && failed(checkTma(plan.cache, recordMap(plan.cache, plan.width()), "the cache")))
    return failure();
  if (tiling.quantized && (plan.cache.byteOffset % 16 != 0 || plan.cache.strides[0] % 16 != 0))
    return op.emitError("schedule: quantised records are copied in bulk, from multiples of 16 bytes; got a cache at ")
           << plan.cache.byteOffset << " with pages of " << plan.cache.strides[0] << " bytes";

  LaunchPlan launch;
  SmemArena arena(k);
  WgmmaDecode body(op, plan, tiling, k, launch, arena);
  k.when(k.eq(k.threadIndex(), 0), [&] {
    body.init();
    fenceBarrierInit(k);
  });
  gridDependencyWait(k, plan.tokens);
  k.when(k.eq(k.warpIndex(), 0), [&] { body.findShare(); });
  syncThreads(k);
  body.run();

  launch.grid = {body.blocks(), 1, 1};
  launch.threads = Tiling::kWarps * 32;
  launch.sharedBytes = arena.bytes();
  return launch;
}
