// Multi-query attention over latents in a paged cache, with products of warpgroups (wgmma).
//
// A task is 64 query rows of one sequence (heads of tokens, as in MlaDecode.cpp) and one part of the sequence's cache
// positions; a CTA takes every 132nd, and its warpgroups pass from one task to the next on their own. A tile is 32
// records; its columns lie in blocks of 64 (rows of 128 bytes, 128-byte swizzle). Tiles are handled two by two, the
// second of the last pair may lie past the end.
//
// Warpgroups:
//   0  one warp requests, by TMA, the query in tiles of 32 rows and then the records, a tile in one copy;
//   1  scores: holds the query, two thirds in registers (an A operand from there costs no shared-memory traffic), the
//   rest
//      in shared memory. Issues the products of both tiles of a pair; the second's run during the softmax of the first.
//      Probabilities (bf16) and the factor by which each row's new maximum scales the output down go to shared memory;
//   2, 3  values: half of the latent's columns each. Rescale, then add probabilities times records: the latent part of
//      the same tile, read as a transposed operand.
//
// Shared memory: a ring of `stages` tiles, of the query or of records; the query's last columns; two buffers of
// probabilities (64 x 32, 64-byte swizzle) with their 64 factors. Barriers: `tiles` full <- TMA, empty <- scores and
// values (12 warps; the values let the query pass); `probabilities` full <- the four warps of the scores, empty <- the
// eight of the values. After the last tile of a task one more buffer of factors passes: the reciprocals of the rows'
// sums.
//
// Records past the last visible position are overwritten with zeros before their probabilities, which are 0, are
// published: 0 * NaN would be NaN.
#include "lowering/hopper/MlaDecodeBody.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "lowering/hopper/blocks/Wgmma.h"
#include "lowering/hopper/scheduler/TileScheduler.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

using Tiling = kernel::MlaDecodeWgmmaTiling;

constexpr int64_t kRows = Tiling::kRows, kKeys = Tiling::kKeys, kColumns = Tiling::kColumns;
constexpr int64_t kRowBytes = 128;                       // of a block
constexpr int64_t kBlockBytes = kKeys * kRowBytes;       // 64 columns of a tile
constexpr int64_t kProbabilityBytes = kRows * kKeys * 2; // of a buffer
constexpr int64_t kProbabilityRow = kKeys * 2;           // 64 bytes: the swizzle's width
constexpr int64_t kStepBytes = 32;                       // of K in one product
constexpr int64_t kScoreWarps = 4, kValueWarps = 8;
constexpr double kSlack = 8; // a maximum may lag behind by 2^8: rescaling is rare, and sums keep their precision
constexpr int64_t kScoresBarrier = 1;                      // named: the warps of the scores
constexpr int64_t kProducer = 0, kScores = 4, kValues = 8; // first warps of the roles

class WgmmaDecode {
public:
  WgmmaDecode(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, const Tiling &tiling, KernelBuilder &k,
              LaunchPlan &launch, SmemArena &arena);
  void init();
  void run();
  int64_t tasks() const { return rowTiles() * plan.split * plan.sequences; }
  int64_t blocks() const { return std::min(tasks(), kMultiprocessors); }

private:
  // --- roles ---
  using Role = Values (WgmmaDecode::*)(ValueRange state);
  void forEachTask(ValueRange state, Role role);
  void setTask(Value index);
  void setTaskAgain();
  Values produce(ValueRange state);
  Values makeScores(ValueRange state);
  Values addValues(ValueRange state);
  void storeEmpty();

  // --- scores ---
  bool isInRegisters(int64_t block, int64_t stepBytes) const {
    return block * (kRowBytes / kStepBytes) + stepBytes / kStepBytes < tiling.registerSteps();
  }
  Values loadQuery(PipelineState &state);
  Accumulator issueScores(ArrayRef<Value> query, const PipelineState &state);
  PipelineState publish(Accumulator &scores, Value tile, SoftmaxRows &softmax, const PipelineState &record,
                        PipelineState probability);
  void clearTail(Value tile, const PipelineState &record);
  Value factorPointer(const PipelineState &state, Value row) {
    return k.gep(arena.at(factors, k.mul(state.stage, kRows * 4)), k.shl(row, 2));
  }

