// Multi-head attention of a chunk of tokens over expanded keys and values, with tensor cores through mma.sync.
//
// A CTA takes M query tokens of one sequence and one head; each of its M / 16 warps holds sixteen of them, so the
// softmax of a row stays inside a warp. Keys arrive in tiles of N: K rows are [expanded key of the head | rotated key
// shared by all heads].
//
// Shared memory: `stages` pairs of tiles, K (N x (dn + dr)) and V (N x dv); the M query rows.
// Registers: the query fragments (while they fit), the output (16 x dv f32), the scores (16 x N f32).
//
// Order, for tile i in stage i % stages: wait for own copies of tile i; barrier (tile i has landed for all; all have
// finished reading tile i - 1); start copies of tile i + stages - 1 into the stage of tile i - 1; scores; mask where
// the tile reaches past a row's position; softmax; output. Every thread commits one group of copies for each tile,
// empty past the end.
//
// Keys past the CTA's last visible position are filled with zeros, not read: their rows of `kv` are undefined.
#include "lowering/hopper/MlaPrefill.h"
#include "dialects/kernel/MlaPrefillTiling.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Mma.h"
#include "lowering/hopper/blocks/OnlineSoftmax.h"
#include "lowering/hopper/blocks/PaddedTile.h"
#include "lowering/hopper/blocks/SmemArena.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t kBf16Bytes = 2;
constexpr int64_t kMaxValueColumns = 128;  // of a CTA: 64 registers of output
constexpr int64_t kMaxQueryRegisters = 48; // more are read from shared memory for every tile

struct PrefillPlan : PrefillProblem {
  int64_t rows, keys, stages;       // the schedule: M, N
  int64_t valueParts, valueColumns; // the output's columns in equal, possibly overlapping parts
  PaddedTile query, key, values;

  int64_t warps() const { return rows / 16; }
  int64_t threads() const { return warps() * 32; }
  int64_t rowTiles() const { return llvm::divideCeil(tokensOfSequence(), rows); }
  int64_t depthSteps() const { return query.columns / 16; }
  bool queryInRegisters() const { return 4 * depthSteps() <= kMaxQueryRegisters; }
  int64_t stageBytes() const { return key.bytes() + values.bytes(); }
  int64_t sharedBytes() const { return query.bytes() + stages * stageBytes(); }
};

LogicalResult planShape(kernel::MlaPrefillOp op, PrefillPlan &plan) {
  SmallVector<DeviceView> views;
  for (Value operand : op->getOperands()) {
    FailureOr<DeviceView> view = getDeviceView(operand);
    if (failed(view))
      return failure();
    views.push_back(*view);
  }
  for (const DeviceView &view : ArrayRef(views).take_front(4))
    if (!view.element.isBF16() || view.strides.back() != 1)
      return op.emitError(
                 "the sm_90a kernel takes bf16 queries, keys and values with contiguous rows, got element type ")
             << view.element << ", stride " << view.strides.back();
  if (!views[4].isContiguous())
    return op.emitError("positions must be contiguous");
  plan.qNope = views[0], plan.qRope = views[1], plan.kv = views[2], plan.kRope = views[3];
  plan.tokens = plan.qNope.sizes[0], plan.heads = plan.qNope.sizes[1], plan.nope = plan.qNope.sizes[2],
  plan.rope = plan.qRope.sizes[2];
  plan.value = plan.kv.sizes[2] - plan.nope;
  plan.sequences = op.getSequences(), plan.context = plan.kv.sizes[0] / plan.sequences;
  FailureOr<DeviceView> result = getDeviceView(op.getResult());
  if (failed(result))
    return failure();
  plan.result = *result;
  plan.scale = op.getScale().convertToDouble();
  if (plan.scale <= 0)
    return op.emitError("scale must be positive, got ") << plan.scale;
  return success();
}

/// A schedule with a producer warpgroup beside the rows' warps.
bool isForWarpgroups(kernel::MlaPrefillOp op) {
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  return schedule && schedule.getTile().size() >= 2 &&
         schedule.getWarps() == kernel::MlaPrefillTiling::warpsFor(schedule.getTile()[0]);
}

