// Tiles of a matrix product with few rows of A: B streams from memory through shared memory into wgmma.
//
// Warps: warpgroups 0 .. ceil(features/64) - 1 multiply 64 rows of B each, of which the last may be no part of the tile
// (their sums are staged, never stored); the next warp issues TMA (one thread); with scales one more warp fetches them.
// Shared memory: `stages` times (B features x 128 bytes, A tokens x 128 bytes) x boxes, rows of 128 bytes with the
// 128-byte swizzle; with scales, (tokens + 4) f32 for each box: of A's rows, then B's one or two blocks; a tile of D^T
// in f32, which takes the ring's place; the pipeline's barriers. Barriers, per stage: full <- the TMA
// thread's arrival and its bytes, and one arrival of each lane that fetches scales; empty <- one arrival of each
// consumer warp. Named barrier 1: the consumers around the staging of D.
//
// With an epilogue of P parts a tile's rows of B are P runs, one of each part, loaded as a box each: the sums that the
// epilogue joins lie features / P apart in the tile of D^T.
//
// The weights of the first stages are requested before the kernel waits for its predecessors; what those wrote (A, its
// scales) after; and all of B where a kernel makes it or chooses the matrix. With `split` CTAs to a cluster, each takes
// a part of K; they meet at two cluster barriers and add the parts in the order of the ranks, so that a result has the
// same bits every time.
#include "lowering/hopper/StreamGemmBody.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kRowBytes = 128;   // of a box: one swizzle row
static constexpr int64_t kScaleBlock = 128; // elements of K and N under one scale
static constexpr int64_t kScalePad = 4;     // f32 after the scales of a box: B's scales, one for each run
static constexpr int64_t kMaxTokens = 128, kMaxFeatures = 256, kMaxStages = 32;
static constexpr int64_t kEarlyScales = 64; // tokens whose scales fit the registers beside two accumulators
static constexpr int64_t kConsumerBarrier = 1;

// --- requirements
// ---------------------------------------------------------------------------------------------------------

/// The tensor map of rows of an operand: boxes of 128 bytes x `rows`.
static TensorMapShape rowsMap(const DeviceView &view, bool leadingBatch, int64_t rows) {
  TensorMapShape shape{
      tensorMapElement(view.element), {view.sizes.back()}, {}, {kRowBytes / view.elementBytes()}, kRowBytes};
  const bool batched = view.sizes.size() == 3;
  const int64_t rowDim = batched && leadingBatch ? 1 : 0, batchDim = leadingBatch ? 0 : 1;
  // A dimension of one element has any stride; TMA wants a multiple of 16 bytes all the same.
  const int64_t rowBytes = llvm::alignTo(view.sizes.back() * view.elementBytes(), 16);
  auto add = [&](int64_t dim, int64_t box) {
    shape.dims.push_back(view.sizes[dim]);
    shape.strides.push_back(view.sizes[dim] == 1 ? rowBytes : view.strides[dim] * view.elementBytes());
    shape.box.push_back(box);
  };
  add(rowDim, rows);
  if (batched)
    add(batchDim, 1);
  return shape;
}

