// One tile of a tensor-core matrix product.
//
// Warps: warpgroup 0 produces (one thread issues TMA), warpgroups 1.. each multiply 64 rows of the tile, or twice 64 of
// 256 rows.
// Shared memory: `stages` times (A tileM x 128 bytes, B tileN x 128 bytes), rows of 128 bytes with the 128-byte
// swizzle; the pipeline's barriers; the ring of scales (GemmBodyScaled.cpp); boxes of D of up to 64 x 64 bf16 for each
// consumer, two or, block-scaled, what there is room for; with split K the f32 sums of all consumers instead.
// Barriers, per stage: full <- the producer's arrival and its bytes; empty <- one arrival of each consumer warp.
// Consumers release stage s when the products that read it have finished: one K block later for plain products, when
// the last sums of its K block begin for scaled ones. Named barrier 1 + w: the 128 threads of consumer w around the
// staging of D. Split K: CTA r of a cluster multiplies the r-th part of the K blocks; cluster barriers stand around the
// reads of the others' sums.
#include "lowering/hopper/GemmBody.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kRowBytes = 128;                 // of a stage's tile: one swizzle row
static constexpr int64_t kBoxColumns = 64, kBoxRows = 64; // of D, staged for a TMA store; the last ones are narrower
static constexpr int64_t kBoxBytes = kBoxColumns * kBoxRows * 2;
static constexpr int64_t kMostSplit = 8;  // CTAs of a portable cluster
static constexpr int64_t kMaxStages = 32; // more than fit shared memory with the smallest tile
// Three warpgroups share 65536 registers: 128 * 24 + 256 * 240. A lone consumer needs no more than its share.
static constexpr int64_t kProducerRegisters = 24, kConsumerRegisters = 240;

// --- requirements
// ---------------------------------------------------------------------------------------------------------

TensorMapShape hopper::rowsMap(const DeviceView &view, bool leadingBatch, int64_t columns, int64_t rows) {
  TensorMapShape shape{
      tensorMapElement(view.element), {view.sizes.back()}, {}, {columns, rows}, columns * view.elementBytes()};
  bool batched = view.sizes.size() == 3;
  int64_t rowDim = batched && leadingBatch ? 1 : 0, batchDim = leadingBatch ? 0 : 1;
  shape.dims.push_back(view.sizes[rowDim]);
  shape.strides.push_back(view.strides[rowDim] * view.elementBytes());
  if (batched) {
    shape.dims.push_back(view.sizes[batchDim]);
    shape.strides.push_back(view.strides[batchDim] * view.elementBytes());
    shape.box.push_back(1);
  }
  return shape;
}

std::string hopper::whyNotGemm(const GemmProblem &problem) {
  if (problem.a.element != problem.b.element || !(problem.a.element.isBF16() || problem.scaled))
    return "A and B must both be bf16, or f8E4M3FN with scales";
  if (problem.epilogue)
    return "tensor-core tiles have no epilogue";
  const bool isTall = problem.tileM == 256 && problem.scaled && problem.split == 1;
  if (problem.tileM != 64 && problem.tileM != 128 && !isTall)
    return llvm::formatv("the tile has {0} rows, expected 64, 128 or, of a block-scaled product without split K, 256",
                         problem.tileM);
  int64_t widest = isTall ? 128 : problem.scaled ? 192 : 256; // registers: sums, and of scaled products one more set
  if (problem.tileN < 16 || problem.tileN > widest || problem.tileN % 16)
    return llvm::formatv("the tile has {0} columns, expected a multiple of 16 up to {1}", problem.tileN, widest);
  int64_t kBlocks = llvm::divideCeil(problem.k(), problem.tileK());
  if (problem.split < 1 || problem.split > std::min(kMostSplit, kBlocks))
    return llvm::formatv("{0} CTAs share {1} K blocks, expected 1 to {2}", problem.split, kBlocks,
                         std::min(kMostSplit, kBlocks));
  if (problem.stages < 2 || problem.stages > kMaxStages)
    return llvm::formatv("the pipeline has {0} stages, expected 2 to {1}", problem.stages, kMaxStages);
  for (const DeviceView *view : {&problem.a, &problem.b, &problem.d})
    if (view->strides.back() != 1 && view->sizes.back() != 1)
      return "rows must be contiguous";
  for (auto [view, leadingBatch, name] : {std::tuple(&problem.a, false, "A"), std::tuple(&problem.b, true, "B")})
    if (std::string why = whyNotTma(rowsMap(*view, leadingBatch, problem.tileK(), 1), view->byteOffset); !why.empty())
      return std::string(name) + ": " + why;
  return "";
}

