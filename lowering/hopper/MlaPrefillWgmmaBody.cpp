// Multi-head attention of a chunk of tokens over expanded keys and values, with wgmma.
//
// A CTA takes M query tokens of one sequence and one head. Warps: warpgroup 0 produces (one thread issues TMA),
// warpgroups 1.. each attend for 64 of the rows. Keys arrive in tiles of N, aligned to the END of what the CTA sees and
// taken from there downwards: the diagonal is one tile, no row of `kv` past it is read (it is undefined), and rows
// below position 0 are zeros from TMA.
//
// Shared memory, all tiles as 128-byte rows with the 128-byte swizzle, a box of 64 columns after another: for each
// consumer its 64 query rows [nope | rope]; a ring of `stages` key tiles [expanded | rotated]; a ring of `stages` value
// tiles. Barriers: query, keys and values, each full <- the producer's arrival and its bytes, empty <- one arrival of
// each consumer warp.
// Registers of a consumer: output 64 x dv f32, scores 64 x N f32, probabilities 64 x N bf16 as A operand.
//
// With `split` CTAs to a task, each takes a part of the key tiles. A part ends with its consumers writing output,
// maxima and sums to the memory of the key tiles; then each CTA of the cluster joins a share of the rows of all of
// them.
//
// Order of a consumer, for tile j: issue scores of tile j, then output += P V of tile j - 1; wait for the scores; mask
// where the tile reaches past a row's position; softmax, under which the output's products run; wait for the output;
// rescale it; pack P. Two consumers run out of step by themselves: turns by named barriers gave nothing.
#include "lowering/hopper/MlaPrefillWgmmaBody.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;
using mlir::deepseek::kernel::MlaPrefillTiling;

static constexpr int64_t kElementBytes = MlaPrefillTiling::kElementBytes, kRowBytes = MlaPrefillTiling::kRowBytes,
                         kBoxColumns = MlaPrefillTiling::kBoxColumns, kGroupRows = MlaPrefillTiling::kGroupRows,
                         kStep = MlaPrefillTiling::kStep;
// Three warpgroups share 65536 registers: 128 * 40 + 256 * 232.
static constexpr int64_t kProducerRegisters = 40, kConsumerRegisters = 232;
static constexpr int64_t kConsumersBarrier = 1; // named
static int64_t boxesOf(int64_t columns) { return MlaPrefillTiling::boxesOf(columns); }

/// The tensor map of [row][head][column] of each sequence: boxes of 64 columns of one head.
static TensorMapShape headsMap(const DeviceView &view, int64_t columns, int64_t sequences, int64_t boxRows) {
  int64_t rows = view.sizes[0] / sequences, rowBytes = view.strides[0] * kElementBytes;
  return {view.element,
          {columns, view.sizes[1], rows, sequences},
          {view.strides[1] * kElementBytes, rowBytes, rows * rowBytes},
          {kBoxColumns, 1, boxRows, 1},
          kRowBytes};
}

static TensorMapShape rowsMap(const DeviceView &view, int64_t sequences, int64_t boxRows) {
  int64_t rows = view.sizes[0] / sequences, rowBytes = view.strides[0] * kElementBytes;
  return {view.element,
          {view.sizes[1], rows, sequences},
          {rowBytes, rows * rowBytes},
          {kBoxColumns, boxRows, 1},
          kRowBytes};
}

