// The task body of multi-query attention over a paged cache.
#include "lowering/hopper/MlaDecodeBody.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Mma.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kBf16Bytes = PaddedTile::kElementBytes;

MlaDecodeBody::MlaDecodeBody(KernelBuilder &k, const MlaDecodePlan &plan, const MlaDecodeOperands &operands,
                             SmemArena &arena)
    : k(k), plan(plan), operands(operands), stages(arena.at(arena.allocate(plan.tiling.stages * plan.records.bytes()))),
      query(arena.at(arena.allocate(plan.query.bytes()))), scores(arena.at(arena.allocate(plan.tiling.scoreBytes()))),
      thread(k.threadIndex()), lane(k.laneIndex()), warp(k.warpIndex()) {
  rowWarp = k.remU(warp, plan.tiling.rowWarps());
  keyWarp = k.remU(k.divU(warp, plan.tiling.rowWarps()), plan.tiling.keyWarps());
  depthWarp = k.divU(warp, plan.tiling.rowWarps() * plan.tiling.keyWarps());
  outputRowWarp = k.remU(warp, plan.tiling.outputRowWarps());
  columnWarp = k.divU(warp, plan.tiling.outputRowWarps());
}

void MlaDecodeBody::clearPadding() {
  for (int64_t stage = 0; stage < plan.tiling.stages; ++stage)
    zeroColumns(k, plan.records, k.gep(stages, stage * plan.records.bytes()), plan.width(), thread,
                plan.tiling.threads());
  zeroColumns(k, plan.query, query, plan.width(), thread, plan.tiling.threads());
}

/// The last position that a row of the CTA sees, -1 for a row past the sequence's rows.
Value MlaDecodeBody::limitOf(Value tileRow) {
  Value row = k.add(firstRow, tileRow), known = k.minU(row, plan.sequenceRows() - 1);
  Value token = k.add(k.mul(task.sequence, plan.tokens / plan.sequences), k.divU(known, plan.heads));
  Value position = loadGlobal(k, k.i32Ty, k.gep(operands.positions, k.mul(k.zext(token, k.i64Ty), 4)));
  position = k.minS(position, plan.tablePages * plan.page - 1); // never read past the table
  return k.select(k.eq(row, known), position, k.i32(-1));
}

void MlaDecodeBody::findLimits() {
  Value last = k.i32(-1);
  for (int64_t row = 0; row < plan.tiling.rows; row += 32)
    last = k.maxS(last, limitOf(k.minU(k.add(lane, row), plan.tiling.rows - 1)));
  count = k.uniform(k.add(warpMax(k, last), 1)); // every warp looked at all rows
  limits.clear();
  for (int64_t i = 0; i < 2 * plan.tiling.scoreTiles(); ++i)
    limits.push_back(limitOf(k.add(k.add(k.mul(rowWarp, plan.tiling.scoreTiles() * 16), laneRow()), 8 * i)));
  Value tiles = k.ceilDivU(count, plan.tiling.keys), tilesPerPart = k.ceilDivU(tiles, plan.split);
  begin = k.minU(k.mul(task.part, tilesPerPart), tiles);
  end = k.minU(k.add(begin, tilesPerPart), tiles);
}

/// The physical page that holds a tile's records. Past the end: of the last tile, for a load that nobody uses.
Value MlaDecodeBody::pageOf(Value tile) {
  Value known = k.minS(tile, k.maxS(k.sub(end, 1), 0));
  Value slot = k.divU(k.mul(known, plan.tiling.keys), plan.page);
  Value index = k.add(k.mul(task.sequence, plan.tablePages), slot);
  return loadGlobal(k, k.i32Ty, k.gep(operands.blockTable, k.mul(k.zext(index, k.i64Ty), 4)));
}

void MlaDecodeBody::loadQuery() {
  int64_t tokensOfSequence = plan.tokens / plan.sequences;
  auto load = [&](const DeviceView &view, Value base, int64_t column) {
    int64_t bytes = view.sizes[2] * kBf16Bytes, tokenBytes = view.strides[0] * kBf16Bytes,
            headBytes = view.strides[1] * kBf16Bytes;
    RowCopy copy{plan.tiling.rows, bytes,
                 copyUnit({bytes, tokenBytes, headBytes, view.alignment(), column * kBf16Bytes}),
                 plan.tiling.threads()};
    auto source = [&](Value tileRow) {
      Value row = k.minU(k.add(firstRow, tileRow), plan.sequenceRows() - 1);
      Value token = k.add(k.mul(task.sequence, tokensOfSequence), k.divU(row, plan.heads));
      Value offset = k.mul(k.zext(token, k.i64Ty), tokenBytes);
      return k.gep(base, k.add(offset, k.mul(k.zext(k.remU(row, plan.heads), k.i64Ty), headBytes)));
    };
    auto valid = [&](Value tileRow) { return k.ltU(k.add(firstRow, tileRow), plan.sequenceRows()); };
    copy.gather(k, thread, k.gep(query, column * kBf16Bytes), plan.query.pitch, source, valid);
  };
  load(plan.qLatent, operands.qLatent, 0);
  load(plan.qRope, operands.qRope, plan.tiling.latent);
}