  // --- values ---
  using Sums = std::vector<Accumulator>; // of a warpgroup, productColumns() each
  Sums sumsOf(ValueRange values);
  void issueValues(Sums &sums, const PipelineState &record, const PipelineState &probability, bool accumulate);
  std::array<Value, 2> loadFactors(const PipelineState &state);
  void rescale(Sums &sums, ArrayRef<Value> factor);
  void storeRows(Sums &sums, ArrayRef<Value> inverse);

  int64_t rowTiles() const { return llvm::divideCeil(plan.sequenceRows(), kRows); }
  void findRange();
  Value limitOf(Value tileRow);
  Value globalRow(Value tileRow); // of [T, H], or of [s, T, H]

  KernelBuilder &k;
  const MlaDecodePlan &plan;
  const Tiling &tiling;
  SmemArena &arena;
  MlaDecodeOperands operands; // queries and cache are tensor maps
  int64_t ring, queryColumns, probabilityBuffers, factors;
  int64_t queryRows;  // of a tile of the query: heads times tokens
  int64_t queryTiles; // 1 or 2
  Pipeline records, probabilities;
  Value warp, lane, half; // half: of the latent's columns, for the values
  Value taskIndex;
  MlaDecodeTask task;
  Value firstRow, count;       // of the CTA among the rows of the sequence; records that some row sees
  Value begin, pairs;          // first tile of the part, and pairs of tiles
  std::array<Value, 2> limits; // last visible position of the lane's two rows of the scores
  Value scaleLog2;             // of scores: exponentials are base 2
};

TensorMapShape recordMap(const DeviceView &cache, int64_t width) {
  // One copy brings a tile: 64 columns, the records, the blocks of columns.
  const int64_t bytes = cache.elementBytes();
  return {cache.element,
          {kColumns, cache.sizes[2], width / kColumns, std::numeric_limits<int32_t>::max()},
          {cache.strides[2] * bytes, kRowBytes, cache.strides[0] * bytes},
          {kColumns, kKeys, width / kColumns, 1},
          kRowBytes};
}

TensorMapShape queryMap(const DeviceView &query, int64_t boxTokens) {
  const int64_t bytes = query.elementBytes(), blocks = query.sizes[2] / kColumns;
  return {query.element,
          {kColumns, query.sizes[1], query.sizes[0], blocks},
          {query.strides[1] * bytes, query.strides[0] * bytes, kRowBytes},
          {kColumns, std::min(kKeys, query.sizes[1]), boxTokens, blocks},
          kRowBytes};
}

int64_t tokensOfBox(const MlaDecodePlan &plan) {
  return std::min<int64_t>(llvm::divideCeil(kKeys, plan.heads), plan.tokens / plan.sequences);
}

WgmmaDecode::WgmmaDecode(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, const Tiling &tiling, KernelBuilder &k,
                         LaunchPlan &launch, SmemArena &arena)
    : k(k), plan(plan), tiling(tiling), arena(arena),
      ring(arena.allocate(tiling.stages * tiling.tileBytes(), SmemArena::kSwizzleAlignment)),
      queryColumns(arena.allocate(tiling.sharedBlocks() * kRows * kRowBytes, SmemArena::kSwizzleAlignment)),
      probabilityBuffers(arena.allocate(Tiling::kProbabilityStages * kProbabilityBytes, SmemArena::kSwizzleAlignment)),
      factors(arena.allocate(Tiling::kProbabilityStages * kRows * 4)),
      queryRows(tokensOfBox(plan) * std::min(kKeys, plan.heads)),
      queryTiles(llvm::divideCeil(std::min(kRows, plan.sequenceRows()), kKeys)),
      records(k, arena, "tiles", tiling.stages, /*producerArrivals=*/1, kScoreWarps + kValueWarps),
      probabilities(k, arena, "probabilities", Tiling::kProbabilityStages, kScoreWarps, kValueWarps),
      warp(k.warpIndex()), lane(k.laneIndex()) {
  operands.qLatent = tensorMapParameter(k, launch, op.getQLatent(), queryMap(plan.qLatent, tokensOfBox(plan)));
  operands.qRope = tensorMapParameter(k, launch, op.getQRope(), queryMap(plan.qRope, tokensOfBox(plan)));
  operands.cache = tensorMapParameter(k, launch, op.getCache(), recordMap(plan.cache, plan.width()),
                                      op.getLayer() * plan.cache.strides[1] * plan.cache.elementBytes());
  operands.positions = pointerParameter(k, launch, op.getPositions());
  operands.blockTable = pointerParameter(k, launch, op.getBlockTable());
  operands.result = pointerParameter(k, launch, op.getResult());
  if (plan.partial)
    operands.lse = pointerParameter(k, launch, op.getLse());
  half = k.shrU(k.sub(warp, kValues), 2);
}