std::string hopper::whyNotPrefillWgmma(const PrefillWgmmaPlan &plan) {
  const PrefillProblem &p = plan.problem;
  if (!plan.isKnown())
    return llvm::formatv("no wgmma form for {0} rows, {1} keys, {2} stages and heads of {3} + {4} and {5} elements: "
                         "expected 64 or 128 rows, 16 to 256 keys, 2 to 8 stages, all sizes multiples of 16, at most "
                         "256 values",
                         plan.rows, plan.keys, plan.stages, p.nope, p.rope, p.value);
  if (plan.sharedBytes() > SmemArena::kMaxBytes)
    return llvm::formatv("needs {0} bytes of shared memory, {1} fit", plan.sharedBytes(), SmemArena::kMaxBytes);
  if (!plan.splits(plan.split))
    return llvm::formatv("{0} parts of the keys, expected 1, 2, 4 or 8 whose {1} bytes of results fit the {2} of the "
                         "key tiles",
                         plan.split, plan.exchangeBytes(), plan.stages * plan.keyBytes());
  for (auto [view, name] : {std::pair(&p.qNope, "queries"), std::pair(&p.qRope, "rotated queries"),
                            std::pair(&p.kv, "keys and values"), std::pair(&p.result, "the result")})
    if (std::string why = whyNotTma(headsMap(*view, view->sizes[2], p.sequences, 1), view->byteOffset); !why.empty())
      return std::string(name) + ": " + why;
  if (std::string why = whyNotTma(rowsMap(p.kRope, p.sequences, 1), p.kRope.byteOffset); !why.empty())
    return "rotated keys: " + why;
  return "";
}

PrefillWgmmaBody::PrefillWgmmaBody(KernelBuilder &k, LaunchPlan &launch, kernel::MlaPrefillOp op, SmemArena &arena,
                                   const PrefillWgmmaPlan &plan)
    : k(k), plan(plan), problem(plan.problem), arena(arena),
      offsetQuery(arena.allocate(plan.consumers() * plan.queryBytes(), SmemArena::kSwizzleAlignment)),
      offsetKeys(arena.allocate(plan.stages * plan.keyBytes(), SmemArena::kSwizzleAlignment)),
      offsetValues(arena.allocate(plan.stages * plan.valueBytes(), SmemArena::kSwizzleAlignment)),
      queryPipe(k, arena, "query", 1, 1, 4 * plan.consumers()),
      keyPipe(k, arena, "keys", plan.stages, 1, 4 * plan.consumers()),
      valuePipe(k, arena, "values", plan.stages, 1, 4 * plan.consumers()),
      exchange(k, arena, offsetKeys, plan.rows, problem.value, plan.split), warp(k.warpIndex()), lane(k.laneIndex()),
      consumer(k.sub(k.shrU(warp, 2), 1)) {
  int64_t s = problem.sequences;
  mapQNope = tensorMapParameter(k, launch, op.getQNope(), headsMap(problem.qNope, problem.nope, s, kGroupRows));
  mapQRope = tensorMapParameter(k, launch, op.getQRope(), headsMap(problem.qRope, problem.rope, s, kGroupRows));
  mapKeys = tensorMapParameter(k, launch, op.getKv(), headsMap(problem.kv, problem.nope, s, plan.keys));
  mapRope = tensorMapParameter(k, launch, op.getKRope(), rowsMap(problem.kRope, s, plan.keys));
  mapValues = tensorMapParameter(k, launch, op.getKv(), headsMap(problem.kv, problem.value, s, plan.keys),
                                 problem.nope * kElementBytes);
  positions = pointerParameter(k, launch, op.getPositions());
  result = pointerParameter(k, launch, op.getResult());
}

void PrefillWgmmaBody::init() {
  for (Value map : {mapQNope, mapQRope, mapKeys, mapRope, mapValues})
    prefetchTensorMap(k, map);
  queryPipe.init();
  keyPipe.init();
  valuePipe.init();
}

// --- tasks
// --------------------------------------------------------------------------------------------------------------------

/// Groups of heads whose keys fit the cache together; in a group the late tokens of all heads first: they see the most
/// keys.
PrefillWgmmaBody::Task PrefillWgmmaBody::taskOf(Value linear) {
  int64_t group = std::min(plan.headGroup, plan.instances());
  Value index = k.divU(linear, group * plan.rowTiles()), inGroup = k.remU(linear, group * plan.rowTiles());
  Value first = k.mul(index, group), size = k.minU(k.sub(k.i32(plan.instances()), first), group);
  Value instance = k.add(first, k.remU(inGroup, size));
  Value rowTile = k.sub(k.i32(plan.rowTiles() - 1), k.divU(inGroup, size));
  return {k.divU(instance, problem.heads), rowTile, k.remU(instance, problem.heads)};
}