std::string hopper::whyNotStream(const StreamProblem &p) {
  if (p.a.element != p.b.element || !(p.scaled ? isa<Float8E4M3FNType>(p.a.element) : p.a.element.isBF16()))
    return "A and B must both be bf16, or f8E4M3FN with scales";
  if (p.tokens < 8 || p.tokens > kMaxTokens || p.tokens % 8)
    return llvm::formatv("the tile has {0} rows of A, expected a multiple of 8 up to {1}", p.tokens, kMaxTokens);
  if (p.features < 8 || p.features > kMaxFeatures || p.features % 8)
    return llvm::formatv("the tile has {0} rows of B, expected a multiple of 8 up to {1}", p.features, kMaxFeatures);
  if (p.scaled && p.features > kScaleBlock)
    return llvm::formatv("a tile of {0} rows of B has more than two blocks of scales", p.features);
  if (p.epilogue && p.features % 64)
    return llvm::formatv("a tile of {0} rows of B has no epilogue, expected a multiple of 64", p.features);
  if (p.epilogue && (p.features % p.parts() || p.runRows() % 16))
    return llvm::formatv("{0} rows of B in {1} runs, expected multiples of 16", p.features, p.parts());
  for (int64_t start : {p.plainColumns(), p.columns()})
    if (p.epilogue && p.scaled && start % p.runRows())
      return llvm::formatv("a run of {0} rows of B may have more than one block of scales", p.runRows());
  if (p.boxes < 1 || p.boxes > 4)
    return llvm::formatv("a stage has {0} boxes of 128 bytes of K, expected 1 to 4", p.boxes);
  if (p.stages < 2 || p.stages > kMaxStages)
    return llvm::formatv("the ring has {0} stages, expected 2 to {1}", p.stages, kMaxStages);
  if (p.split < 1 || p.split > 8 || p.split > p.kStages())
    return llvm::formatv("K is split into {0} parts, expected 1 to 8 and not more than its {1} stages", p.split,
                         p.kStages());
  if (p.grouped && p.split > 1)
    return "groups cannot split K";
  if (p.tokens * p.pitch() * 4 > p.stages * p.boxes * (p.tokens + p.features) * kRowBytes)
    return llvm::formatv("a ring of {0} stages has no room for a tile of {1} x {2} results", p.stages, p.tokens,
                         p.features);
  for (const DeviceView *view : {&p.a, &p.b, &p.d, &p.plain})
    if (!view->sizes.empty() && view->strides.back() != 1 && view->sizes.back() != 1)
      return "rows must be contiguous";
  for (auto [view, leadingBatch, name] : {std::tuple(&p.a, false, "A"), std::tuple(&p.b, true, "B")})
    if (std::string why = whyNotTma(rowsMap(*view, leadingBatch, 8), view->byteOffset); !why.empty())
      return std::string(name) + ": " + why;
  return "";
}

// --- set-up
// -----------------------------------------------------------------------------------------------------------------

StreamBody::StreamBody(KernelBuilder &k, LaunchPlan &plan, SmemArena &arena, const StreamProblem &problem,
                       const ProductOperands &operands)
    : k(k), arena(arena), problem(problem), boxA(problem.tokens * kRowBytes), boxB(problem.features * kRowBytes),
      stageA(problem.boxes * boxA), stageB(problem.boxes * boxB),
      stageScales(problem.scaled ? problem.boxes * 4 * (problem.tokens + kScalePad) : 0),
      offsetA(arena.allocate(problem.stages * stageA, SmemArena::kSwizzleAlignment)),
      // The products of the last stage read on to whole 64 rows.
      offsetB(arena.allocate(problem.stages * stageB + (64 * problem.consumers() - problem.features) * kRowBytes,
                             SmemArena::kSwizzleAlignment)),
      pipeline(k, arena, "operands", problem.stages, /*producerArrivals=*/problem.scaled ? 33 : 1,
               /*consumerArrivals=*/4 * problem.consumers()) {
  mapA = tensorMapParameter(k, plan, operands.a, rowsMap(problem.a, false, problem.tokens));
  mapB = tensorMapParameter(k, plan, operands.b, rowsMap(problem.b, true, problem.runRows()));
  pointerD = pointerParameter(k, plan, operands.d);
  if (operands.plain)
    pointerPlain = pointerParameter(k, plan, operands.plain);
  if (problem.scaled) {
    pointerAScales = pointerParameter(k, plan, operands.aScales);
    pointerBScales = pointerParameter(k, plan, operands.bScales);
    offsetScales = arena.allocate(problem.stages * stageScales);
  }
  warp = k.warpIndex();
  thread = k.threadIndex();
  consumer = k.shrU(warp, 2);
  if (problem.split > 1)
    rank = k.clusterRank();
}

StreamTile StreamBody::columnTile(Value number) {
  StreamTile tile;
  if (!pointerPlain) {
    tile.column = k.mul(number, problem.runRows());
    for (int64_t run = 0; run < problem.parts(); ++run)
      tile.runs.push_back(run ? k.add(tile.column, run * problem.columns()) : tile.column);
    return tile;
  }
  tile.plain = k.ltU(number, problem.plainTiles());
  tile.column = k.select(tile.plain, k.mul(number, problem.features),
                         k.mul(k.sub(number, problem.plainTiles()), problem.runRows()));
  for (int64_t run = 0; run < problem.parts(); ++run)
    tile.runs.push_back(k.add(tile.column, k.select(tile.plain, k.i32(run * problem.runRows()),
                                                    k.i32(problem.plainColumns() + run * problem.columns()))));
  return tile;
}

void StreamBody::init() {
  prefetchTensorMap(k, mapB);
  prefetchTensorMap(k, mapA);
  pipeline.init();
}

