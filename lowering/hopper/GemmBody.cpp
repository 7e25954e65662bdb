// One tile of a tensor-core matrix product.
//
// Warps: warpgroup 0 produces (one thread issues TMA), warpgroups 1.. each multiply 64 rows of the tile.
// Shared memory: `stages` times (A tileM x 128 bytes, B tileN x 128 bytes), rows of 128 bytes with the 128-byte
// swizzle; two boxes of D of up to 64 x 64 bf16 for each consumer, or with split K the f32 sums of all of them; the
// pipeline's barriers. Barriers, per stage: full <- the producer's arrival and its bytes; empty <- one arrival of each
// consumer warp. Consumers release stage s when the products that read it have finished: one K block later for plain
// products, when the sums of its K block begin for scaled ones. Named barrier 1 + w: the 128 threads of consumer w
// around the staging of D. Split K: CTA r of a cluster multiplies the r-th part of the K blocks; cluster barriers stand
// around the reads of the others' sums.
#include "lowering/hopper/GemmBody.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/FormatVariadic.h"
#include <numeric>

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kRowBytes = 128;                 // of a stage's tile: one swizzle row
static constexpr int64_t kBoxColumns = 64, kBoxRows = 64; // of D, staged for a TMA store; the last ones are narrower
static constexpr int64_t kBoxBytes = kBoxColumns * kBoxRows * 2;
static constexpr int64_t kMostSplit = 8;    // CTAs of a portable cluster
static constexpr int64_t kMaxStages = 32;   // more than fit shared memory with the smallest tile
static constexpr int64_t kScaleBlock = 128; // elements of K and N under one scale
// Block-scaled tiles up to this wide have registers for two K blocks' products beside the sums; a lone consumer has no
// setmaxnreg and ptxas spills sooner.
static constexpr int64_t kTwoPartsColumns = 128, kTwoPartsColumnsAlone = 96;
// Three warpgroups share 65536 registers: 128 * 24 + 256 * 240. A lone consumer needs no more than its share.
static constexpr int64_t kProducerRegisters = 24, kConsumerRegisters = 240;

// --- requirements
// ---------------------------------------------------------------------------------------------------------