/// Keys that a row of the tile sees; all of them for a row past the sequence's tokens, which is not stored.
Value PrefillWgmmaBody::visibleOf(const Task &task, Value tileRow) {
  Value row = k.add(k.mul(task.rowTile, plan.rows), tileRow), known = k.minU(row, problem.tokensOfSequence() - 1);
  Value index = k.add(k.mul(k.zext(task.sequence, k.i64Ty), problem.tokensOfSequence()), k.zext(known, k.i64Ty));
  Value position = loadGlobal(k, k.i32Ty, k.gep(positions, k.mul(index, 4)));
  return k.select(k.eq(row, known), k.minS(k.add(position, 1), problem.context), k.i32(problem.context));
}

/// Keys that some row of the CTA sees.
Value PrefillWgmmaBody::countOf(const Task &task) {
  Value most = k.i32(0);
  Value rows = k.sub(k.i32(problem.tokensOfSequence()), k.mul(task.rowTile, plan.rows));
  for (int64_t row = 0; row < plan.rows; row += 32)
    most = k.maxS(most, visibleOf(task, k.minU(k.add(lane, row), k.sub(rows, 1))));
  return k.uniform(warpMax(k, most));
}

/// A part without tiles, as of a task without keys, is one tile before position 0: masked as a whole.
PrefillWgmmaBody::Part PrefillWgmmaBody::partOf(Value count) {
  Value tiles = k.ceilDivU(count, plan.keys), begin = k.i32(0), end = tiles;
  if (plan.split > 1) {
    Value rank = k.clusterRank();
    begin = k.divU(k.mul(rank, tiles), plan.split), end = k.divU(k.mul(k.add(rank, 1), tiles), plan.split);
  }
  Value first = k.sub(count, k.mul(k.add(begin, 1), plan.keys));
  return {k.select(k.eq(begin, end), k.i32(-plan.keys), first), k.maxU(k.sub(end, begin), 1)};
}

PrefillWgmmaBody::Limits PrefillWgmmaBody::limitsOf(const Task &task) {
  Limits limits;
  Value tileRow = ownRow();
  for (int64_t half = 0; half < 2; ++half)
    limits.visible[half] = visibleOf(task, k.add(tileRow, 8 * half));
  Value least = k.minS(limits.visible[0], limits.visible[1]);
  limits.clear = k.uniform(warpReduce(k, least, [&](Value a, Value b) { return k.minS(a, b); }));
  limits.count = countOf(task);
  return limits;
}

// --- producer
// -----------------------------------------------------------------------------------------------------------------

void PrefillWgmmaBody::loadQuery(const Task &task) {
  PipelineState state = queryPipe.start();
  queryPipe.acquire(state);
  queryPipe.commit(state, plan.consumers() * plan.queryBytes());
  for (int64_t group = 0; group < plan.consumers(); ++group) {
    Value row = k.add(k.mul(task.rowTile, plan.rows), group * kGroupRows);
    for (int64_t box = 0; box < plan.depthBoxes(); ++box) {
      bool rope = box >= boxesOf(problem.nope);
      int64_t column = (rope ? box - boxesOf(problem.nope) : box) * kBoxColumns;
      tmaLoad(k, arena.at(offsetQuery + group * plan.queryBytes() + box * kGroupRows * kRowBytes),
              rope ? mapQRope : mapQNope, {k.i32(column), task.head, row, task.sequence}, queryPipe.fullBarrier(state));
    }
  }
}

void PrefillWgmmaBody::loadKeys(const Task &task, Value firstKey, const PipelineState &state) {
  keyPipe.acquire(state);
  keyPipe.commit(state, plan.keyBytes());
  Value full = keyPipe.fullBarrier(state), stage = k.mul(state.stage, plan.keyBytes());
  for (int64_t box = 0; box < plan.depthBoxes(); ++box) {
    Value target = arena.at(offsetKeys + box * plan.keyBoxBytes(), stage);
    int64_t rotated = box - boxesOf(problem.nope);
    if (rotated < 0)
      tmaLoad(k, target, mapKeys, {k.i32(box * kBoxColumns), task.head, firstKey, task.sequence}, full);
    else
      tmaLoad(k, target, mapRope, {k.i32(rotated * kBoxColumns), firstKey, task.sequence}, full);
  }
}