Value StreamBody::kBegin() { return rank ? k.divU(k.mul(rank, problem.kStages()), problem.split) : k.i32(0); }
Value StreamBody::kCount() {
  if (!rank)
    return k.i32(problem.kStages());
  return k.sub(k.divU(k.mul(k.add(rank, 1), problem.kStages()), problem.split), kBegin());
}

void StreamBody::run(const StreamTile &tile, bool ahead) {
  produce(tile, ahead);
  if (problem.scaled)
    produceScales(tile);
  consume(tile);
  if (problem.split == 1)
    return;
  syncWarp(k);
  clusterSync(k); // every part is staged
  k.role(warp, 0, 4 * problem.consumers(), [&] { store(tile); });
  syncWarp(k);
  clusterSync(k); // no CTA leaves while its part is read
}

// --- loads
// ------------------------------------------------------------------------------------------------------------------

void StreamBody::loadWeights(const StreamTile &tile, Value kStage, const PipelineState &state) {
  for (int64_t box = 0; box < problem.boxes; ++box)
    for (auto [run, row] : llvm::enumerate(tile.runs)) {
      Values at = {k.mul(k.add(k.mul(kStage, problem.boxes), box), kRowBytes / problem.b.elementBytes()), row};
      if (problem.b.sizes.size() == 3)
        at.push_back(tile.batch);
      const int64_t offset = offsetB + box * boxB + static_cast<int64_t>(run) * problem.runRows() * kRowBytes;
      tmaLoad(k, arena.at(offset, k.mul(state.stage, stageB)), mapB, at, pipeline.fullBarrier(state));
    }
}

void StreamBody::loadActivations(const StreamTile &tile, Value kStage, const PipelineState &state) {
  for (int64_t box = 0; box < problem.boxes; ++box) {
    Values at = {k.mul(k.add(k.mul(kStage, problem.boxes), box), kRowBytes / problem.a.elementBytes()), tile.row};
    if (problem.batched())
      at.push_back(tile.batch);
    tmaLoad(k, arena.at(offsetA + box * boxA, k.mul(state.stage, stageA)), mapA, at, pipeline.fullBarrier(state));
  }
}

void StreamBody::produce(const StreamTile &tile, bool ahead) {
  k.electedRole(warp, 4 * problem.consumers(), [&] {
    // The ring is empty: its first turn needs no wait for consumers.
    Value first = k.minU(kCount(), problem.stages);
    auto fill = [&](llvm::function_ref<void(Value, const PipelineState &)> body) {
      k.loop(k.i32(0), first, 1, [&](Value i) { body(k.add(kBegin(), i), PipelineState(i, k.i32(0))); });
    };
    fill([&](Value kStage, const PipelineState &state) {
      pipeline.commit(state, stageA + stageB);
      loadWeights(tile, kStage, state);
    });
    if (ahead)
      gridDependencyWait(k);
    fill([&](Value kStage, const PipelineState &state) { loadActivations(tile, kStage, state); });
    // Either the ring has wrapped or there is nothing more to load.
    k.loop(k.i32(problem.stages), kCount(), 1, PipelineState(k.i32(0), k.i32(1)).values(),
           [&](Value i, ValueRange carried) -> Values {
             PipelineState state(carried);
             pipeline.acquire(state);
             pipeline.commit(state, stageA + stageB);
             Value kStage = k.add(kBegin(), i);
             loadWeights(tile, kStage, state);
             loadActivations(tile, kStage, state);
             return pipeline.advance(state).values();
           });
  });
}