void MlaDecodeBody::loadRecords(Value tile, Value page, Value stage) {
  int64_t bytes = plan.recordBytes();
  RowCopy copy{plan.tiling.keys, bytes, copyUnit({bytes, plan.pageBytes(), plan.cache.alignment()}),
               plan.tiling.threads()};
  Value first = k.mul(tile, plan.tiling.keys), rowInPage = k.remU(first, plan.page);
  Value source = k.gep(operands.cache, k.mul(k.zext(page, k.i64Ty), plan.pageBytes()));
  source = k.gep(source, k.mul(rowInPage, bytes));
  Value left = k.sub(count, first);
  copy.strided(k, thread, stagePointer(stage), plan.records.pitch, source, bytes,
               [&](Value row) { return k.ltS(row, left); });
}

/// The warp's share of the scores, summed over its share of the depth: D fragments [row tile][group of eight keys].
Values MlaDecodeBody::computeScores(Value stage) {
  int64_t rowTiles = plan.tiling.scoreTiles(), groups = plan.tiling.scoreGroups();
  int64_t strips = plan.query.columns / 32, stripsPerWarp = llvm::divideCeil(strips, plan.tiling.depthWarps());
  Value depth = k.mul(depthWarp, stripsPerWarp * 64);
  Value a =
      k.gep(k.gep(squarePointer(k, plan.query, query), k.mul(rowWarp, rowTiles * plan.query.offset(16, 0))), depth);
  a = pinnedPointer(k, a);
  Value b =
      k.gep(stripPointer(k, plan.records, stagePointer(stage)), k.mul(keyWarp, groups * plan.records.offset(8, 0)));
  b = k.gep(b, depth);

  // Two chains of products, added at the end, where one would wait for each mma in turn.
  int64_t products = rowTiles * groups, chains = products <= 2 ? 2 : 1;
  Values sums(chains * products * 4, k.f32(0));
  auto addStrip = [&](Values sums, int64_t strip) {
    SmallVector<Values> keys;
    for (int64_t group = 0; group < groups; ++group)
      keys.push_back(loadMatrix(k, k.gep(b, plan.records.offset(8 * group, 32 * strip)), 4));
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t tile = 0; tile < rowTiles; ++tile) {
        Values rows = loadMatrix(k, k.gep(a, plan.query.offset(16 * tile, 32 * strip + 16 * half)), 4);
        for (int64_t group = 0; group < groups; ++group) {
          auto sum = MutableArrayRef<Value>(sums).slice(4 * (half % chains * products + tile * groups + group), 4);
          llvm::copy(mma16816(k, k.bf16Ty, rows, ValueRange(keys[group]).slice(2 * half, 2), ValueRange(sum)),
                     sum.begin());
        }
      }
    return sums;
  };
  for (int64_t strip = 0; strip < stripsPerWarp; ++strip) {
    if ((plan.tiling.depthWarps() - 1) * stripsPerWarp + strip < strips) { // there for every warp
      sums = addStrip(sums, strip);
      continue;
    }
    Value exists = k.ltU(k.add(k.mul(depthWarp, stripsPerWarp), strip), strips);
    sums = k.whenElse(exists, ValueRange(sums).getTypes(), [&] { return addStrip(sums, strip); }, [&] { return sums; });
  }

  if (chains == 2)
    for (int64_t i = 0; i < 4 * products; ++i)
      sums[i] = k.fadd(sums[i], sums[4 * products + i]);
  sums.truncate(4 * products);
  return sums;
}