void PrefillWgmmaBody::loadValues(const Task &task, Value firstKey, const PipelineState &state) {
  valuePipe.acquire(state);
  valuePipe.commit(state, plan.valueBytes());
  Value full = valuePipe.fullBarrier(state), stage = k.mul(state.stage, plan.valueBytes());
  for (int64_t box = 0; box < plan.valueBoxes(); ++box)
    tmaLoad(k, arena.at(offsetValues + box * plan.keyBoxBytes(), stage), mapValues,
            {k.i32(box * kBoxColumns), task.head, firstKey, task.sequence}, full);
}

/// Keys are a tile ahead of values, as the consumers are.
void PrefillWgmmaBody::load(const Task &task, Value count) {
  auto [first, tiles] = partOf(count);
  PipelineState keys = keyPipe.start(), values = valuePipe.start();
  loadKeys(task, first, keys);
  loadQuery(task);
  Values carried = keyPipe.advance(keys).values();
  carried.append(values.values());
  carried.push_back(first);
  carried = k.loop(k.i32(1), tiles, 1, carried, [&](Value, ValueRange state) -> Values {
    PipelineState keys(state), values(state.drop_front(2));
    Value previous = state[4], next = k.sub(previous, plan.keys);
    loadKeys(task, next, keys);
    loadValues(task, previous, values);
    Values advanced = keyPipe.advance(keys).values();
    advanced.append(valuePipe.advance(values).values());
    advanced.push_back(next);
    return advanced;
  });
  loadValues(task, carried[4], PipelineState(ValueRange(carried).drop_front(2)));
}

void PrefillWgmmaBody::produce() {
  k.role(warp, 0, 4, [&] {
    if (plan.consumers() == 2)
      decreaseRegisters(k, kProducerRegisters);
    k.role(warp, 0, 1, [&] { // the whole warp looks for the count
      Task task = ownTask();
      Value count = countOf(task);
      k.electedRole(warp, 0, [&] { load(task, count); });
      gridDependencyTrigger(k);
    });
  });
}

// --- consumer
// -----------------------------------------------------------------------------------------------------------------

/// Scores of the consumer's rows, asynchronous, one group.
Accumulator PrefillWgmmaBody::issueScores(const PipelineState &state) {
  Value query = wgmmaDescriptor(k, arena.at(offsetQuery, k.mul(consumer, plan.queryBytes())));
  Value keys = advanceDescriptor(k, wgmmaDescriptor(k, arena.at(offsetKeys)), k.mul(state.stage, plan.keyBytes()));
  Values pinned = pinRegisters(k, {query, keys}); // LLVM would hoist the query's descriptors, two registers each
  Accumulator scores(k, plan.keys);
  for (int64_t box = 0; box < plan.depthBoxes(); ++box) {
    int64_t rotated = box - boxesOf(problem.nope);
    int64_t left = rotated < 0 ? problem.nope - box * kBoxColumns : problem.rope - rotated * kBoxColumns;
    for (int64_t column = 0; column < std::min(left, kBoxColumns); column += kStep)
      scores.multiply(WgmmaType::BF16,
                      advanceDescriptor(k, pinned[0], box * kGroupRows * kRowBytes + column * kElementBytes),
                      advanceDescriptor(k, pinned[1], box * plan.keyBoxBytes() + column * kElementBytes),
                      /*accumulate=*/box + column > 0);
  }
  wgmmaCommit(k);
  return scores;
}

/// output += P V, asynchronous, one group.
void PrefillWgmmaBody::issueOutput(Accumulator &output, ArrayRef<Value> probabilities, const PipelineState &state) {
  Value values = wgmmaDescriptor(k, arena.at(offsetValues), /*leadingBytes=*/plan.keyBoxBytes(),
                                 /*strideBytes=*/8 * kRowBytes, /*swizzle=*/kRowBytes);
  values = pinRegisters(k, {advanceDescriptor(k, values, k.mul(state.stage, plan.valueBytes()))}).front();
  for (int64_t step = 0; step < plan.keys / kStep; ++step)
    output.multiplyRegisters(WgmmaType::BF16, probabilities.slice(4 * step, 4),
                             advanceDescriptor(k, values, step * kStep * kRowBytes), /*accumulate=*/true,
                             /*transposeB=*/true);
  wgmmaCommit(k);
}