bool GemmBody::usesTmaStore() const {
  return problem.d.element.isBF16() && problem.split == 1 &&
         whyNotTma(rowsMap(problem.d, false, kBoxColumns, kBoxRows), problem.d.byteOffset).empty();
}

// --- set-up
// -----------------------------------------------------------------------------------------------------------------

GemmBody::GemmBody(KernelBuilder &k, LaunchPlan &plan, SmemArena &arena, const GemmProblem &problem,
                   const ProductOperands &operands)
    : k(k), arena(arena), problem(problem), kBlocks(llvm::divideCeil(problem.k(), problem.tileK())),
      stageA(problem.tileM * kRowBytes), stageB(problem.tileN * kRowBytes),
      offsetA(arena.allocate(problem.stages * stageA, SmemArena::kSwizzleAlignment)),
      offsetB(arena.allocate(problem.stages * stageB, SmemArena::kSwizzleAlignment)),
      pipeline(k, arena, "operands", problem.stages, /*producerArrivals=*/1,
               /*consumerArrivals=*/4 * problem.consumers()) {
  mapA = tensorMapParameter(k, plan, operands.a, rowsMap(problem.a, false, problem.tileK(), problem.tileM));
  mapB = tensorMapParameter(k, plan, operands.b, rowsMap(problem.b, true, problem.tileK(), problem.tileN));
  if (problem.scaled)
    planScales(plan, operands);
  if (usesTmaStore()) {
    llvm::SmallDenseMap<int64_t, Value> maps; // by width
    for (int64_t column = 0, width = kBoxColumns; column < problem.tileN; column += width) {
      while (width > problem.tileN - column)
        width /= 2;
      Value &map = maps[width];
      if (!map)
        map = tensorMapParameter(k, plan, operands.d, rowsMap(problem.d, false, width, kBoxRows));
      boxes.push_back({column, width, map});
    }
  }
  if (!boxes.empty()) {
    const int64_t all = problem.rowBlocks() * boxes.size(), bytes = problem.consumers() * kBoxBytes;
    // What stages and scales leave, less a gap for alignment and the table of groups.
    const int64_t others = SmemArena::kSwizzleAlignment + (problem.grouped ? 8 * (problem.b.sizes[0] + 4) : 0);
    if (problem.scaled)
      stagedBoxes = std::clamp<int64_t>((SmemArena::kMaxBytes - arena.mark() - others) / bytes, 1, all);
    offsetD = arena.allocate(stagedBoxes * bytes, SmemArena::kSwizzleAlignment);
  }
  if (!usesTmaStore() || problem.grouped)
    pointerD = pointerParameter(k, plan, operands.d);
  kBegin = k.i32(0), kEnd = k.i32(kBlocks);
  if (problem.split > 1) {
    offsetPartial = arena.allocate(problem.tileM * problem.tileN * 4);
    Value rank = k.clusterRank();
    kBegin = k.divU(k.mul(rank, kBlocks), problem.split);
    kEnd = k.divU(k.mul(k.add(rank, 1), kBlocks), problem.split);
  }
  warp = k.warpIndex();
  thread = k.bitAnd(k.threadIndex(), 127);
  consumer = k.sub(k.shrU(warp, 2), 1);
}

void GemmBody::init() {
  prefetchTensorMap(k, mapA);
  prefetchTensorMap(k, mapB);
  for (const Box &box : boxes)
    if (box.column == 0 || box.width < kBoxColumns)
      prefetchTensorMap(k, box.map);
  if (scaleSlots > 0) {
    prefetchTensorMap(k, mapAScales);
    prefetchTensorMap(k, mapBScales);
  }
  pipeline.init();
}

void GemmBody::produce(llvm::function_ref<void()> tiles) {
  k.role(warp, 0, 4, [&] {
    if (problem.consumers() == 2)
      decreaseRegisters(k, kProducerRegisters);
    k.electedRole(warp, 0, tiles);
  });
}

void GemmBody::consume(llvm::function_ref<void()> tiles) {
  k.role(warp, 4, 4 * problem.consumers(), [&] {
    if (problem.consumers() == 2)
      increaseRegisters(k, kConsumerRegisters);
    tiles();
    if (!boxes.empty()) // the staging buffers must outlive the stores
      k.when(k.eq(thread, 0), [&] { tmaStoreWait(k, 0); });
  });
}

// --- loads
// ------------------------------------------------------------------------------------------------------------------

