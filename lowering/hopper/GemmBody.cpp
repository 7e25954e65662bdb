// One tile of a tensor-core matrix product.
//
// Warps: warpgroup 0 produces (one thread issues TMA), warpgroups 1.. each multiply 64 rows of the tile.
// Shared memory: `stages` times (A tileM x 128 bytes, B tileN x 128 bytes), rows of 128 bytes with the 128-byte
// swizzle; two 64 x 64 bf16 boxes of D for each consumer; the pipeline's barriers. Barriers, per stage: full <- the
// producer's arrival and its bytes; empty <- one arrival of each consumer warp. Consumers release stage s when the
// products that read it have finished: one K block later for plain products, at once for scaled ones. Named barrier 1 +
// w: the 128 threads of consumer w around the staging of D.
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
static constexpr int64_t kBoxColumns = 64, kBoxRows = 64; // of D, staged for a TMA store
static constexpr int64_t kBoxBytes = kBoxColumns * kBoxRows * 2;
static constexpr int64_t kMaxStages = 32;   // more than fit shared memory with the smallest tile
static constexpr int64_t kScaleBlock = 128; // elements of K and N under one scale
// Three warpgroups share 65536 registers: 128 * 40 + 256 * 232.
static constexpr int64_t kProducerRegisters = 40, kConsumerRegisters = 232;

// --- requirements
// ---------------------------------------------------------------------------------------------------------

/// The tensor map of rows of an operand or result: a box of `columns` x `rows`.
static TensorMapShape rowsMap(const DeviceView &view, bool leadingBatch, int64_t columns, int64_t rows) {
  TensorMapShape shape{tensorMapElement(view.element), {view.sizes.back()}, {}, {columns, rows}, kRowBytes};
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
  if (problem.tileN < 16 || problem.tileN > (problem.scaled ? 192 : 256) || problem.tileN % 16)
    return llvm::formatv("the tile has {0} columns, expected a multiple of 16 up to {1}", problem.tileN,
                         problem.scaled ? 192 : 256);
  if (problem.scaled && problem.tileN > 128 + std::gcd(problem.tileN, kScaleBlock))
    return llvm::formatv("a tile of {0} columns touches three blocks of B's scales", problem.tileN);
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
  return problem.d.element.isBF16() && problem.tileN % kBoxColumns == 0 &&
         whyNotTma(rowsMap(problem.d, false, kBoxColumns, kBoxRows), problem.d.byteOffset).empty();
}

// --- set-up
// -----------------------------------------------------------------------------------------------------------------

GemmBody::GemmBody(KernelBuilder &k, LaunchPlan &plan, SmemArena &arena, const GemmProblem &problem,
                   const GemmOperands &operands)
    : k(k), arena(arena), problem(problem), kBlocks(llvm::divideCeil(problem.k(), problem.tileK())),
      stageA(problem.tileM * kRowBytes), stageB(problem.tileN * kRowBytes),
      offsetA(arena.allocate(problem.stages * stageA, SmemArena::kSwizzleAlignment)),
      offsetB(arena.allocate(problem.stages * stageB, SmemArena::kSwizzleAlignment)),
      pipeline(k, arena, "operands", problem.stages, /*producerArrivals=*/1,
               /*consumerWarps=*/4 * problem.consumers()) {
  mapA = tensorMapParameter(k, plan, operands.a, rowsMap(problem.a, false, problem.tileK(), problem.tileM));
  mapB = tensorMapParameter(k, plan, operands.b, rowsMap(problem.b, true, problem.tileK(), problem.tileN));
  if (usesTmaStore()) {
    offsetD = arena.allocate(problem.consumers() * 2 * kBoxBytes, SmemArena::kSwizzleAlignment);
    mapD = tensorMapParameter(k, plan, operands.d, rowsMap(problem.d, false, kBoxColumns, kBoxRows));
  }
  if (!usesTmaStore() || problem.grouped)
    pointerD = pointerParameter(k, plan, operands.d);
  if (problem.scaled) {
    pointerAScales = pointerParameter(k, plan, operands.aScales);
    pointerBScales = pointerParameter(k, plan, operands.bScales);
  }
  warp = k.warpIndex();
  thread = k.bitAnd(k.threadIndex(), 127);
  consumer = k.sub(k.shrU(warp, 2), 1);
}