/// The scales of a stage, by cp.async: no lane waits for them.
void StreamBody::loadScales(const StreamTile &tile, Value kStage, const PipelineState &state) {
  const int64_t blocks = llvm::divideCeil(problem.k(), kScaleBlock);
  ArrayRef<int64_t> a = problem.aScales.strides, b = ArrayRef(problem.bScales.strides).take_back(2);
  Value lane = k.laneIndex();
  for (int64_t box = 0; box < problem.boxes; ++box) {
    Value kBlock = k.minU(k.add(k.mul(kStage, problem.boxes), box), blocks - 1);
    const int64_t slot = offsetScales + box * 4 * (problem.tokens + kScalePad);
    auto copy = [&](Value base, Value element, int64_t index, Value lane) {
      Value target = arena.at(slot + 4 * index, k.add(k.mul(state.stage, stageScales), k.mul(lane, 4)));
      cpAsync(k, target, k.gep(base, k.mul(element, 4)), 4);
    };
    for (int64_t token = 0; token < problem.tokens; token += 32) {
      auto one = [&] {
        Value row = k.zext(k.minU(k.add(k.add(tile.row, lane), token), problem.m() - 1), k.i64Ty);
        copy(pointerAScales, k.add(k.mul(row, a[0]), k.mul(k.zext(kBlock, k.i64Ty), a[1])), token, lane);
      };
      problem.tokens - token >= 32 ? one() : k.when(k.ltU(lane, problem.tokens - token), one);
    }
    auto copyOfB = [&](Value nBlock, int64_t index, Value lane) {
      Value element = k.add(k.mul(k.zext(nBlock, k.i64Ty), b[0]), k.mul(k.zext(kBlock, k.i64Ty), b[1]));
      if (problem.bScales.sizes.size() == 3)
        element = k.add(element, k.mul(k.zext(tile.batch, k.i64Ty), problem.bScales.strides[0]));
      copy(pointerBScales, element, problem.tokens + index, lane);
    };
    if (tile.runs.size() > 1) {
      k.when(k.eq(lane, 0), [&] {
        for (auto [run, row] : llvm::enumerate(tile.runs))
          copyOfB(k.divU(row, kScaleBlock), static_cast<int64_t>(run), k.i32(0));
      });
      continue;
    }
    k.when(k.ltU(lane, problem.weightScales()), [&] {
      Value nBlock = k.divU(tile.runs[0], kScaleBlock);
      if (problem.weightScales() > 1)
        nBlock = k.minU(k.add(nBlock, lane), llvm::divideCeil(problem.n(), kScaleBlock) - 1);
      copyOfB(nBlock, 0, problem.weightScales() > 1 ? lane : k.i32(0));
    });
  }
}

void StreamBody::produceScales(const StreamTile &tile) {
  k.role(warp, 4 * problem.consumers() + 1, 1, [&] {
    gridDependencyWait(k);
    k.loop(k.i32(0), kCount(), 1, pipeline.start().values(), [&](Value i, ValueRange carried) -> Values {
      PipelineState state(carried);
      pipeline.acquire(state);
      loadScales(tile, k.add(kBegin(), i), state);
      pipeline.commitCpAsync(state);
      return pipeline.advance(state).values();
    });
  });
}

// --- products
// ----------------------------------------------------------------------------------------------------------------

/// The products of `count` boxes: four of 32 bytes of K each.
void StreamBody::issue(Accumulator &acc, const PipelineState &state, int64_t firstBox, int64_t count, bool accumulate) {
  Value weights = wgmmaDescriptor(k, arena.at(offsetB, k.mul(consumer, 64 * kRowBytes))),
        tokens = wgmmaDescriptor(k, arena.at(offsetA));
  weights = advanceDescriptor(k, weights, k.mul(state.stage, stageB));
  tokens = advanceDescriptor(k, tokens, k.mul(state.stage, stageA));
  wgmmaFence(k);
  for (int64_t box = firstBox; box < firstBox + count; ++box)
    for (int64_t byte = 0; byte < kRowBytes; byte += 32)
      acc.multiply(problem.scaled ? WgmmaType::E4M3 : WgmmaType::BF16, advanceDescriptor(k, weights, box * boxB + byte),
                   advanceDescriptor(k, tokens, box * boxA + byte), accumulate || box > firstBox || byte > 0);
  wgmmaCommit(k);
}

void StreamBody::multiply(Accumulator &acc) {
  PipelineState state = pipeline.start();
  // The first stage is peeled: it defines the accumulator.
  pipeline.wait(state);
  issue(acc, state, 0, problem.boxes, /*accumulate=*/false);
  Values carried = pipeline.advance(state).values();
  carried.push_back(state.stage);
  llvm::append_range(carried, acc.values());
  if (problem.kStages() > problem.split)
    carried = k.loop(k.i32(1), kCount(), 1, carried, [&](Value, ValueRange values) -> Values {
      PipelineState current(values), previous(values[2], Value());
      Accumulator sum(k, problem.tokens, values.drop_front(3));
      pipeline.wait(current);
      issue(sum, current, 0, problem.boxes, /*accumulate=*/true);
      sum.wait(1); // the previous stage's products have read it
      pipeline.release(previous);
      Values next = pipeline.advance(current).values();
      next.push_back(current.stage);
      llvm::append_range(next, sum.values());
      return next;
    });
  acc.assign(ValueRange(carried).drop_front(3));
  acc.wait(0);
  pipeline.release({carried[2], Value()});
}