void WgmmaDecode::init() {
  for (Value map : {operands.qLatent, operands.qRope, operands.cache})
    prefetchTensorMap(k, map);
  records.init();
  probabilities.init();
}

// --- what a CTA looks at
// ------------------------------------------------------------------------------------------------------------------

/// The last position that a row of the CTA sees, -1 for a row past the sequence's rows.
Value WgmmaDecode::limitOf(Value tileRow) {
  Value row = k.add(firstRow, tileRow), known = k.minU(row, plan.sequenceRows() - 1);
  Value token = k.add(k.mul(task.sequence, plan.tokens / plan.sequences), k.divU(known, plan.heads));
  Value position = loadGlobal(k, k.i32Ty, k.gep(operands.positions, k.mul(k.zext(token, k.i64Ty), 4)));
  position = k.minS(position, plan.tablePages * plan.page - 1); // never read past the table
  return k.select(k.eq(row, known), position, k.i32(-1));
}

void WgmmaDecode::findRange() {
  Value last = k.maxS(limitOf(lane), limitOf(k.add(lane, 32)));
  count = k.uniform(k.add(warpMax(k, last), 1)); // every warp looked at all rows
  Value all = k.ceilDivU(count, 2 * kKeys), share = k.ceilDivU(all, plan.split);
  Value first = k.minU(k.mul(task.part, share), all);
  begin = k.mul(first, 2);
  pairs = k.sub(k.minU(k.add(first, share), all), first);
}

Value WgmmaDecode::globalRow(Value tileRow) {
  Value row = k.add(k.mul(task.sequence, plan.sequenceRows()), k.add(firstRow, tileRow));
  if (plan.partial)
    row = k.add(k.mul(task.part, plan.tokens * plan.heads), row);
  return k.zext(row, k.i64Ty);
}

// --- copies
// -------------------------------------------------------------------------------------------------------------------

Values WgmmaDecode::produce(ValueRange state) {
  Value tiles = k.mul(pairs, 2), last = k.sub(k.ceilDivU(count, kKeys), 1); // tile that has a record
  auto pageOf = [&](Value tile) {
    Value slot = k.divU(k.mul(k.minS(tile, last), kKeys), plan.page);
    Value index = k.zext(k.add(k.mul(task.sequence, plan.tablePages), slot), k.i64Ty);
    return loadGlobal(k, k.i32Ty, k.gep(operands.blockTable, k.mul(index, 4)));
  };
  // Each lane looks up the page of one of the next 32 tiles.
  Value pages = pageOf(k.add(begin, lane)), zero = k.i32(0);
  PipelineState current(state);
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.acquire(current);
    records.commitWarp(current, queryRows * plan.width() * 2, [&](Value full) {
      Value row = k.add(firstRow, tile * kKeys), head = k.remU(row, plan.heads);
      Value token = k.add(k.mul(task.sequence, plan.tokens / plan.sequences), k.divU(row, plan.heads));
      Value target = arena.at(ring, k.mul(current.stage, tiling.tileBytes()));
      tmaLoad(k, target, operands.qLatent, {zero, head, token, zero}, full);
      tmaLoad(k, k.gep(target, plan.tiling.latent / kColumns * queryRows * kRowBytes), operands.qRope,
              {zero, head, token, zero}, full);
    });
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
        k.eq(k.bitAnd(index, 31), 31), {k.i32Ty}, [&]() -> Values { return {pageOf(k.add(tile, k.add(lane, 1)))}; },
        [&]() -> Values { return {pages}; }));
    return next;
  });
  carried.pop_back();
  return carried;
}