/// To shared memory, -inf where a row may not look.
void MlaDecodeBody::writeScores(ArrayRef<Value> sums, Value tile) {
  int64_t groups = plan.tiling.scoreGroups();
  Value firstRow = k.add(k.mul(rowWarp, plan.tiling.scoreTiles() * 16), laneRow());
  Value firstKey = k.add(k.mul(keyWarp, groups * 8), laneColumn());
  Value target = scorePointer(k.add(k.mul(depthWarp, plan.tiling.rows), firstRow), firstKey);
  Value position = k.add(k.mul(tile, plan.tiling.keys), firstKey),
        hidden = k.f32(-std::numeric_limits<double>::infinity());
  for (int64_t rowTile = 0; rowTile < plan.tiling.scoreTiles(); ++rowTile)
    for (int64_t half = 0; half < 2; ++half) {
      Value visible = k.sub(limits[2 * rowTile + half], position); // keys 8 * group + 0, 1 up to this one
      for (int64_t group = 0; group < groups; ++group) {
        Values pair;
        for (int64_t i = 0; i < 2; ++i)
          pair.push_back(
              k.select(k.geS(visible, 8 * group + i), sums[4 * (rowTile * groups + group) + 2 * half + i], hidden));
        storeShared(k, k.vector(pair),
                    k.gep(target, ((16 * rowTile + 8 * half) * plan.tiling.scorePitch() + 8 * group) * 4));
      }
    }
}

/// The scores of sixteen rows and all keys of the tile as D fragments.
Values MlaDecodeBody::readScores(int64_t outputTile) {
  Value base = scorePointer(outputRow(), laneColumn());
  Values result;
  for (int64_t group = 0; group < plan.tiling.keys / 8; ++group)
    for (int64_t half = 0; half < 2; ++half) {
      Value sum;
      for (int64_t share = 0; share < plan.tiling.depthWarps(); ++share) {
        int64_t row = share * plan.tiling.rows + 16 * outputTile + 8 * half;
        Value part = loadShared(k, k.vec(2, k.f32Ty), k.gep(base, (row * plan.tiling.scorePitch() + 8 * group) * 4));
        sum = sum ? k.fadd(sum, part) : part;
      }
      result.append(k.elements(sum));
    }
  return result;
}

void MlaDecodeBody::addValues(MutableArrayRef<Value> accumulators, ArrayRef<Values> probabilities, Value stage) {
  int64_t pairs = plan.tiling.outputPairs();
  bool even = pairs * plan.tiling.columnWarps() == plan.tiling.columnPairs();
  Value base = squarePointer(k, plan.records, stagePointer(stage)), firstPair = k.mul(columnWarp, pairs);
  for (int64_t pair = 0; pair < pairs; ++pair) {
    Value pointer = k.gep(k.gep(base, k.shl(firstPair, 5)), 32 * pair);
    if (!even) // a warp past the last columns repeats them; what it computes is not stored
      pointer = k.gep(base, k.shl(k.minU(k.add(firstPair, pair), plan.tiling.columnPairs() - 1), 5));
    for (int64_t step = 0; step < plan.tiling.keys / 16; ++step) {
      Values values = loadMatrix(k, k.gep(pointer, plan.records.offset(16 * step, 0)), 4, /*transposed=*/true);
      for (int64_t tile = 0; tile < plan.tiling.outputTiles(); ++tile)
        for (int64_t group = 0; group < 2; ++group) {
          MutableArrayRef<Value> sum = accumulators.slice((tile * pairs + pair) * 8 + 4 * group, 4);
          ValueRange rows = ValueRange(probabilities[tile]).slice(4 * step, 4);
          llvm::copy(mma16816(k, k.bf16Ty, rows, ValueRange(values).slice(2 * group, 2), ValueRange(sum)), sum.begin());
        }
    }
  }
}

/// One tile of records; see the order in MlaDecode.cpp.
Values MlaDecodeBody::step(Value tile, ValueRange state) {
  Value stage = state[state.size() - 2], page = state.back();
  cpAsyncWait(k, plan.tiling.stages - 2);
  syncThreads(k); // A
  Value nextTile = k.add(tile, plan.tiling.stages - 1);
  Value freeStage = k.select(k.eq(stage, 0), k.i32(plan.tiling.stages - 1), k.sub(stage, 1));
  k.when(k.ltS(nextTile, end), [&] { loadRecords(nextTile, page, freeStage); });
  cpAsyncCommit(k);
  Value nextPage = pageOf(k.add(nextTile, 1));
  writeScores(computeScores(stage), tile);
  syncThreads(k); // B

  Value scale = k.f32(plan.scale * 1.4426950408889634); // log2 e: exponentials are base 2
  Values next = llvm::to_vector<8>(state.take_front(plan.tiling.accumulators()));
  SmallVector<Values> probabilities;
  for (int64_t outputTile = 0; outputTile < plan.tiling.outputTiles(); ++outputTile) {
    SoftmaxRows softmax = softmaxOf(state, outputTile);
    std::array<Value, 2> rescale;
    probabilities.push_back(softmax.add(k, readScores(outputTile), scale, rescale));
    for (int64_t i = 0, e = plan.tiling.outputPairs() * 8; i < e; ++i)
      next[outputTile * e + i] = k.fmul(next[outputTile * e + i], rescale[i / 2 % 2]);
    next.append(softmax.values());
  }
  addValues(MutableArrayRef<Value>(next).take_front(plan.tiling.accumulators()), probabilities, stage);
  Value advanced = k.add(stage, 1);
  next.append({k.select(k.eq(advanced, plan.tiling.stages), k.i32(0), advanced), nextPage});
  return next;
}