StreamBody::BoxScales StreamBody::readScales(const PipelineState &state, int64_t box, ArrayRef<Value> inSecond) {
  const int64_t slot = offsetScales + box * 4 * (problem.tokens + kScalePad);
  Value base = arena.at(slot, k.mul(state.stage, stageScales));
  auto loadWeight = [&](int64_t i) { return loadShared(k, k.f32Ty, k.gep(base, 4 * (problem.tokens + i))); };
  BoxScales scales;
  if (problem.parts() > 1) {
    Value run = k.divU(warp, problem.runRows() / 16);
    scales.weights = {loadShared(k, k.f32Ty, k.gep(k.gep(base, 4 * problem.tokens), k.mul(run, 4)))};
  } else {
    scales.weights = {loadWeight(0)};
  }
  if (!inSecond.empty()) {
    Value first = scales.weights[0], second = loadWeight(1);
    scales.weights = {k.select(inSecond[0], second, first), k.select(inSecond[1], second, first)};
  }
  scales.tokens = k.gep(base, k.mul(k.bitAnd(thread, 3), 8));
  for (int64_t j = 0; j < problem.tokens / 8 && problem.tokens <= kEarlyScales; ++j)
    scales.pairs.push_back(loadPair(scales, j));
  return scales;
}

/// The scales of tokens 8 * j + 2 * (lane % 4) and the next.
Value StreamBody::loadPair(const BoxScales &scales, int64_t j) {
  return loadShared(k, k.vec(2, k.f32Ty), k.gep(scales.tokens, 32 * j));
}

/// sum += part * scales.
void StreamBody::promote(Accumulator &sum, Accumulator &part, const BoxScales &scales) {
  for (int64_t j = 0; j < problem.tokens / 8; ++j) {
    Values pair = k.elements(scales.pairs.empty() ? loadPair(scales, j) : scales.pairs[j]);
    Values products; // of registers: token, then row
    for (Value weight : scales.weights)
      for (Value token : pair)
        products.push_back(k.fmul(token, weight));
    for (int64_t i = 4 * j; i < 4 * j + 4; ++i)
      sum[i] = k.fma(part[i], products[i % products.size()], sum[i]);
  }
}

/// Products of each 128 channels are summed apart, then multiplied by both scales; those of two boxes of a stage are
/// under way together, so that one's are scaled while the other's are computed.
void StreamBody::multiplyScaled(Accumulator &acc, const StreamTile &tile) {
  Values inSecond; // this thread's rows lie in the second of the tile's blocks of B's scales
  for (int64_t h = 0; h < 2 && problem.weightScales() > 1; ++h) {
    Value row = k.add(k.mul(consumer, 64), acc.row(h));
    inSecond.push_back(k.geU(k.add(k.remU(tile.column, kScaleBlock), row), kScaleBlock));
  }
  Values init = pipeline.start().values();
  init.append(problem.tokens / 2, k.f32(0));
  Values last = k.loop(k.i32(0), kCount(), 1, init, [&](Value, ValueRange carried) -> Values {
    PipelineState current(carried);
    Accumulator sum(k, problem.tokens, carried.drop_front(2));
    pipeline.wait(current);
    for (int64_t box = 0; box < problem.boxes; box += 2) {
      const int64_t count = std::min<int64_t>(2, problem.boxes - box);
      std::vector<Accumulator> parts(count, Accumulator(k, problem.tokens));
      for (int64_t i = 0; i < count; ++i)
        issue(parts[i], current, box + i, 1, /*accumulate=*/false);
      SmallVector<BoxScales> scales; // read while the products are under way, if there are registers for them
      for (int64_t i = 0; i < count; ++i)
        scales.push_back(readScales(current, box + i, inSecond));
      for (int64_t i = 0; i < count; ++i) {
        parts[i].wait(count - 1 - i);
        promote(sum, parts[i], scales[i]);
      }
    }
    pipeline.release(current);
    Values next = pipeline.advance(current).values();
    llvm::append_range(next, sum.values());
    return next;
  });
  acc.assign(ValueRange(last).drop_front(2));
}

// --- the result
// --------------------------------------------------------------------------------------------------------------