Values GemmBody::coordinates(Value inner, Value outer, Value batch, bool hasBatch) {
  Values result = {inner, outer};
  if (hasBatch)
    result.push_back(batch);
  return result;
}

Values GemmBody::load(const GemmTile &tile, ValueRange values) {
  const int64_t step = scaleSlots > 0 ? kSlotBlocks : 1;
  return k.loop(kBegin, kEnd, step, values, [&](Value first, ValueRange carried) -> Values {
    GemmState next(carried);
    for (int64_t i = 0; i < step; ++i) {
      PipelineState &state = next.operands;
      const bool withScales = scaleSlots > 0 && i == 0;
      pipeline.acquire(state);
      pipeline.commit(state, stageA + stageB + (withScales ? scaleSlotBytes() : 0));
      Value kBlock = k.add(first, i), column = k.mul(kBlock, problem.tileK()), full = pipeline.fullBarrier(state);
      if (withScales)
        loadScaleSlot(tile, kBlock, next.scaleSlot, full);
      tmaLoad(k, arena.at(offsetA, k.mul(state.stage, stageA)), mapA,
              coordinates(column, tile.row, tile.batch, problem.batched()), full);
      tmaLoad(k, arena.at(offsetB, k.mul(state.stage, stageB)), mapB,
              coordinates(column, tile.column, tile.batch, problem.batched() || problem.grouped), full);
      state = pipeline.advance(state);
    }
    next.scaleSlot = nextScaleSlot(next.scaleSlot);
    return next.values();
  });
}

// --- products
// ----------------------------------------------------------------------------------------------------------------

bool GemmBody::mayIdle() const {
  int64_t tail = problem.m() % problem.tileM;
  return problem.consumers() > 1 && (problem.grouped || (tail > 0 && tail <= problem.tileM / problem.consumers()));
}

Value GemmBody::firstRow(const GemmTile &tile, int64_t rowBlock) {
  return k.add(k.add(tile.row, k.mul(consumer, 64 * problem.rowBlocks())), 64 * rowBlock);
}

Values GemmBody::multiply(const GemmTile &tile, ValueRange values) {
  const GemmState state(values);
  auto run = [&]() -> Values {
    Accumulators accs(problem.rowBlocks(), Accumulator(k, problem.tileN));
    GemmState next = state;
    if (problem.scaled)
      next = multiplyScaled(accs, tile, state);
    else
      next.operands = multiplyPlain(accs[0], state.operands);
    store(accs, tile);
    return next.values();
  };
  if (!mayIdle())
    return run();
  Value end = problem.grouped ? tile.rowEnd : k.i32(problem.m());
  Value busy = k.uniform(k.zext(k.ltS(firstRow(tile), end), k.i32Ty));
  auto skip = [&]() -> Values {
    const int64_t step = scaleSlots > 0 ? kSlotBlocks : 1;
    return k.loop(kBegin, kEnd, step, state.values(), [&](Value, ValueRange carried) -> Values {
      GemmState next(carried);
      for (int64_t i = 0; i < step; ++i) {
        pipeline.wait(next.operands);
        pipeline.release(next.operands);
        next.operands = pipeline.advance(next.operands);
      }
      next.scaleSlot = nextScaleSlot(next.scaleSlot);
      return next.values();
    });
  };
  return k.whenElse(k.ne(busy, 0), SmallVector<Type>(GemmState::kValues, k.i32Ty), run, skip);
}

/// The four products of one K block: 32 bytes of K each.
void GemmBody::issue(Accumulator &acc, const PipelineState &state, WgmmaType type, bool accumulate, int64_t rowBlock) {
  Value rows = k.mul(consumer, 64 * problem.rowBlocks() * kRowBytes);
  Value a = wgmmaDescriptor(k, arena.at(offsetA + 64 * rowBlock * kRowBytes, rows)),
        b = wgmmaDescriptor(k, arena.at(offsetB));
  a = advanceDescriptor(k, a, k.mul(state.stage, stageA));
  b = advanceDescriptor(k, b, k.mul(state.stage, stageB));
  wgmmaFence(k);
  for (int64_t byte = 0; byte < kRowBytes; byte += 32)
    acc.multiply(type, advanceDescriptor(k, a, byte), advanceDescriptor(k, b, byte), accumulate || byte > 0);
  wgmmaCommit(k);
}