void MlaDecodeBody::run(const MlaDecodeTask &theTask) {
  task = theTask;
  firstRow = k.mul(task.rowTile, plan.tiling.rows);
  findLimits();
  loadQuery();
  for (int64_t stage = 0; stage < plan.tiling.stages - 1; ++stage) {
    Value tile = k.add(begin, stage);
    k.when(k.ltS(tile, end), [&] { loadRecords(tile, pageOf(tile), k.i32(stage)); });
    cpAsyncCommit(k);
  }

  Values state(plan.tiling.accumulators(), k.f32(0));
  for (int64_t tile = 0; tile < plan.tiling.outputTiles(); ++tile)
    state.append(SoftmaxRows::start(k).values());
  state.append({k.i32(0), pageOf(k.add(begin, plan.tiling.stages - 1))});
  state = k.loop(begin, end, 1, state, [&](Value tile, ValueRange values) { return step(tile, values); });
  cpAsyncWait(k, 0);
  gridDependencyTrigger(k);

  SmallVector<SoftmaxRows> softmax;
  for (int64_t tile = 0; tile < plan.tiling.outputTiles(); ++tile) {
    softmax.push_back(softmaxOf(state, tile));
    softmax.back().finish(k);
  }
  store(ArrayRef<Value>(state).take_front(plan.tiling.accumulators()), softmax);
}

void MlaDecodeBody::store(ArrayRef<Value> accumulators, ArrayRef<SoftmaxRows> softmax) {
  for (int64_t tile = 0; tile < plan.tiling.outputTiles(); ++tile)
    for (int64_t half = 0; half < 2; ++half) {
      Value row = k.add(firstRow, k.add(outputRow(), 16 * tile + 8 * half));
      k.when(k.ltU(row, plan.sequenceRows()), [&] {
        Value global = k.add(k.mul(task.sequence, plan.sequenceRows()), row); // row of [T, H]
        if (plan.partial)
          global = k.add(k.mul(task.part, plan.tokens * plan.heads), global);
        global = k.zext(global, k.i64Ty);
        storeRow(global, tile, half, accumulators, softmax[tile].inverse(k, half));
        if (!plan.partial)
          return;
        Value first = k.eq(k.bitOr(columnWarp, k.bitAnd(lane, 3)), 0); // all column warps have it, four lanes each
        k.when(first, [&] { storeGlobal(k, softmax[tile].logSum(k, half), k.gep(operands.lse, k.mul(global, 4))); });
      });
    }
}

void MlaDecodeBody::storeRow(Value row, int64_t outputTile, int64_t half, ArrayRef<Value> accumulators, Value inverse) {
  int64_t elementBytes = plan.partial ? 4 : kBf16Bytes, pairs = plan.tiling.outputPairs();
  Value column = k.add(k.mul(columnWarp, pairs * 16), laneColumn());
  Value target =
      k.gep(operands.result, k.mul(k.add(k.mul(row, plan.tiling.latent), k.zext(column, k.i64Ty)), elementBytes));
  bool ragged = pairs * plan.tiling.columnWarps() * 16 != plan.tiling.latent;
  for (int64_t group = 0; group < 2 * pairs; ++group) {
    size_t first = outputTile * pairs * 8 + group * 4 + 2 * half;
    Value low = k.fmul(accumulators[first], inverse), high = k.fmul(accumulators[first + 1], inverse);
    Value pointer = k.gep(target, 8 * group * elementBytes);
    auto fits = [&](int64_t i, llvm::function_ref<void()> body) {
      if (!ragged)
        return body();
      k.when(k.ltS(column, plan.tiling.latent - 8 * group - i), body); // the bound may be negative
    };
    if (plan.tiling.latent % 2 == 0) {
      fits(0, [&] { storeGlobal(k, plan.partial ? k.vector({low, high}) : packBf16(k, low, high), pointer); });
      continue;
    }
    Type element = plan.partial ? k.f32Ty : k.bf16Ty; // rows of odd length: no pair is aligned
    fits(0, [&] { storeGlobal(k, fromF32(k, low, element), pointer); });
    fits(1, [&] { storeGlobal(k, fromF32(k, high, element), k.gep(pointer, elementBytes)); });
  }
}