void GemmBody::init() {
  for (Value map : {mapA, mapB, mapD})
    if (map)
      prefetchTensorMap(k, map);
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
    if (mapD) // the staging buffers must outlive the stores
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
  Values last = k.loop(k.i32(0), k.i32(kBlocks), 1, state.values(), [&](Value kBlock, ValueRange carried) -> Values {
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

PipelineState GemmBody::multiply(const GemmTile &tile, PipelineState state) {
  Accumulator acc(k, problem.tileN);
  state = problem.scaled ? multiplyScaled(acc, tile, state) : multiplyPlain(acc, state);
  if (!mapD)
    storeDirect(acc, tile);
  else if (!problem.grouped)
    storeTma(acc, tile);
  else // rows past the group's end belong to the next group
    k.when(
        k.leS(k.add(k.add(tile.row, k.mul(consumer, 64)), 64), tile.rowEnd), [&] { storeTma(acc, tile); },
        [&] { storeDirect(acc, tile); });
  return state;
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
    carried = k.loop(k.i32(1), k.i32(kBlocks), 1, carried, [&](Value, ValueRange values) -> Values {
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

Values GemmBody::Scales::values(bool two) const {
  return two ? Values{row[0], row[1], column[0], column[1]} : Values{row[0], row[1], column[0]};
}
GemmBody::Scales GemmBody::Scales::of(ValueRange values, bool two) {
  return {{values[0], values[1]}, {values[2], two ? values[3] : Value()}};
}

GemmBody::Scales GemmBody::loadScales(const GemmTile &tile, Value kBlock) {
  auto load = [&](Value base, Value element) { return loadGlobal(k, k.f32Ty, k.gep(base, k.mul(element, 4))); };
  Scales scales;
  Accumulator layout(k, problem.tileN);
  ArrayRef<int64_t> a = problem.aScales.strides, b = ArrayRef(problem.bScales.strides).take_back(2);
  for (int64_t h = 0; h < 2; ++h) {
    Value row = k.add(k.add(tile.row, k.mul(consumer, 64)), layout.row(h));
    row = k.minU(row, problem.m() - 1);
    scales.row[h] = load(pointerAScales, k.add(k.mul(row, a[0]), k.mul(kBlock, a[1])));
  }
  int64_t blocks = llvm::divideCeil(problem.n(), kScaleBlock);
  Value first = k.divU(tile.column, kScaleBlock), inMatrix = k.mul(kBlock, b[1]);
  if (problem.grouped)
    inMatrix = k.add(inMatrix, k.mul(tile.batch, problem.bScales.strides[0]));
  scales.column[0] = load(pointerBScales, k.add(inMatrix, k.mul(first, b[0])));
  if (twoColumnBlocks())
    scales.column[1] = load(pointerBScales, k.add(inMatrix, k.mul(k.minU(k.add(first, 1), blocks - 1), b[0])));
  return scales;
}

PipelineState GemmBody::multiplyScaled(Accumulator &acc, const GemmTile &tile, PipelineState state) {
  bool two = twoColumnBlocks();
  // Columns of a tile come in segments that lie within one block of B's scales.
  int64_t segment = std::gcd(problem.tileN, kScaleBlock), scaleCount = two ? 4 : 3;
  SmallVector<Value> inSecond; // per segment: whether it lies in the second block
  Value columnInBlock = k.remU(tile.column, kScaleBlock);
  for (int64_t column = 0; column < problem.tileN; column += segment)
    inSecond.push_back(k.geU(k.add(columnInBlock, column), kScaleBlock));

  Values init = state.values();
  llvm::append_range(init, loadScales(tile, k.i32(0)).values(two));
  init.append(problem.tileN / 2, k.f32(0));
  Values last = k.loop(k.i32(0), k.i32(kBlocks), 1, init, [&](Value kBlock, ValueRange carried) -> Values {
    PipelineState current(carried);
    Scales scales = Scales::of(carried.drop_front(2), two);
    Scales next =
        loadScales(tile, k.minU(k.add(kBlock, 1), kBlocks - 1)); // a block ahead: the loads hide behind the products
    Accumulator sum(k, problem.tileN, carried.drop_front(2 + scaleCount)), part(k, problem.tileN);
    pipeline.wait(current);
    issue(part, current, WgmmaType::E4M3, /*accumulate=*/false);
    part.wait(0);
    pipeline.release(current);
    Value scale[2];
    for (int64_t i = 0; i < sum.size(); ++i) {
      int64_t j = i / 4, h = i / 2 % 2;
      if (i % 4 == 0 && 8 * j % segment == 0) {
        Value column = two ? k.select(inSecond[8 * j / segment], scales.column[1], scales.column[0]) : scales.column[0];
        scale[0] = k.fmul(scales.row[0], column), scale[1] = k.fmul(scales.row[1], column);
      }
      sum[i] = k.fma(part[i], scale[h], sum[i]);
    }
    Values result = pipeline.advance(current).values();
    llvm::append_range(result, next.values(two));
    llvm::append_range(result, sum.values());
    return result;
  });
  acc.assign(ValueRange(last).drop_front(2 + scaleCount));
  return PipelineState(last);
}

// --- epilogue
// ------------------------------------------------------------------------------------------------------------------

/// Through two alternating boxes in shared memory; TMA drops what lies outside D.
void GemmBody::storeTma(Accumulator &acc, const GemmTile &tile) {
  Value leads = k.eq(thread, 0), lane = k.laneIndex(), matrix = k.shrU(lane, 3);
  Value row = k.add(k.add(k.mul(k.bitAnd(warp, 3), 16), k.mul(k.bitAnd(matrix, 1), 8)), k.bitAnd(lane, 7));
  Value boxes = k.mul(consumer, 2 * kBoxBytes), columnBytes = k.mul(k.shrU(matrix, 1), 16);
  Value tileRow = k.add(tile.row, k.mul(consumer, 64));
  for (int64_t box = 0; box < problem.tileN / kBoxColumns; ++box) {
    int64_t offset = offsetD + box % 2 * kBoxBytes;
    k.when(leads, [&] { tmaStoreWaitRead(k, 1); }); // the store before last has left this box
    namedBarrier(k, k.add(consumer, 1), 128);
    for (int64_t part = 0; part < 4; ++part) { // 16 columns at a time: two 8 x 8 matrices by two
      int64_t i = (box * 8 + part * 2) * 4;
      Value address = arena.at(offset, k.add(boxes, swizzle(k, row, k.add(columnBytes, part * 32), kRowBytes)));
      storeMatrix(k, address,
                  {packBf16(k, acc[i], acc[i + 1]), packBf16(k, acc[i + 2], acc[i + 3]),
                   packBf16(k, acc[i + 4], acc[i + 5]), packBf16(k, acc[i + 6], acc[i + 7])});
    }
    fenceAsyncShared(k);
    namedBarrier(k, k.add(consumer, 1), 128);
    k.when(leads, [&] {
      tmaStore(k, mapD, arena.at(offset, boxes),
               coordinates(k.add(tile.column, box * kBoxColumns), tileRow, tile.batch, problem.batched()));
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
    Value row = k.add(k.add(tile.row, k.mul(consumer, 64)), acc.row(h));
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