/// What the schedule says, or values that fit any shape.
LogicalResult planSchedule(kernel::MlaPrefillOp op, PrefillPlan &plan) {
  kernel::ScheduleAttr schedule = op.getScheduleAttr();
  ArrayRef<int64_t> tile = schedule ? schedule.getTile() : ArrayRef<int64_t>();
  plan.rows =
      tile.size() > 0 ? tile[0] : std::min<int64_t>(64, llvm::alignTo(llvm::PowerOf2Ceil(plan.tokensOfSequence()), 16));
  plan.keys = tile.size() > 1 ? tile[1] : 64;
  plan.stages = schedule ? schedule.getStages() : 2;
  plan.valueParts = llvm::divideCeil(plan.value, kMaxValueColumns);
  plan.valueColumns = llvm::divideCeil(plan.value, plan.valueParts);
  auto layOut = [&] {
    plan.query = PaddedTile(plan.rows, plan.nope + plan.rope);
    plan.key = PaddedTile(plan.keys, plan.nope + plan.rope);
    plan.values = PaddedTile(plan.keys, plan.valueColumns);
    return plan.sharedBytes() <= SmemArena::kMaxBytes;
  };
  while (!layOut() && !schedule && plan.keys > 16)
    plan.keys /= 2;
  while (!layOut() && !schedule && plan.rows > 16)
    plan.rows /= 2;
  if (!llvm::is_contained({16, 32, 64, 128}, plan.rows) || !llvm::is_contained({16, 32, 64}, plan.keys) ||
      plan.stages < 2)
    return op.emitError(
               "schedule: expected 16, 32, 64 or 128 rows, 16, 32 or 64 keys and at least 2 stages, got tile [")
           << plan.rows << ", " << plan.keys << "] and " << plan.stages << " stages";
  if (!layOut())
    return op.emitError("schedule: needs ")
           << plan.sharedBytes() << " bytes of shared memory, " << SmemArena::kMaxBytes << " fit";
  return success();
}

struct Operands {
  Value qNope, qRope, kv, kRope, positions, result;
};
struct Coordinates {
  Value sequence, rowTile, head, valuePart;
};

/// The task of a CTA. Knows no grid: the scheduler gives coordinates.
class PrefillBody {
public:
  PrefillBody(KernelBuilder &k, const PrefillPlan &plan, const Operands &operands, SmemArena &arena)
      : k(k), plan(plan), operands(operands), query(arena.at(arena.allocate(plan.query.bytes()))),
        stages(arena.at(arena.allocate(plan.stages * plan.stageBytes()))), thread(k.threadIndex()), lane(k.laneIndex()),
        warp(k.warpIndex()) {}

  void clearPadding();
  void run(const Coordinates &coordinates);

private:
  Value limitOf(Value tileRow);
  void findLimits();
  void loadQuery();
  void loadTile(Value tile, Value stage);
  Value queryPointer();
  Values queryFragment(Value pointer, int64_t step);
  Values computeScores(Value stage);
  Values mask(ValueRange scores, Value tile);
  void addValues(MutableArrayRef<Value> accumulators, ArrayRef<Value> probabilities, Value stage);
  void store(ArrayRef<Value> accumulators, const SoftmaxRows &softmax);

  Value keyPointer(Value stage) { return k.gep(stages, k.mul(stage, plan.stageBytes())); }
  Value valuePointer(Value stage) { return k.gep(keyPointer(stage), plan.key.bytes()); }
  Value laneRow() { return k.shrU(lane, 2); }
  Value laneColumn() { return k.shl(k.bitAnd(lane, 3), 1); }
  int64_t valueGroups() const { return plan.values.columns / 8; }
  /// First token of the sequence, and first column of the output, as i64.
  Value firstToken() { return k.mul(k.zext(task.sequence, k.i64Ty), plan.tokensOfSequence()); }
  Value firstColumn() {
    return k.zext(k.minU(k.mul(task.valuePart, plan.valueColumns), plan.value - plan.valueColumns), k.i64Ty);
  }

  KernelBuilder &k;
  const PrefillPlan &plan;
  Operands operands;
  Value query, stages, thread, lane, warp;
  Coordinates task;
  Value firstRow;                // of the CTA among the tokens of the sequence
  Value count;                   // keys that some row of the CTA sees
  std::array<Value, 2> limits;   // last visible position of the lane's rows
  Value clear;                   // keys that all rows of the warp see
  SmallVector<Values> fragments; // of the query, if in registers
};

void PrefillBody::clearPadding() {
  zeroColumns(k, plan.query, query, plan.nope + plan.rope, thread, plan.threads());
  for (int64_t stage = 0; stage < plan.stages; ++stage) {
    zeroColumns(k, plan.key, keyPointer(k.i32(stage)), plan.nope + plan.rope, thread, plan.threads());
    zeroColumns(k, plan.values, valuePointer(k.i32(stage)), plan.valueColumns, thread, plan.threads());
  }
}