// --- scores
// -------------------------------------------------------------------------------------------------------------------

/// The query as A operands: four registers for each 16 columns. Rows past the query's hold anything: a row of a product
/// depends on no other.
Values WgmmaDecode::loadQuery(PipelineState &state) {
  PipelineState first = state;
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.wait(state);
    state = records.advance(state);
  }
  Value row = k.add(k.mul(k.bitAnd(warp, 3), 16), k.bitAnd(lane, 15)), column = k.shl(k.shrU(lane, 4), 4);
  // Pinned, or LLVM would compute all addresses once and keep them during every task.
  Values pinned = pinRegisters(k, {row, column});
  row = pinned[0], column = pinned[1];
  Value stage = first.stage;
  if (queryTiles == 2)
    stage = k.select(k.geU(row, kKeys), records.advance(first).stage, stage);
  Value base = k.mul(stage, tiling.tileBytes());
  Values query;
  for (int64_t block = 0; block < tiling.blocks(); ++block)
    for (int64_t step = 0; step < kRowBytes; step += kStepBytes) {
      Value from = swizzle(k, k.add(k.bitAnd(row, kKeys - 1), block * queryRows), k.add(column, step), kRowBytes);
      Values fragment = loadMatrix(k, arena.at(ring, k.add(base, from)), 4);
      const int64_t shared = block - tiling.firstSharedBlock();
      if (isInRegisters(block, step))
        query.append(fragment);
      else
        storeMatrix(
            k, arena.at(queryColumns + shared * kRows * kRowBytes, swizzle(k, row, k.add(column, step), kRowBytes)),
            fragment);
    }
  if (tiling.sharedBlocks() > 0) {
    fenceAsyncShared(k);
    namedBarrier(k, kScoresBarrier, kScoreWarps * 32);
  }
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.release(first);
    first = records.advance(first);
  }
  return query;
}

Accumulator WgmmaDecode::issueScores(ArrayRef<Value> query, const PipelineState &state) {
  Accumulator scores(k, kKeys);
  records.wait(state);
  Value keys = wgmmaDescriptor(k, arena.at(ring, k.mul(state.stage, tiling.tileBytes())));
  wgmmaFence(k);
  Value shared = wgmmaDescriptor(k, arena.at(queryColumns));
  for (int64_t block = 0; block < tiling.blocks(); ++block)
    for (int64_t step = 0, steps = kRowBytes / kStepBytes; step < steps; ++step) {
      const int64_t i = block * steps + step, rest = block - tiling.firstSharedBlock();
      Value b = advanceDescriptor(k, keys, block * kBlockBytes + step * kStepBytes);
      if (isInRegisters(block, step * kStepBytes))
        scores.multiplyRegisters(WgmmaType::BF16, query.slice(4 * i, 4), b, i > 0);
      else
        scores.multiply(WgmmaType::BF16, advanceDescriptor(k, shared, rest * kRows * kRowBytes + step * kStepBytes), b,
                        i > 0);
    }
  wgmmaCommit(k);
  return scores;
}

/// Zeros in the place of records that no row sees.
void WgmmaDecode::clearTail(Value tile, const PipelineState &record) {
  Value left = k.maxS(k.sub(count, k.mul(tile, kKeys)), 0);
  k.when(k.ltS(left, kKeys), [&] {
    Value thread = k.bitAnd(k.threadIndex(), 127), chunk = k.shl(k.bitAnd(thread, 7), 4), first = k.shrU(thread, 3);
    Value stage = arena.at(ring, k.mul(record.stage, tiling.tileBytes()));
    k.loop(k.add(left, first), k.i32(kKeys), 16, [&](Value row) {
      Value pointer = k.gep(stage, k.add(k.mul(row, kRowBytes), chunk));
      for (int64_t block = 0; block < plan.tiling.latent / kColumns; ++block)
        storeShared(k, k.zero(k.vec(4, k.i32Ty)), k.gep(pointer, block * kBlockBytes));
    });
  });
}