void StreamBody::consume(const StreamTile &tile) {
  k.role(warp, 0, 4 * problem.consumers(), [&] {
    gridDependencyWait(k); // D may still be read
    Accumulator acc(k, problem.tokens);
    problem.scaled ? multiplyScaled(acc, tile) : multiply(acc);
    namedBarrier(k, kConsumerBarrier, 128 * problem.consumers()); // all stages have been read
    stage(acc);
    if (problem.split > 1)
      return; // run() goes on
    namedBarrier(k, kConsumerBarrier, 128 * problem.consumers());
    store(tile);
  });
}

/// The accumulator to shared memory: rows are tokens.
void StreamBody::stage(Accumulator &acc) {
  const int64_t pitch = problem.pitch();
  for (int64_t i = 0; i < acc.size(); ++i) {
    Value feature = k.add(k.mul(consumer, 64), acc.row(i / 2 % 2));
    storeShared(k, acc[i], arena.at(offsetA, k.mul(k.add(k.mul(acc.column(i), pitch), feature), 4)));
  }
}

void StreamBody::store(const StreamTile &tile) {
  auto joined = [&] { storeColumns(tile, problem.d, pointerD, /*joined=*/problem.epilogue != nullptr); };
  if (!tile.plain)
    return joined();
  k.when(tile.plain, [&] { storeColumns(tile, problem.plain, pointerPlain, /*joined=*/false); }, joined);
}

/// The tile of `d`: its sums, or what the epilogue makes of them.
void StreamBody::storeColumns(const StreamTile &tile, const DeviceView &d, Value pointer, bool joined) {
  const int64_t bytes = d.elementBytes(), pitch = problem.pitch(), n = d.sizes.back();
  bool aligned = n % 4 == 0 && d.alignment(4 * bytes) == 4 * bytes;
  for (int64_t stride : llvm::drop_end(d.strides))
    aligned &= stride % 4 == 0;
  const int64_t ofTile = joined ? problem.runRows() : problem.features; // columns
  const int64_t width = aligned ? 4 : 1, perToken = ofTile / width;
  Value rows = k.minS(k.sub(tile.rowEnd, tile.row), problem.tokens);
  const int64_t threads = 128 * problem.consumers();
  Value start = rank ? k.add(k.mul(rank, threads), thread) : thread;
  k.loop(start, k.mul(rows, perToken), problem.split * threads, [&](Value i) {
    Value token = k.divU(i, perToken), feature = k.mul(k.remU(i, perToken), width);
    Value column = k.add(tile.column, feature);
    auto sumsOf = [&](int64_t run) {
      Value address = arena.at(offsetA + 4 * run * problem.runRows(), k.mul(k.add(k.mul(token, pitch), feature), 4));
      Type type = width == 1 ? k.f32Ty : Type(k.vec(4, k.f32Ty));
      Values sums;
      for (int64_t part = 0; part < problem.split; ++part) {
        Value loaded =
            rank ? loadCluster(k, type, clusterAddress(k, address, k.i32(part))) : loadShared(k, type, address);
        Values values = width == 1 ? Values{loaded} : k.elements(loaded);
        for (int64_t i = 0; i < width; ++i)
          part ? sums[i] = k.fadd(sums[i], values[i]) : sums.emplace_back(values[i]);
      }
      return sums;
    };
    auto one = [&] {
      Values results = sumsOf(0);
      if (joined) {
        SmallVector<Values> runs = {results};
        for (int64_t run = 1; run < problem.parts(); ++run)
          runs.push_back(sumsOf(run));
        for (int64_t i = 0; i < width; ++i) {
          Values sums;
          for (const Values &run : runs)
            sums.push_back(run[i]);
          results[i] = emitEpilogue(k, *problem.epilogue, sums);
        }
      }
      Value element = k.add(k.mul(k.zext(k.add(tile.row, token), k.i64Ty), d.strides[0]), k.zext(column, k.i64Ty));
      if (problem.batched())
        element = k.add(element, k.mul(k.zext(tile.batch, k.i64Ty), d.strides[1]));
      Value target = k.gep(pointer, k.mul(element, bytes));
      if (width == 1)
        return storeGlobal(k, fromF32(k, results[0], d.element), target);
      if (d.element.isF32())
        return storeGlobal(k, k.vector(results), target);
      storeGlobal(k, k.vector({packBf16(k, results[0], results[1]), packBf16(k, results[2], results[3])}), target);
    };
    n % ofTile == 0 ? one() : k.when(k.ltU(column, n), one);
  });
}