/// The last position that a row of the CTA sees, -1 for a row past the sequence's tokens.
Value PrefillBody::limitOf(Value tileRow) {
  Value row = k.add(firstRow, tileRow), known = k.minU(row, plan.tokensOfSequence() - 1);
  Value index = k.add(firstToken(), k.zext(known, k.i64Ty));
  Value position = loadGlobal(k, k.i32Ty, k.gep(operands.positions, k.mul(index, 4)));
  return k.select(k.eq(row, known), k.minS(position, plan.context - 1), k.i32(-1)); // never read past kv
}

void PrefillBody::findLimits() {
  Value last = k.i32(-1);
  for (int64_t row = 0; row < plan.rows; row += 32)
    last = k.maxS(last, limitOf(k.minU(k.add(lane, row), plan.rows - 1)));
  count = k.uniform(k.add(warpMax(k, last), 1)); // every warp looked at all rows
  for (int64_t half = 0; half < 2; ++half)
    limits[half] = limitOf(k.add(k.add(k.mul(warp, 16), laneRow()), 8 * half));
  Value least = k.minS(limits[0], limits[1]);
  least = warpReduce(k, least, [&](Value a, Value b) { return k.minS(a, b); });
  clear = k.uniform(k.add(least, 1));
}

void PrefillBody::loadQuery() {
  auto load = [&](const DeviceView &view, Value base, int64_t column) {
    int64_t bytes = view.sizes[2] * kBf16Bytes, tokenBytes = view.strides[0] * kBf16Bytes,
            headBytes = view.strides[1] * kBf16Bytes;
    RowCopy copy{plan.rows, bytes, copyUnit({bytes, tokenBytes, headBytes, view.alignment(), column * kBf16Bytes}),
                 plan.threads()};
    Value first = k.add(firstToken(), k.zext(firstRow, k.i64Ty));
    Value source = k.gep(k.gep(base, k.mul(first, tokenBytes)), k.mul(k.zext(task.head, k.i64Ty), headBytes));
    Value left = k.sub(k.i32(plan.tokensOfSequence()), firstRow);
    copy.strided(k, thread, k.gep(query, column * kBf16Bytes), plan.query.pitch, source, tokenBytes,
                 [&](Value row) { return k.ltS(row, left); });
  };
  load(plan.qNope, operands.qNope, 0);
  load(plan.qRope, operands.qRope, plan.nope);
}

void PrefillBody::loadTile(Value tile, Value stage) {
  Value firstKey = k.mul(tile, plan.keys), left = k.sub(count, firstKey);
  Value firstRecord = k.add(k.mul(k.zext(task.sequence, k.i64Ty), plan.context), k.zext(firstKey, k.i64Ty));
  auto valid = [&](Value row) { return k.ltS(row, left); };
  auto load = [&](Value target, int64_t pitch, Value source, int64_t rowBytes, int64_t sourcePitch, int64_t unit) {
    RowCopy{plan.keys, rowBytes, unit, plan.threads()}.strided(k, thread, target, pitch, source, sourcePitch, valid);
  };
  int64_t rowBytes = plan.kv.strides[0] * kBf16Bytes, headBytes = plan.kv.strides[1] * kBf16Bytes,
          nopeBytes = plan.nope * kBf16Bytes;
  int64_t valueBytes = plan.valueColumns * kBf16Bytes, ropeBytes = plan.rope * kBf16Bytes,
          ropePitch = plan.kRope.strides[0] * kBf16Bytes;
  Value row = k.gep(k.gep(operands.kv, k.mul(firstRecord, rowBytes)), k.mul(k.zext(task.head, k.i64Ty), headBytes));
  load(keyPointer(stage), plan.key.pitch, row, nopeBytes, rowBytes,
       copyUnit({nopeBytes, rowBytes, headBytes, plan.kv.alignment()}));
  load(k.gep(keyPointer(stage), nopeBytes), plan.key.pitch, k.gep(operands.kRope, k.mul(firstRecord, ropePitch)),
       ropeBytes, ropePitch, copyUnit({ropeBytes, ropePitch, nopeBytes, plan.kRope.alignment()}));
  int64_t lastPart = (plan.value - plan.valueColumns) * kBf16Bytes; // where the last part of the columns starts
  load(valuePointer(stage), plan.values.pitch, k.gep(k.gep(row, nopeBytes), k.mul(firstColumn(), kBf16Bytes)),
       valueBytes, rowBytes, copyUnit({valueBytes, lastPart, nopeBytes, rowBytes, headBytes, plan.kv.alignment()}));
}

Value PrefillBody::queryPointer() {
  return squarePointer(k, plan.query, k.gep(query, k.mul(warp, plan.query.offset(16, 0))));
}