/// Softmax of a tile; its probabilities and the factors of the rows to the values' warps.
PipelineState WgmmaDecode::publish(Accumulator &scores, Value tile, SoftmaxRows &softmax, const PipelineState &record,
                                   PipelineState probability) {
  Value hidden = k.f32(-std::numeric_limits<double>::infinity());
  Value position = k.add(k.mul(tile, kKeys), scores.column(0));
  for (int64_t i = 0; i < scores.size(); ++i) {
    Value visible = k.sub(limits[i / 2 % 2], position);
    scores[i] = k.select(k.geS(visible, 8 * (i / 4) + i % 2), scores[i], hidden);
  }
  std::array<Value, 2> rescale;
  Values fragments = softmax.add(k, scores.values(), scaleLog2, rescale, kSlack);

  probabilities.acquire(probability);
  Value firstOfRow = k.eq(k.bitAnd(lane, 3), 0);
  k.when(firstOfRow, [&] {
    for (int64_t h = 0; h < 2; ++h)
      storeShared(k, rescale[h], factorPointer(probability, scores.row(h)));
  });
  Value matrix = k.shrU(lane, 3), buffer = arena.at(probabilityBuffers, k.mul(probability.stage, kProbabilityBytes));
  Value thread = k.bitAnd(k.threadIndex(), 127);
  Value row = k.add(k.add(k.mul(k.shrU(thread, 5), 16), k.mul(k.bitAnd(matrix, 1), 8)), k.bitAnd(lane, 7));
  for (int64_t step = 0; step < kKeys / 16; ++step) {
    Value column = k.add(k.mul(k.shrU(matrix, 1), 16), step * kStepBytes);
    storeMatrix(k, k.gep(buffer, swizzle(k, row, column, kProbabilityRow)), ValueRange(fragments).slice(4 * step, 4));
  }
  clearTail(tile, record);
  fenceAsyncShared(k);
  probabilities.commitWarpStores(probability);
  records.release(record);
  return probabilities.advance(probability);
}

Values WgmmaDecode::makeScores(ValueRange state) {
  scaleLog2 = k.f32(plan.scale * 1.4426950408889634);
  Accumulator rows(k, kKeys);
  // Rows of one token have one limit; what rows past the sequence's see is nobody's affair.
  const bool oneToken = plan.heads % 16 == 0 || plan.tokens == plan.sequences;
  limits[0] = limitOf(rows.row(0));
  limits[1] = oneToken ? limits[0] : limitOf(rows.row(1));
  PipelineState issued(state), probability(state.drop_front(2));
  Values query = loadQuery(issued);
  // The products of a pair's second tile run during the softmax of the first. (With the next pair's first tile under
  // way during the second softmax too, ptxas spills.)
  SoftmaxRows softmax = SoftmaxRows::start(k);
  Value end = k.add(begin, k.mul(pairs, 2));
  auto pack = [&] {
    Values values = issued.values();
    llvm::append_range(values, probability.values());
    llvm::append_range(values, softmax.values());
    return values;
  };
  Values carried = k.loop(begin, end, 2, pack(), [&](Value tile, ValueRange values) -> Values {
    PipelineState first(values), second = records.advance(first);
    probability = PipelineState(values.drop_front(2)), softmax = SoftmaxRows(values.drop_front(4));
    Accumulator even = issueScores(query, first), odd = issueScores(query, second);
    even.wait(1);
    probability = publish(even, tile, softmax, first, probability);
    odd.wait(0);
    probability = publish(odd, k.add(tile, 1), softmax, second, probability);
    issued = records.advance(second);
    return pack();
  });
  issued = PipelineState(carried), probability = PipelineState(ValueRange(carried).drop_front(2));
  softmax = SoftmaxRows(ValueRange(carried).drop_front(4));

  setTaskAgain();
  softmax.finish(k);
  probabilities.acquire(probability);
  k.when(k.eq(k.bitAnd(lane, 3), 0), [&] {
    for (int64_t h = 0; h < 2; ++h) {
      storeShared(k, softmax.inverse(k, h), factorPointer(probability, rows.row(h)));
      if (plan.partial)
        k.when(k.ltU(k.add(firstRow, rows.row(h)), plan.sequenceRows()),
               [&] { storeGlobal(k, softmax.logSum(k, h), k.gep(operands.lse, k.mul(globalRow(rows.row(h)), 4))); });
    }
  });
  probabilities.commitWarpStores(probability);
  Values next = issued.values();
  next.append(probabilities.advance(probability).values());
  return next;
}