/// The tensor map of rows of an operand or result: a box of `columns` x `rows`.
static TensorMapShape rowsMap(const DeviceView &view, bool leadingBatch, int64_t columns, int64_t rows) {
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
  if (problem.tileM != 64 && problem.tileM != 128)
    return llvm::formatv("the tile has {0} rows, expected 64 or 128", problem.tileM);
  int64_t widest = problem.scaled ? 192 : 256; // registers: sums, and of scaled products one more set
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
  if (usesTmaStore()) {
    offsetD = arena.allocate(problem.consumers() * 2 * kBoxBytes, SmemArena::kSwizzleAlignment);
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
  if (!usesTmaStore() || problem.grouped)
    pointerD = pointerParameter(k, plan, operands.d);
  if (problem.scaled) {
    pointerAScales = pointerParameter(k, plan, operands.aScales);
    pointerBScales = pointerParameter(k, plan, operands.bScales);
  }
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

PipelineState GemmBody::load(const GemmTile &tile, PipelineState state) {
  Values last = k.loop(kBegin, kEnd, 1, state.values(), [&](Value kBlock, ValueRange carried) -> Values {
    PipelineState state(carried);
    pipeline.acquire(state);
    pipeline.commit(state, stageA + stageB);
    Value column = k.mul(kBlock, problem.tileK()), full = pipeline.fullBarrier(state);
    tmaLoad(k, arena.at(offsetA, k.mul(state.stage, stageA)), mapA,
            coordinates(column, tile.row, tile.batch, problem.batched()), full);
    tmaLoad(k, arena.at(offsetB, k.mul(state.stage, stageB)), mapB,
            coordinates(column, tile.column, tile.batch, problem.batched() || problem.grouped), full);
    return pipeline.advance(state).values();
  });
  return PipelineState(last);
}

// --- products
// ----------------------------------------------------------------------------------------------------------------

bool GemmBody::mayIdle() const {
  int64_t tail = problem.m() % problem.tileM;
  return problem.consumers() > 1 && (problem.grouped || (tail > 0 && tail <= 64));
}

Value GemmBody::firstRow(const GemmTile &tile) { return k.add(tile.row, k.mul(consumer, 64)); }

PipelineState GemmBody::multiply(const GemmTile &tile, PipelineState state) {
  auto run = [&]() -> Values {
    Accumulator acc(k, problem.tileN);
    PipelineState next = problem.scaled ? multiplyScaled(acc, tile, state) : multiplyPlain(acc, state);
    store(acc, tile);
    return next.values();
  };
  if (!mayIdle())
    return PipelineState(run());
  Value end = problem.grouped ? tile.rowEnd : k.i32(problem.m());
  Value busy = k.uniform(k.zext(k.ltS(firstRow(tile), end), k.i32Ty));
  auto skip = [&]() -> Values {
    return k.loop(kBegin, kEnd, 1, state.values(), [&](Value, ValueRange carried) -> Values {
      PipelineState state(carried);
      pipeline.wait(state);
      pipeline.release(state);
      return pipeline.advance(state).values();
    });
  };
  return PipelineState(k.whenElse(k.ne(busy, 0), {k.i32Ty, k.i32Ty}, run, skip));
}

/// The four products of one K block: 32 bytes of K each.
void GemmBody::issue(Accumulator &acc, const PipelineState &state, WgmmaType type, bool accumulate) {
  Value a = wgmmaDescriptor(k, arena.at(offsetA, k.mul(consumer, 64 * kRowBytes))),
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

/// Blocks of B's scales that the columns of one tile touch at most: tiles start at multiples of their own width.
static int64_t columnBlocks(int64_t tileN) {
  return llvm::divideCeil(kScaleBlock - std::gcd(tileN, kScaleBlock) + tileN, kScaleBlock);
}

Values GemmBody::Scales::values() const {
  Values all = {row[0], row[1]};
  llvm::append_range(all, column);
  return all;
}
GemmBody::Scales GemmBody::Scales::of(ValueRange values) {
  return {{values[0], values[1]}, Values(values.drop_front(2))};
}

GemmBody::Scales GemmBody::loadScales(const GemmTile &tile, Value kBlock) {
  auto load = [&](Value base, Value element) { return loadGlobal(k, k.f32Ty, k.gep(base, k.mul(element, 4))); };
  Scales scales;
  Accumulator layout(k, problem.tileN);
  ArrayRef<int64_t> a = problem.aScales.strides, b = ArrayRef(problem.bScales.strides).take_back(2);
  for (int64_t h = 0; h < 2; ++h) {
    Value row = k.minU(k.add(firstRow(tile), layout.row(h)), problem.m() - 1);
    scales.row[h] = load(pointerAScales, k.add(k.mul(row, a[0]), k.mul(kBlock, a[1])));
  }
  int64_t blocks = llvm::divideCeil(problem.n(), kScaleBlock);
  Value first = k.divU(tile.column, kScaleBlock), inMatrix = k.mul(kBlock, b[1]);
  if (problem.grouped)
    inMatrix = k.add(inMatrix, k.mul(tile.batch, problem.bScales.strides[0]));
  for (int64_t i = 0; i < columnBlocks(problem.tileN); ++i)
    scales.column.push_back(load(pointerBScales, k.add(inMatrix, k.mul(k.minU(k.add(first, i), blocks - 1), b[0]))));
  return scales;
}

/// sum += part * scales. `touched`: which of the scales' blocks of B each segment of the columns lies in.
void GemmBody::promote(MutableArrayRef<Value> sum, Accumulator &part, const Scales &scales, ArrayRef<Value> touched) {
  int64_t segment = problem.tileN / touched.size();
  Value scale[2];
  for (int64_t i = 0; i < part.size(); ++i) {
    int64_t column = i / 4 * 8, h = i / 2 % 2;
    if (i % 4 == 0 && column % segment == 0) {
      Value ofB = scales.column[0];
      for (size_t b = 1; b < scales.column.size(); ++b)
        ofB = k.select(k.geU(touched[column / segment], b), scales.column[b], ofB);
      scale[0] = k.fmul(scales.row[0], ofB), scale[1] = k.fmul(scales.row[1], ofB);
    }
    sum[i] = k.fma(part[i], scale[h], sum[i]);
  }
}

/// `count` K blocks from `kBlock` on, with up to `ahead` of them under way: while one is scaled and added, the tensor
/// cores work on the next. Not across iterations of a loop: ptxas then waits for everything.
void GemmBody::multiplyChunk(Values &sum, const GemmTile &tile, Value kBlock, int64_t count, int64_t ahead,
                             PipelineState &state, Scales &scales, ArrayRef<Value> touched) {
  SmallVector<PipelineState> states;
  SmallVector<Scales> scalesOf = {scales};
  std::vector<Accumulator> parts;
  auto start = [&](int64_t i) {
    scalesOf.push_back(loadScales(tile, k.minU(k.add(kBlock, i + 1), kBlocks - 1))); // early: a block ahead
    pipeline.wait(state);
    // In the registers of the block that was added last: ptxas runs out of aligned ranges otherwise.
    parts.push_back(i < ahead ? Accumulator(k, problem.tileN) : parts[i - ahead]);
    issue(parts.back(), state, WgmmaType::E4M3, /*accumulate=*/false);
    states.push_back(state);
    state = pipeline.advance(state);
  };
  for (int64_t i = 0; i < std::min(ahead, count); ++i)
    start(i);
  for (int64_t i = 0; i < count; ++i) {
    parts[i].wait(std::min(ahead, count - i) - 1);
    pipeline.release(states[i]);
    promote(sum, parts[i], scalesOf[i], touched);
    sum = pinRegisters(k, sum); // LLVM would sink the additions past the products that reuse their operands
    if (i + ahead < count)
      start(i + ahead);
  }
  scales = scalesOf[count];
}

PipelineState GemmBody::multiplyScaled(Accumulator &acc, const GemmTile &tile, PipelineState state) {
  // Columns of a tile come in segments that lie within one block of B's scales.
  int64_t segment = std::gcd(problem.tileN, kScaleBlock), scaleCount = 2 + columnBlocks(problem.tileN);
  SmallVector<Value> touched;
  Value columnInBlock = k.remU(tile.column, kScaleBlock);
  for (int64_t column = 0; column < problem.tileN; column += segment)
    touched.push_back(k.divU(k.add(columnInBlock, column), kScaleBlock));

  Values carried = state.values();
  llvm::append_range(carried, loadScales(tile, kBegin).values());
  carried.append(problem.tileN / 2, k.f32(0));
  int64_t widest = problem.consumers() == 2 ? kTwoPartsColumns : kTwoPartsColumnsAlone;
  int64_t ahead = problem.tileN <= widest ? 2 : 1, chunk = ahead == 1 ? 1 : problem.tileN <= 64 ? 8 : 4; // more spill
  auto blocks = [&](int64_t count) {
    return [=, this, &tile, &touched](Value kBlock, ValueRange values) -> Values {
      PipelineState current(values);
      Scales scales = Scales::of(values.slice(2, scaleCount));
      Values sum(values.drop_front(2 + scaleCount));
      multiplyChunk(sum, tile, kBlock, count, ahead, current, scales, touched);
      Values result = current.values();
      llvm::append_range(result, scales.values());
      llvm::append_range(result, sum);
      return result;
    };
  };
  int64_t fewest = kBlocks / problem.split, whole = fewest / chunk * chunk; // of a CTA
  if (whole > 0)
    carried = k.loop(kBegin, k.add(kBegin, whole), chunk, carried, blocks(chunk));
  if (problem.split > 1 || whole < kBlocks)
    carried = k.loop(k.add(kBegin, whole), kEnd, 1, carried, blocks(1));
  acc.assign(ValueRange(carried).drop_front(2 + scaleCount));
  return PipelineState(carried);
}

// --- epilogue
// ------------------------------------------------------------------------------------------------------------------

void GemmBody::store(Accumulator &acc, const GemmTile &tile) {
  if (problem.split > 1)
    return storeReduced(acc, tile);
  if (boxes.empty())
    return storeDirect(acc, tile);
  if (!problem.grouped)
    return storeTma(acc, tile);
  // Rows past the group's end belong to the next group.
  k.when(k.leS(k.add(firstRow(tile), 64), tile.rowEnd), [&] { storeTma(acc, tile); }, [&] { storeDirect(acc, tile); });
}

/// Through two alternating boxes in shared memory; TMA drops what lies outside D.
void GemmBody::storeTma(Accumulator &acc, const GemmTile &tile) {
  Value leads = k.eq(thread, 0), lane = k.laneIndex(), matrix = k.shrU(lane, 3);
  Value row = k.add(k.add(k.mul(k.bitAnd(warp, 3), 16), k.mul(k.bitAnd(matrix, 1), 8)), k.bitAnd(lane, 7));
  Value staging = k.mul(consumer, 2 * kBoxBytes), columnBytes = k.mul(k.shrU(matrix, 1), 16);
  for (auto [index, box] : llvm::enumerate(boxes)) {
    int64_t offset = offsetD + index % 2 * kBoxBytes;
    // The store before last has left this box; the last tile's, which may have ended in either box, all have.
    k.when(leads, [&] { tmaStoreWaitRead(k, index == 0 ? 0 : 1); });
    namedBarrier(k, k.add(consumer, 1), 128);
    for (int64_t part = 0; part < box.width / 16; ++part) { // 16 columns at a time: two 8 x 8 matrices by two
      int64_t i = box.column / 2 + part * 8;
      Value address = arena.at(offset, k.add(staging, swizzle(k, row, k.add(columnBytes, part * 32), box.width * 2)));
      storeMatrix(k, address,
                  {packBf16(k, acc[i], acc[i + 1]), packBf16(k, acc[i + 2], acc[i + 3]),
                   packBf16(k, acc[i + 4], acc[i + 5]), packBf16(k, acc[i + 6], acc[i + 7])});
    }
    fenceAsyncShared(k);
    namedBarrier(k, k.add(consumer, 1), 128);
    k.when(leads, [&] {
      tmaStore(k, box.map, arena.at(offset, staging),
               coordinates(k.add(tile.column, box.column), firstRow(tile), tile.batch, problem.batched()));
      tmaStoreCommit(k);
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

void GemmBody::storeDirect(Accumulator &acc, const GemmTile &tile) {
  const DeviceView &d = problem.d;
  Value end = problem.grouped ? tile.rowEnd : k.i32(problem.m());
  Value column = k.add(tile.column, acc.column(0));
  for (int64_t h = 0; h < 2; ++h) {
    Value row = k.add(firstRow(tile), acc.row(h));
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