PipelineState GemmBody::multiplyPlain(Accumulator &acc, PipelineState state) {
  // The first K block is peeled: it defines the accumulator.
  pipeline.wait(state);
  issue(acc, state, WgmmaType::BF16, /*accumulate=*/false);
  Values carried = pipeline.advance(state).values();
  carried.push_back(state.stage);
  llvm::append_range(carried, acc.values());
  if (kBlocks > 1)
    carried = k.loop(k.add(kBegin, 1), kEnd, 1, carried, [&](Value, ValueRange values) -> Values {
      PipelineState current(values), previous(values[2], Value());
      Accumulator sum(k, problem.tileN, values.drop_front(3));
      pipeline.wait(current);
      issue(sum, current, WgmmaType::BF16, /*accumulate=*/true);
      sum.wait(1); // the previous block's products have read their stage
      pipeline.release(previous);
      Values next = pipeline.advance(current).values();
      next.push_back(current.stage);
      llvm::append_range(next, sum.values());
      return next;
    });
  acc.assign(ValueRange(carried).drop_front(3));
  acc.wait(0);
  pipeline.release({carried[2], Value()});
  return PipelineState(carried);
}

// --- epilogue
// ------------------------------------------------------------------------------------------------------------------

void GemmBody::store(Accumulators &accs, const GemmTile &tile) {
  const int64_t rowBlocks = problem.rowBlocks();
  if (problem.split > 1)
    return storeReduced(accs[0], tile);
  if (!boxes.empty() && !problem.grouped)
    return storeTma(accs, tile, 0, rowBlocks);
  for (int64_t i = 0; i < rowBlocks; ++i) {
    auto direct = [&] { storeDirect(accs[i], tile, i); };
    if (boxes.empty())
      direct();
    else // rows past the group's end belong to the next group
      k.when(k.leS(k.add(firstRow(tile, i), 64), tile.rowEnd), [&] { storeTma(accs, tile, i, i + 1); }, direct);
  }
}

/// The blocks of rows from `begin` to `end` - 1 through the staging boxes in shared memory by turns; TMA drops what
/// lies outside D.
void GemmBody::storeTma(Accumulators &accs, const GemmTile &tile, int64_t begin, int64_t end) {
  Value leads = k.eq(thread, 0), lane = k.laneIndex(), matrix = k.shrU(lane, 3);
  Value row = k.add(k.add(k.mul(k.bitAnd(warp, 3), 16), k.mul(k.bitAnd(matrix, 1), 8)), k.bitAnd(lane, 7));
  Value staging = k.mul(consumer, stagedBoxes * kBoxBytes), columnBytes = k.mul(k.shrU(matrix, 1), 16);
  const int64_t first = begin * boxes.size(), last = end * boxes.size() - 1;
  // With a box for everything its stores leave together: each fence and each barrier holds the next tile up.
  const bool together = last - first < stagedBoxes;
  auto offsetOf = [&](int64_t number) { return offsetD + number % stagedBoxes * kBoxBytes; };
  for (int64_t number = first; number <= last; ++number) {
    const Box &box = boxes[number % boxes.size()];
    Accumulator &acc = accs[number / boxes.size()];
    // The store from this box `stagedBoxes` stores ago has left it; the last tile's, whichever their boxes, all have.
    if (number == first || number >= first + stagedBoxes) {
      k.when(leads, [&] { tmaStoreWaitRead(k, number == first ? 0 : stagedBoxes - 1); });
      namedBarrier(k, k.add(consumer, 1), 128);
    }
    for (int64_t part = 0; part < box.width / 16; ++part) { // 16 columns at a time: two 8 x 8 matrices by two
      int64_t i = box.column / 2 + part * 8;
      Value address =
          arena.at(offsetOf(number), k.add(staging, swizzle(k, row, k.add(columnBytes, part * 32), box.width * 2)));
      storeMatrix(k, address,
                  {packBf16(k, acc[i], acc[i + 1]), packBf16(k, acc[i + 2], acc[i + 3]),
                   packBf16(k, acc[i + 4], acc[i + 5]), packBf16(k, acc[i + 6], acc[i + 7])});
    }
    if (together && number < last)
      continue;
    fenceAsyncShared(k);
    namedBarrier(k, k.add(consumer, 1), 128);
    k.when(leads, [&] {
      for (int64_t stored = together ? first : number; stored <= number; ++stored) {
        const Box &box = boxes[stored % boxes.size()];
        tmaStore(k, box.map, arena.at(offsetOf(stored), staging),
                 coordinates(k.add(tile.column, box.column), firstRow(tile, stored / boxes.size()), tile.batch,
                             problem.batched()));
        tmaStoreCommit(k);
      }
    });
  }
}