// --- values
// -------------------------------------------------------------------------------------------------------------------

WgmmaDecode::Sums WgmmaDecode::sumsOf(ValueRange values) {
  Sums sums;
  const int64_t columns = tiling.productColumns(), size = columns / 2;
  for (int64_t i = 0; i < tiling.valueColumns() / columns; ++i)
    values.empty() ? sums.emplace_back(k, columns) : sums.emplace_back(k, columns, values.slice(i * size, size));
  return sums;
}

void WgmmaDecode::issueValues(Sums &sums, const PipelineState &record, const PipelineState &probability,
                              bool accumulate) {
  Value a = wgmmaDescriptor(k, arena.at(probabilityBuffers, k.mul(probability.stage, kProbabilityBytes)),
                            /*leadingBytes, unused=*/16, /*strideBytes=*/8 * kProbabilityRow, kProbabilityRow);
  Value tile =
      k.add(k.mul(record.stage, tiling.tileBytes()), k.mul(half, tiling.valueColumns() / kColumns * kBlockBytes));
  Value b =
      wgmmaDescriptor(k, arena.at(ring, tile), /*leadingBytes=*/kBlockBytes, /*strideBytes=*/8 * kRowBytes, kRowBytes);
  wgmmaFence(k);
  for (int64_t step = 0; step < kKeys / 16; ++step)
    for (auto [i, sum] : llvm::enumerate(sums))
      sum.multiply(
          WgmmaType::BF16, advanceDescriptor(k, a, step * kStepBytes),
          advanceDescriptor(k, b, step * 16 * kRowBytes + i * tiling.productColumns() / kColumns * kBlockBytes),
          accumulate || step > 0, /*transposeB=*/true);
  wgmmaCommit(k);
}

std::array<Value, 2> WgmmaDecode::loadFactors(const PipelineState &state) {
  Accumulator rows(k, tiling.productColumns());
  return {loadShared(k, k.f32Ty, factorPointer(state, rows.row(0))),
          loadShared(k, k.f32Ty, factorPointer(state, rows.row(1)))};
}

Values WgmmaDecode::addValues(ValueRange carried) {
  PipelineState record(carried), probability(carried.drop_front(2));
  for (int64_t tile = 0; tile < queryTiles; ++tile) {
    records.wait(record);
    records.release(record);
    record = records.advance(record);
  }
  auto finish = [&](Sums &sums) {
    for (Accumulator &sum : sums)
      sum.wait(0);
    probabilities.release(probability);
    records.release(record);
    probability = probabilities.advance(probability);
    record = records.advance(record);
    Values values = probability.values();
    llvm::append_range(values, record.values());
    for (Accumulator &sum : sums)
      llvm::append_range(values, sum.values());
    return values;
  };
  // The first tile is peeled: it defines the sums.
  Sums first = sumsOf({});
  records.wait(record);
  probabilities.wait(probability);
  issueValues(first, record, probability, /*accumulate=*/false);
  Values state = finish(first);
  state = k.loop(k.i32(1), k.mul(pairs, 2), 1, state, [&](Value, ValueRange values) -> Values {
    probability = PipelineState(values), record = PipelineState(values.drop_front(2));
    Sums sums = sumsOf(values.drop_front(4));
    records.wait(record);
    probabilities.wait(probability);
    std::array<Value, 2> factor = loadFactors(probability);
    rescale(sums, factor);
    issueValues(sums, record, probability, /*accumulate=*/true);
    return finish(sums);
  });
  probability = PipelineState(state), record = PipelineState(ValueRange(state).drop_front(2));
  Sums sums = sumsOf(ValueRange(state).drop_front(4));
  probabilities.wait(probability);
  std::array<Value, 2> inverse = loadFactors(probability);
  probabilities.release(probability);
  setTaskAgain();
  storeRows(sums, inverse);
  Values next = record.values();
  next.append(probabilities.advance(probability).values());
  return next;
}