/// -inf where a row may not look. Keys before position 0 are negative, so more than any count as unsigned numbers.
Values PrefillWgmmaBody::mask(ValueRange scores, Value firstKey, const Limits &limits) {
  Value needed = k.logicalOr(k.gtS(k.add(firstKey, plan.keys), limits.clear), k.ltS(firstKey, 0));
  return k.whenElse(
      needed, scores.getTypes(),
      [&] {
        Value hidden = k.f32(-std::numeric_limits<double>::infinity());
        Value own = k.add(firstKey, k.shl(k.bitAnd(lane, 3), 1));
        Values masked;
        for (auto [i, score] : llvm::enumerate(scores))
          masked.push_back(k.select(k.ltU(k.add(own, i / 4 * 8 + i % 2), limits.visible[i / 2 % 2]), score, hidden));
        return masked;
      },
      [&] { return Values(scores.begin(), scores.end()); });
}

void PrefillWgmmaBody::attend(const Task &task) {
  PipelineState keys = keyPipe.start(), values = valuePipe.start(), query = queryPipe.start();
  Limits limits = limitsOf(task);
  auto [first, tiles] = partOf(limits.count);
  Value scale = k.f32(problem.scale * 1.4426950408889634); // log2 e: exponentials are base 2

  queryPipe.wait(query);
  keyPipe.wait(keys);
  SoftmaxRows softmax = SoftmaxRows::start(k);
  std::array<Value, 2> rescale;
  wgmmaFence(k);
  Accumulator scores = issueScores(keys);
  scores.wait(0);
  keyPipe.release(keys);
  Values probabilities = softmax.add(k, mask(scores.values(), first, limits), scale, rescale);

  int64_t outputs = problem.value / 2, fragments = plan.keys / 4;
  Values carried(outputs, k.f32(0));
  carried.append(probabilities);
  carried.append(softmax.values());
  carried.append(keyPipe.advance(keys).values());
  carried.append(values.values());
  carried.push_back(first);
  carried = k.loop(k.i32(1), tiles, 1, carried, [&](Value, ValueRange state) -> Values {
    Accumulator output(k, problem.value, state.take_front(outputs));
    state = state.drop_front(outputs);
    Values probabilities(state.take_front(fragments));
    state = state.drop_front(fragments);
    SoftmaxRows softmax(state);
    PipelineState keys(state.drop_front(SoftmaxRows::kValues)), values(state.drop_front(SoftmaxRows::kValues + 2));
    Value firstKey = k.sub(state.back(), plan.keys);

    keyPipe.wait(keys);
    Values registers = output.values();
    registers.append(probabilities);
    registers = pinRegisters(k, registers);
    output.assign(ValueRange(registers).take_front(outputs));
    wgmmaFence(k);
    Accumulator scores = issueScores(keys);
    valuePipe.wait(values);
    wgmmaFence(k); // the loop of the wait came between
    issueOutput(output, ArrayRef<Value>(registers).drop_front(outputs), values);
    scores.wait(1);
    keyPipe.release(keys);
    std::array<Value, 2> rescale;
    Values next = softmax.add(k, mask(scores.values(), firstKey, limits), scale, rescale);
    output.wait(0);
    valuePipe.release(values);
    Values result;
    for (int64_t i = 0; i < outputs; ++i)
      result.push_back(k.fmul(output[i], rescale[i / 2 % 2]));
    result.append(next);
    result.append(softmax.values());
    result.append(keyPipe.advance(keys).values());
    result.append(valuePipe.advance(values).values());
    result.push_back(firstKey);
    return result;
  });
  queryPipe.release(query);

  ValueRange state(carried);
  Accumulator output(k, problem.value, state.take_front(outputs));
  state = state.drop_front(outputs);
  Values registers = output.values();
  registers.append(state.begin(), state.begin() + fragments);
  registers = pinRegisters(k, registers);
  output.assign(ValueRange(registers).take_front(outputs));
  state = state.drop_front(fragments);
  softmax = SoftmaxRows(state);
  values = PipelineState(state.drop_front(SoftmaxRows::kValues + 2));
  valuePipe.wait(values);
  wgmmaFence(k);
  issueOutput(output, ArrayRef<Value>(registers).drop_front(outputs), values);
  softmax.finish(k);
  output.wait(0);
  valuePipe.release(values);
  Values results = output.values();
  if (plan.split == 1)
    return store(task, results, softmax);
  namedBarrier(k, kConsumersBarrier, 128 * plan.consumers()); // nobody reads key tiles any more
  exchange.write(ownRow(), results, softmax);
}