Values PrefillBody::queryFragment(Value pointer, int64_t step) {
  return loadMatrix(k, k.gep(pointer, plan.query.offset(0, 16 * step)), 4);
}

/// Scores of the warp's sixteen rows: D fragments of each eight keys.
Values PrefillBody::computeScores(Value stage) {
  Values scores(plan.keys / 2, k.f32(0));
  Value keys = pairPointer(k, plan.key, keyPointer(stage)), own;
  if (!plan.queryInRegisters())
    own = pinnedPointer(k, queryPointer());
  for (int64_t step = 0; step < plan.depthSteps(); ++step) {
    Values rows = plan.queryInRegisters() ? fragments[step] : queryFragment(own, step);
    for (int64_t pair = 0; pair < plan.keys / 16; ++pair) {
      Values columns = loadMatrix(k, k.gep(keys, plan.key.offset(16 * pair, 16 * step)), 4);
      for (int64_t group = 0; group < 2; ++group) {
        MutableArrayRef<Value> sum = MutableArrayRef<Value>(scores).slice(8 * pair + 4 * group, 4);
        Values next =
            mma16816(k, k.bf16Ty, rows, {columns[2 * group], columns[2 * group + 1]}, ValueRange(ArrayRef<Value>(sum)));
        llvm::copy(next, sum.begin());
      }
    }
  }
  return scores;
}

/// -inf where a row may not look; nothing to do for tiles that all rows of the warp see whole.
Values PrefillBody::mask(ValueRange scores, Value tile) {
  Value firstKey = k.mul(tile, plan.keys);
  return k.whenElse(
      k.gtS(k.add(firstKey, plan.keys), clear), scores.getTypes(),
      [&] {
        Value hidden = k.f32(-std::numeric_limits<double>::infinity());
        Values masked;
        for (auto [i, score] : llvm::enumerate(scores)) {
          Value visible =
              k.sub(limits[i / 2 % 2], k.add(firstKey, laneColumn())); // keys 8 * group + 0, 1 up to this one
          masked.push_back(k.select(k.geS(visible, i / 4 * 8 + i % 2), score, hidden));
        }
        return masked;
      },
      [&] { return Values(scores.begin(), scores.end()); });
}

void PrefillBody::addValues(MutableArrayRef<Value> accumulators, ArrayRef<Value> probabilities, Value stage) {
  Value pointer = squarePointer(k, plan.values, valuePointer(stage));
  for (int64_t step = 0; step < plan.keys / 16; ++step)
    for (int64_t pair = 0; pair < valueGroups() / 2; ++pair) {
      Values values = loadMatrix(k, k.gep(pointer, plan.values.offset(16 * step, 16 * pair)), 4, /*transposed=*/true);
      for (int64_t group = 0; group < 2; ++group) {
        MutableArrayRef<Value> sum = accumulators.slice(8 * pair + 4 * group, 4);
        Values next = mma16816(k, k.bf16Ty, probabilities.slice(4 * step, 4),
                               {values[2 * group], values[2 * group + 1]}, ValueRange(ArrayRef<Value>(sum)));
        llvm::copy(next, sum.begin());
      }
    }
}

void PrefillBody::run(const Coordinates &coordinates) {
  task = coordinates;
  firstRow = k.mul(task.rowTile, plan.rows);
  findLimits();
  Value end = k.ceilDivU(count, plan.keys);
  loadQuery();
  cpAsyncCommit(k);
  for (int64_t stage = 0; stage < plan.stages - 1; ++stage) {
    k.when(k.gtS(end, stage), [&] { loadTile(k.i32(stage), k.i32(stage)); });
    cpAsyncCommit(k);
  }
  if (plan.queryInRegisters()) {
    cpAsyncWait(k, plan.stages - 1);
    syncThreads(k); // the query has landed for all
    Value pointer = queryPointer();
    for (int64_t step = 0; step < plan.depthSteps(); ++step)
      fragments.push_back(queryFragment(pointer, step));
  }

  int64_t outputs = 4 * valueGroups();
  Values state(outputs, k.f32(0));
  state.append(SoftmaxRows::start(k).values());
  state.push_back(k.i32(0));                            // stage
  Value scale = k.f32(plan.scale * 1.4426950408889634); // log2 e: exponentials are base 2

  state = k.loop(k.i32(0), end, 1, state, [&](Value tile, ValueRange values) -> Values {
    Value stage = values.back();
    cpAsyncWait(k, plan.stages - 2);
    syncThreads(k);
    Value nextTile = k.add(tile, plan.stages - 1);
    Value freeStage = k.select(k.eq(stage, 0), k.i32(plan.stages - 1), k.sub(stage, 1));
    k.when(k.ltS(nextTile, end), [&] { loadTile(nextTile, freeStage); });
    cpAsyncCommit(k);

    SoftmaxRows softmax(values.slice(outputs, SoftmaxRows::kValues));
    std::array<Value, 2> rescale;
    Values probabilities = softmax.add(k, mask(computeScores(stage), tile), scale, rescale);
    Values next;
    for (int64_t i = 0; i < outputs; ++i)
      next.push_back(k.fmul(values[i], rescale[i / 2 % 2]));
    addValues(next, probabilities, stage);
    next.append(softmax.values());
    Value advanced = k.add(stage, 1);
    next.push_back(k.select(k.eq(advanced, plan.stages), k.i32(0), advanced));
    return next;
  });
  cpAsyncWait(k, 0);
  gridDependencyTrigger(k);

  SoftmaxRows softmax(ValueRange(state).slice(outputs, SoftmaxRows::kValues));
  softmax.finish(k);
  store(ArrayRef<Value>(state).take_front(outputs), softmax);
}