/// Most tiles scale nothing down.
void WgmmaDecode::rescale(Sums &sums, ArrayRef<Value> factor) {
  Value one = k.f32(1), some = k.logicalNot(k.logicalAnd(k.feq(factor[0], one), k.feq(factor[1], one)));
  Values all;
  for (Accumulator &sum : sums)
    llvm::append_range(all, sum.values());
  Values scaled = k.whenElse(
      anyLane(k, some), ValueRange(all).getTypes(),
      [&] {
        Values products;
        for (auto [i, value] : llvm::enumerate(all))
          products.push_back(k.fmul(value, factor[i / 2 % 2]));
        return products;
      },
      [&] { return all; });
  const int64_t size = sums.front().size();
  for (auto [i, sum] : llvm::enumerate(sums))
    sum.assign(ValueRange(scaled).slice(i * size, size));
}

void WgmmaDecode::storeRows(Sums &sums, ArrayRef<Value> inverse) {
  const int64_t bytes = plan.partial ? 4 : 2;
  Value column = k.add(k.mul(half, tiling.valueColumns()), sums[0].column(0));
  for (int64_t h = 0; h < 2; ++h) {
    Value row = sums[0].row(h);
    k.when(k.ltU(k.add(firstRow, row), plan.sequenceRows()), [&] {
      Value element = k.add(k.mul(globalRow(row), plan.tiling.latent), k.zext(column, k.i64Ty));
      Value target = k.gep(operands.result, k.mul(element, bytes));
      for (auto [j, sum] : llvm::enumerate(sums))
        for (int64_t i = 2 * h; i < sum.size(); i += 4) {
          Value low = k.fmul(sum[i], inverse[h]), high = k.fmul(sum[i + 1], inverse[h]);
          storeGlobal(k, plan.partial ? k.vector({low, high}) : packBf16(k, low, high),
                      k.gep(target, (j * tiling.productColumns() + i / 4 * 8) * bytes));
        }
    });
  }
}

/// A part without positions: zeros, and an lse of -inf. Run by the values' warps.
void WgmmaDecode::storeEmpty() {
  Value thread = k.sub(k.threadIndex(), kValues * 32);
  const int64_t rowBytes = plan.tiling.latent * (plan.partial ? 4 : 2), pieces = rowBytes / 16;
  k.loop(thread, k.i32(kRows * pieces), kValueWarps * 32, [&](Value index) {
    Value row = k.divU(index, pieces);
    k.when(k.ltU(k.add(firstRow, row), plan.sequenceRows()), [&] {
      Value offset = k.add(k.mul(globalRow(row), rowBytes), k.zext(k.shl(k.remU(index, pieces), 4), k.i64Ty));
      storeGlobal(k, k.zero(k.vec(4, k.i32Ty)), k.gep(operands.result, offset));
    });
  });
  if (plan.partial)
    k.when(k.logicalAnd(k.ltU(thread, kRows), k.ltU(k.add(firstRow, thread), plan.sequenceRows())), [&] {
      storeGlobal(k, k.f32(-std::numeric_limits<double>::infinity()), k.gep(operands.lse, k.mul(globalRow(thread), 4)));
    });
}

// --- tasks
// --------------------------------------------------------------------------------------------------------------------