/// Address of a row of the task's head; `row` among the sequence's tokens.
Value PrefillWgmmaBody::resultRow(const Task &task, Value row) {
  Value token = k.add(k.mul(k.zext(task.sequence, k.i64Ty), problem.tokensOfSequence()), k.zext(row, k.i64Ty));
  Value element =
      k.add(k.mul(token, problem.result.strides[0]), k.mul(k.zext(task.head, k.i64Ty), problem.result.strides[1]));
  return k.gep(result, k.mul(element, kElementBytes));
}

/// From registers, nothing waits for it. Neighbouring lanes exchange halves of two groups of eight columns, so that a
/// row's four lanes write 32 contiguous bytes.
void PrefillWgmmaBody::store(const Task &task, ArrayRef<Value> output, const SoftmaxRows &softmax) {
  Value odd = k.ne(k.bitAnd(lane, 1), 0), oddGroup = k.bitAnd(lane, 1);
  Value column = k.add(k.mul(oddGroup, 8), k.shl(k.bitAnd(lane, 2), 1));
  for (int64_t half = 0; half < 2; ++half) {
    Value inverse = softmax.inverse(k, half);
    Value row =
        k.add(k.mul(task.rowTile, plan.rows), k.add(k.add(k.mul(k.sub(warp, 4), 16), k.shrU(lane, 2)), 8 * half));
    Value target = k.gep(resultRow(task, row), k.mul(column, kElementBytes));
    Value inside = k.ltU(row, problem.tokensOfSequence());
    for (int64_t group = 0; group < problem.value / 8; group += 2) {
      auto pair = [&](int64_t i) {
        return packBf16(k, k.fmul(output[4 * i + 2 * half], inverse), k.fmul(output[4 * i + 2 * half + 1], inverse));
      };
      Value low = pair(group), high = pair(group + 1);
      Value other = shuffleXor(k, k.select(odd, low, high), 1);
      Value words = k.vector({k.select(odd, other, low), k.select(odd, high, other)});
      k.when(inside, [&] { storeGlobal(k, words, k.gep(target, group * 8 * kElementBytes)); });
    }
  }
}

// --- joining parts
// ------------------------------------------------------------------------------------------------------------

/// All warps of the cluster.
void PrefillWgmmaBody::joinParts() {
  if (plan.split == 1)
    return;
  clusterSync(k);
  k.role(warp, 4, 4 * plan.consumers(), [&] {
    Task task = ownTask();
    exchange.join(k.sub(k.threadIndex(), 128), 128 * plan.consumers(), [&](Value tileRow, Value column, Value words) {
      Value row = k.add(k.mul(task.rowTile, plan.rows), tileRow);
      k.when(k.ltU(row, problem.tokensOfSequence()),
             [&] { storeGlobal(k, words, k.gep(resultRow(task, row), k.mul(column, kElementBytes))); });
    });
  });
  clusterSync(k);
}

void PrefillWgmmaBody::consume() {
  k.role(warp, 4, 4 * plan.consumers(), [&] {
    if (plan.consumers() == 2)
      increaseRegisters(k, kConsumerRegisters);
    attend(ownTask());
  });
}