/// Two neighbouring elements of a row at `address`, predicated on the column.
void GemmBody::storePair(Value low, Value high, Value address, Value column) {
  const DeviceView &d = problem.d;
  int64_t bytes = d.elementBytes(), n = problem.n();
  bool check = n % problem.tileN != 0;
  bool paired = n % 2 == 0 && d.alignment(2 * bytes) == 2 * bytes;
  for (size_t dim = 0; dim + 1 < d.strides.size(); ++dim)
    paired &= d.strides[dim] % 2 == 0;
  auto storeIf = [&](Value inside, llvm::function_ref<void()> store) { check ? k.when(inside, store) : store(); };
  if (paired)
    return storeIf(k.ltU(column, n), [&] {
      storeGlobal(k, d.element.isF32() ? k.vector({low, high}) : packBf16(k, low, high), address);
    });
  storeIf(k.ltU(column, n), [&] { storeGlobal(k, fromF32(k, low, d.element), address); });
  storeIf(k.ltU(k.add(column, 1), n), [&] { storeGlobal(k, fromF32(k, high, d.element), k.gep(address, bytes)); });
}

void GemmBody::storeDirect(Accumulator &acc, const GemmTile &tile, int64_t rowBlock) {
  const DeviceView &d = problem.d;
  Value end = problem.grouped ? tile.rowEnd : k.i32(problem.m());
  Value column = k.add(tile.column, acc.column(0));
  for (int64_t h = 0; h < 2; ++h) {
    Value row = k.add(firstRow(tile, rowBlock), acc.row(h));
    k.when(k.ltU(row, end), [&] {
      Value element = k.add(k.mul(k.zext(row, k.i64Ty), d.strides[0]), k.zext(column, k.i64Ty));
      if (problem.batched())
        element = k.add(element, k.mul(k.zext(tile.batch, k.i64Ty), d.strides[1]));
      Value base = k.gep(pointerD, k.mul(element, d.elementBytes()));
      for (int64_t j = 0; j < problem.tileN / 8; ++j)
        storePair(acc[4 * j + 2 * h], acc[4 * j + 2 * h + 1], k.gep(base, 8 * j * d.elementBytes()),
                  k.add(column, 8 * j));
    });
  }
}

/// Sums of one tile's products over the CTAs of the cluster, in the order of their ranks; each CTA sums and stores its
/// share of the columns.
void GemmBody::storeReduced(Accumulator &acc, const GemmTile &tile) {
  const DeviceView &d = problem.d;
  const int64_t columns = problem.tileN / 8, share = llvm::divideCeil(columns, problem.split); // in eights
  auto slot = [&](Value eight) { // of this thread: four registers
    Value number = k.add(k.mul(k.add(k.mul(consumer, columns), eight), 128), thread);
    return arena.at(offsetPartial, k.mul(number, 16));
  };
  for (int64_t j = 0; j < columns; ++j)
    storeShared(k, k.vector({acc[4 * j], acc[4 * j + 1], acc[4 * j + 2], acc[4 * j + 3]}), slot(k.i32(j)));
  clusterSync(k);
  Value rank = k.clusterRank(), end = k.i32(problem.m());
  Value rows[2], bases[2], firstColumn = k.add(tile.column, acc.column(0));
  for (int64_t h = 0; h < 2; ++h) {
    rows[h] = k.add(firstRow(tile), acc.row(h));
    Value element = k.mul(k.zext(rows[h], k.i64Ty), d.strides[0]);
    if (problem.batched())
      element = k.add(element, k.mul(k.zext(tile.batch, k.i64Ty), d.strides[1]));
    bases[h] = k.gep(pointerD, k.mul(element, d.elementBytes()));
  }
  for (int64_t i = 0; i < share; ++i) {
    Value eight = k.add(k.mul(rank, share), i);
    k.when(k.ltU(eight, columns), [&] {
      Values sums;
      for (int64_t other = 0; other < problem.split; ++other) {
        Value part = loadCluster(k, k.vec(4, k.f32Ty), clusterAddress(k, slot(eight), k.i32(other)));
        for (int64_t c = 0; c < 4; ++c)
          other == 0 ? sums.push_back(k.extract(part, c)) : void(sums[c] = k.fadd(sums[c], k.extract(part, c)));
      }
      Value column = k.add(firstColumn, k.mul(eight, 8));
      for (int64_t h = 0; h < 2; ++h)
        k.when(k.ltU(rows[h], end), [&] {
          storePair(sums[2 * h], sums[2 * h + 1], k.gep(bases[h], k.mul(column, d.elementBytes())), column);
        });
    });
  }
  clusterSync(k); // the others read this CTA's memory
}