/// Row tiles that share records are neighbours, then come the parts of a sequence.
void WgmmaDecode::setTask(Value index) {
  taskIndex = index;
  Value rest = k.divU(index, rowTiles());
  task = {k.divU(rest, plan.split), k.remU(rest, plan.split), k.remU(index, rowTiles())};
  firstRow = k.mul(task.rowTile, kRows);
}
/// Computes what setTask did once more, where keeping it would cost registers of the main loop.
void WgmmaDecode::setTaskAgain() { setTask(pinRegisters(k, {taskIndex})[0]); }

void WgmmaDecode::forEachTask(ValueRange state, Role role) {
  k.loop(k.blockIndex(), k.i32(tasks()), blocks(), state, [&](Value index, ValueRange carried) -> Values {
    setTask(index);
    findRange();
    return k.whenElse(
        k.ne(pairs, 0), carried.getTypes(), [&] { return (this->*role)(carried); },
        [&]() -> Values {
          setTask(index);
          if (role == &WgmmaDecode::addValues)
            storeEmpty();
          return Values(carried);
        });
  });
}

void WgmmaDecode::run() {
  Values states = records.start().values();
  k.role(warp, kProducer, 4, [&] {
    decreaseRegisters(k, Tiling::kProducerRegisters);
    k.role(warp, kProducer, 1, [&] { forEachTask(states, &WgmmaDecode::produce); });
  });
  states.append(probabilities.start().values());
  k.role(warp, kScores, kScoreWarps, [&] {
    increaseRegisters(k, Tiling::kScoreRegisters);
    forEachTask(states, &WgmmaDecode::makeScores);
  });
  k.role(warp, kValues, kValueWarps, [&] {
    increaseRegisters(k, Tiling::kValueRegisters);
    forEachTask(states, &WgmmaDecode::addValues);
    gridDependencyTrigger(k);
  });
}

} // namespace

FailureOr<LaunchPlan> hopper::buildMlaDecodeWgmma(kernel::MlaDecodeOp op, const MlaDecodePlan &plan, KernelBuilder &k) {
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  const Tiling tiling{plan.tiling.latent, plan.tiling.rope, plan.heads, plan.page, schedule.getStages()};
  if (schedule.getTile() != ArrayRef<int64_t>{kRows, kKeys, tiling.valueColumns()} ||
      schedule.getWarps() != Tiling::kWarps || schedule.getCluster() != 1)
    return op.emitError("schedule: warpgroup products take tile [64, 32, ")
           << tiling.valueColumns() << "], 16 warps and cluster 1, got tile [" << schedule.getTile() << "], "
           << schedule.getWarps() << " warps and cluster " << schedule.getCluster();
  if (!tiling.isKnown())
    return op.emitError("schedule: warpgroup products need a latent of 128 to 512 in steps of 128, a rotated part in "
                        "steps of 64, 576 together at most, a number of heads that divides 64 or is a multiple of it, "
                        "and pages in steps of 32; got ")
           << tiling.latent << " + " << tiling.rope << ", " << plan.heads << " heads, pages of " << plan.page;
  if (!tiling.fits())
    return op.emitError("schedule: stages is ")
           << tiling.stages << ", expected " << Tiling::kMinStages << " to " << tiling.maxStages();
  for (auto [view, shape, name] : {std::tuple(&plan.qLatent, queryMap(plan.qLatent, tokensOfBox(plan)), "q_latent"),
                                   std::tuple(&plan.qRope, queryMap(plan.qRope, tokensOfBox(plan)), "q_rope"),
                                   std::tuple(&plan.cache, recordMap(plan.cache, plan.width()), "the cache")})
    if (std::string why = whyNotTma(shape, view->byteOffset); !why.empty())
      return op.emitError("schedule: warpgroup products need TMA: ") << name << ": " << why;

  LaunchPlan launch;
  SmemArena arena(k);
  WgmmaDecode body(op, plan, tiling, k, launch, arena);
  k.when(k.eq(k.threadIndex(), 0), [&] {
    body.init();
    fenceBarrierInit(k);
  });
  syncThreads(k);
  gridDependencyWait(k, plan.tokens);
  body.run();

  launch.grid = {body.blocks(), 1, 1};
  launch.threads = Tiling::kWarps * 32;
  launch.sharedBytes = arena.bytes();
  return launch;
}