void PrefillBody::store(ArrayRef<Value> accumulators, const SoftmaxRows &softmax) {
  bool pairs = plan.value % 2 == 0 && plan.valueColumns % 2 == 0; // else no pair is aligned
  for (int64_t half = 0; half < 2; ++half) {
    Value row = k.add(firstRow, k.add(k.add(k.mul(warp, 16), laneRow()), 8 * half));
    Value inverse = softmax.inverse(k, half);
    k.when(k.ltU(row, plan.tokensOfSequence()), [&] {
      Value global = k.add(k.mul(k.add(firstToken(), k.zext(row, k.i64Ty)), plan.heads), k.zext(task.head, k.i64Ty));
      Value column = k.add(firstColumn(), k.zext(laneColumn(), k.i64Ty));
      Value target = k.gep(operands.result, k.mul(k.add(k.mul(global, plan.value), column), kBf16Bytes));
      for (int64_t group = 0; group < valueGroups(); ++group) {
        Value low = k.fmul(accumulators[4 * group + 2 * half], inverse),
              high = k.fmul(accumulators[4 * group + 2 * half + 1], inverse);
        Value pointer = k.gep(target, 8 * group * kBf16Bytes);
        auto fits = [&](int64_t i, llvm::function_ref<void()> body) {
          if (8 * group + 8 <= plan.valueColumns)
            return body();
          k.when(k.ltS(laneColumn(), plan.valueColumns - 8 * group - i), body); // the bound may be negative
        };
        if (pairs) {
          fits(0, [&] { storeGlobal(k, packBf16(k, low, high), pointer); });
          continue;
        }
        fits(0, [&] { storeGlobal(k, fromF32(k, low, k.bf16Ty), pointer); });
        fits(1, [&] { storeGlobal(k, fromF32(k, high, k.bf16Ty), k.gep(pointer, kBf16Bytes)); });
      }
    });
  }
}

} // namespace

FailureOr<LaunchPlan> hopper::buildMlaPrefill(Operation *op, KernelBuilder &k) {
  auto prefill = cast<kernel::MlaPrefillOp>(op);
  PrefillPlan plan;
  if (failed(planShape(prefill, plan)))
    return failure();
  if (isForWarpgroups(prefill))
    return buildMlaPrefillWgmma(prefill, plan, k);
  if (failed(planSchedule(prefill, plan)))
    return failure();

  LaunchPlan launch;
  Operands operands{
      pointerParameter(k, launch, prefill.getQNope()),     pointerParameter(k, launch, prefill.getQRope()),
      pointerParameter(k, launch, prefill.getKv()),        pointerParameter(k, launch, prefill.getKRope()),
      pointerParameter(k, launch, prefill.getPositions()), pointerParameter(k, launch, prefill.getResult())};
  SmemArena arena(k);
  PrefillBody body(k, plan, operands, arena);
  body.clearPadding();
  gridDependencyWait(k);
  // One task for each CTA, the tiles of late tokens first: they see the most keys. Tiles of one head are neighbours.
  Value rowTile = k.sub(k.i32(plan.rowTiles() - 1), k.blockIndex());
  body.run(
      {k.blockIndex(2), rowTile, k.divU(k.blockIndex(1), plan.valueParts), k.remU(k.blockIndex(1), plan.valueParts)});

  launch.grid = {plan.rowTiles(), plan.heads * plan.valueParts, plan.sequences};
  launch.threads = plan.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
