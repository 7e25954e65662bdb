// kernel.row_fusion: any chain of row-wise work as one kernel, generated from its program.
//
// Threads. A row of up to 512 elements belongs to one warp, and a CTA has as many rows as warps; a wider row belongs to
// one CTA; where nothing is reduced, to several CTAs; and where much is loaded for few rows, to a cluster. A thread
// holds vectors of up to 8 neighbouring elements (RowProgram.h), loaded and stored with the widest access that
// alignment and strides allow. Order. Parameters are loaded, then gridDependencyWait, then the rows' own operands;
// reductions level by level (all whose operands are ready share one CTA barrier); at last the results, so that every
// load of a row that stays in registers comes before its stores. Rows too wide for registers are read again in a loop
// for each level and for the results: results must not overlap operands. Shared memory. The table of angle frequencies,
// and 4 bytes for each warp and reduction.
#include "lowering/hopper/RowProgram.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

/// One kind of store, for the natural accesses of a width. `emit` evaluates first, then stores.
struct RowStore {
  std::function<void(const Access &)> emit;
};

class RowKernel {
public:
  RowKernel(RowEvaluator &rows, SmemArena &arena) : rows(rows), k(rows.k), plan(rows.plan), op(rows.op), arena(arena) {}

  /// Loads operands that are, or are not, parameters; nothing if rows do not stay in registers.
  void prefetch(bool constant);
  void emit();

private:
  int64_t chunksHere(int64_t width) const { return std::min(plan.chunks(width), plan.chunksPerBlock); }
  void findLevels();
  void reduceLevel(int64_t level);
  Value reduceAccess(kernel::RowReduceOp reduce, const Access &access);
  void reduceLanes(ArrayRef<kernel::RowReduceOp> reductions, Values partials);
  void storeUniform(Value value, Value result);
  void addYield(Value value, Value result);
  void addCacheStore(kernel::RowCacheStoreOp store);
  void emitStores();

  RowEvaluator &rows;
  KernelBuilder &k;
  const RowPlan &plan;
  kernel::RowFusionOp op;
  SmemArena &arena;
  llvm::DenseMap<Value, int64_t> level; // reductions on the longest way to a value
  int64_t levels = 0;
  llvm::MapVector<int64_t, SmallVector<RowStore>> stores; // by width
};

} // namespace

void RowKernel::prefetch(bool constant) {
  if (plan.streamed)
    return;
  for (BlockArgument argument : streamedArguments(op))
    if (rows.view(argument).readOnly == constant)
      for (int64_t chunk = 0, e = chunksHere(rowWidth(argument)); chunk < e; ++chunk)
        rows.eval(argument, rows.naturalAccess(rowWidth(argument), chunk));
}

void RowKernel::findLevels() {
  for (Operation &inner : op.getBody().front()) {
    int64_t deepest = 0;
    for (Value operand : inner.getOperands())
      deepest = std::max(deepest, level.lookup(operand));
    if (isa<kernel::RowReduceOp>(inner))
      levels = std::max(levels, ++deepest);
    for (Value result : inner.getResults())
      level[result] = deepest;
  }
}

// --- reductions
// --------------------------------------------------------------------------------------------------------------

static Value combine(KernelBuilder &k, kernel::RowReduceKind kind, Value x, Value y) {
  return kind == kernel::RowReduceKind::Add ? k.fadd(x, y) : k.fmax(x, y);
}
static Value identity(KernelBuilder &k, kernel::RowReduceKind kind) {
  return k.f32(kind == kernel::RowReduceKind::Add ? 0.0 : -std::numeric_limits<double>::infinity());
}

/// The elements of one access combined pairwise.
Value RowKernel::reduceAccess(kernel::RowReduceOp reduce, const Access &access) {
  Values x = rows.eval(reduce.getX(), access).words;
  for (auto [index, element] : llvm::enumerate(x))
    if (Value valid = elementValid(k, access, index))
      element = k.select(valid, element, identity(k, reduce.getKind()));
  return reducePairwise(x, [&](Value a, Value b) { return combine(k, reduce.getKind(), a, b); });
}

void RowKernel::reduceLevel(int64_t theLevel) {
  llvm::MapVector<int64_t, SmallVector<kernel::RowReduceOp>> byWidth;
  for (auto reduce : op.getBody().getOps<kernel::RowReduceOp>())
    if (level.lookup(reduce) == theLevel)
      byWidth[rowWidth(reduce.getX())].push_back(reduce);
  SmallVector<kernel::RowReduceOp> reductions;
  Values partials;
  for (auto &[width, group] : byWidth) {
    if (width == 1) { // nothing to combine
      for (kernel::RowReduceOp reduce : group)
        rows.setUniform(reduce.getResult(), rows.evalUniform(reduce.getX()));
      continue;
    }
    Values sums;
    for (kernel::RowReduceOp reduce : group)
      sums.push_back(identity(k, reduce.getKind()));
    auto accumulate = [&](const Access &access, ValueRange before) {
      Values after;
      for (auto [reduce, sum] : llvm::zip(group, before))
        after.push_back(combine(k, reduce.getKind(), sum, reduceAccess(reduce, access)));
      return after;
    };
    if (plan.streamed)
      sums = k.loop(k.i32(0), k.i32(chunksHere(width)), 1, sums, [&](Value chunk, ValueRange before) {
        return accumulate(rows.naturalAccess(width, chunk), before);
      });
    else
      for (int64_t chunk = 0; chunk < chunksHere(width); ++chunk)
        sums = accumulate(rows.naturalAccess(width, chunk), sums);
    reductions.append(group);
    partials.append(sums);
  }
  reduceLanes(reductions, partials);
}

/// Among the threads of a row: a butterfly in each warp, then the warps, CTA by CTA, in order. Each level has its own
/// shared memory, so that one barrier is enough.
void RowKernel::reduceLanes(ArrayRef<kernel::RowReduceOp> reductions, Values partials) {
  int64_t warps = plan.lanes / 32, count = reductions.size();
  if (count == 0)
    return;
  SmallVector<kernel::RowReduceKind> kinds;
  for (kernel::RowReduceOp reduce : reductions)
    kinds.push_back(reduce.getKind());
  for (int64_t i = 0; i < count; ++i)
    partials[i] = warpReduce(k, partials[i], [&](Value x, Value y) { return combine(k, kinds[i], x, y); });
  if (warps > 1 || plan.cluster) {
    int64_t rowBytes = 4 * llvm::alignTo(warps, 4), scratch = arena.allocate(rowBytes * count);
    Value slot = k.shl(k.shrU(rows.thread, 5), 2);
    k.when(k.eq(k.laneIndex(), 0), [&] {
      for (int64_t i = 0; i < count; ++i)
        storeShared(k, partials[i], arena.at(scratch + i * rowBytes, slot));
    });
    plan.cluster ? clusterSync(k) : syncThreads(k);
    for (int64_t i = 0; i < count; ++i) {
      Values parts;
      for (int64_t block = 0; block < (plan.cluster ? plan.columnBlocks : 1); ++block)
        for (int64_t warp = 0; warp < warps; warp += 4) {
          Value address = arena.at(scratch + i * rowBytes + 4 * warp);
          if (plan.cluster)
            address = clusterAddress(k, address, k.i32(block));
          Values four = k.elements(loadShared(k, k.vec(4, k.f32Ty), address));
          parts.append(four.begin(), four.begin() + std::min<int64_t>(4, warps - warp));
        }
      partials[i] = reducePairwise(parts, [&](Value a, Value b) { return combine(k, kinds[i], a, b); });
    }
  }
  for (int64_t i = 0; i < count; ++i)
    rows.setUniform(kernel::RowReduceOp(reductions[i]).getResult(), partials[i]);
}

// --- results
// -----------------------------------------------------------------------------------------------------------------

void RowKernel::storeUniform(Value value, Value result) {
  Access one{0, 1, 1, k.i32(0), /*full=*/true, /*natural=*/false};
  RowVector x = rows.eval(value, one);
  Value mine = k.eq(rows.thread, 0);
  if (plan.columnBlocks > 1)
    mine = k.logicalAnd(mine, k.eq(rows.columnBlock, 0));
  k.when(mine, [&] { storeRow(k, stridedRow(k, rows.view(result), rows.pointer(result), rows.row), one, x); });
}

void RowKernel::addYield(Value value, Value result) {
  auto quantize = value.getDefiningOp<kernel::RowQuantizeOp>();
  if (!quantize && rowWidth(value) == 1)
    return storeUniform(value, result);
  StridedRow destination = stridedRow(k, rows.view(result), rows.pointer(result), rows.row);
  if (!quantize) {
    stores[rowWidth(value)].push_back(
        {[=, this](const Access &access) { storeRow(k, destination, access, rows.eval(value, access)); }});
    return;
  }
  int64_t width = rowWidth(quantize.getX());
  if (value == quantize.getData()) {
    stores[width].push_back({[=, this](const Access &access) {
      storeRow(k, destination, access, rows.evalQuantize(quantize, access).first);
    }});
    return;
  }
  stores[width].push_back({[=, this](const Access &access) {
    Value scale = rows.evalQuantize(quantize, access).second;
    Value mine = k.eq(k.bitAnd(access.base, 127), 0); // the first lane of a block
    if (!access.full)
      mine = k.logicalAnd(mine, k.ltU(access.base, width));
    k.when(mine, [&] {
      Access one{0, rowWidth(value), 1, k.shrU(access.base, 7), /*full=*/true, /*natural=*/false};
      storeRow(k, destination, one, RowVector{k.f32Ty, 1, {scale}});
    });
  }});
}

void RowKernel::addCacheStore(kernel::RowCacheStoreOp store) {
  const DeviceView &cache = rows.view(store.getCache()), &table = rows.view(store.getBlockTable());
  int64_t page = cache.sizes[2], sequences = table.sizes[0], pages = table.sizes[1];
  Value position = rows.evalUniform(store.getPosition());
  Value pageIndex = k.divU(position, page);
  Value present = k.ltU(pageIndex, pages); // false for -1, too
  Value sequence = k.divU(rows.row, plan.rows / sequences);
  Access entry{0, pages, 1, k.select(present, pageIndex, k.i32(0)), /*full=*/true, /*natural=*/false};
  StridedRow tableRow = stridedRow(k, table, rows.pointer(store.getBlockTable()), sequence);
  Value physical = loadRow(k, tableRow, entry).words.front();
  int64_t bytes = cache.elementBytes();
  Value offset = k.mul(k.zext(physical, k.i64Ty), cache.strides[0] * bytes);
  offset = k.add(offset, k.zext(k.mul(k.remU(position, page), cache.strides[2] * bytes), k.i64Ty));
  Value record = k.gep(rows.pointer(store.getCache()), offset);
  record = k.gep(record, store.getLayer() * cache.strides[1] * bytes);
  int64_t alignment = cache.alignment();
  for (int64_t stride : {cache.strides[0], cache.strides[1], cache.strides[2]})
    while ((stride * bytes) % alignment)
      alignment /= 2;

  int64_t start = 0;
  for (Value part : {Value(store.getLatent()), Value(store.getKey())}) {
    int64_t width = rowWidth(part);
    StridedRow destination{k.gep(record, start * bytes), cache.element, {{width, cache.strides[3]}}, alignment};
    while ((start * bytes) % destination.alignment)
      destination.alignment /= 2;
    stores[width].push_back({[=, this](const Access &access) {
      RowVector x = rows.eval(part, access);
      k.when(present, [&] { storeRow(k, destination, access, x); });
    }});
    start += width;
  }
}

void RowKernel::emitStores() {
  for (auto &[width, group] : stores) {
    if (plan.streamed) {
      k.loop(k.i32(0), k.i32(chunksHere(width)), 1, [&, width = width, &group = group](Value chunk) {
        Access access = rows.naturalAccess(width, chunk);
        for (RowStore &store : group)
          store.emit(access);
      });
      continue;
    }
    for (int64_t chunk = 0; chunk < chunksHere(width); ++chunk)
      for (RowStore &store : group)
        store.emit(rows.naturalAccess(width, chunk));
  }
}

void RowKernel::emit() {
  prefetch(/*constant=*/false);
  findLevels();
  // Uniform values are evaluated before any loop that might use them.
  for (int64_t current = 0; current <= levels; ++current) {
    if (current > 0)
      reduceLevel(current);
    for (Operation &inner : op.getBody().front())
      for (Value result : inner.getResults())
        if (rowWidth(result) == 1 && level.lookup(result) == current && !isa<kernel::RowQuantizeOp>(inner))
          rows.evalUniform(result);
    if (current == 0)
      for (BlockArgument argument : op.getBody().getArguments())
        if (isa<RankedTensorType>(argument.getType()) && rowWidth(argument) == 1 && !argument.use_empty())
          rows.evalUniform(argument);
  }
  auto yield = cast<kernel::RowYieldOp>(op.getBody().front().getTerminator());
  for (auto [value, result] : llvm::zip(yield.getValues(), op.getResults()))
    addYield(value, result);
  for (auto store : op.getBody().getOps<kernel::RowCacheStoreOp>())
    addCacheStore(store);
  gridDependencyTrigger(k);
  emitStores();
  if (plan.cluster && levels > 0)
    clusterSync(k); // the others have read this CTA's partial results
}

/// i1: the row exists and is wanted; null if every row is.
static Value rowWanted(KernelBuilder &k, LaunchPlan &launch, kernel::RowFusionOp op, RowEvaluator &rows) {
  const RowPlan &plan = rows.plan;
  Value exists = plan.rows % plan.rowsPerBlock ? k.ltU(rows.row, plan.rows) : Value();
  if (!op.getLimit())
    return exists;
  DeviceView view = *getDeviceView(op.getLimit());
  Value base = pointerParameter(k, launch, op.getLimit());
  int64_t sequences = view.sizes[0], length = plan.rows / sequences;
  Value sequence = k.minU(k.divU(rows.row, length), sequences - 1);
  Value limit = loadGlobal(k, k.i32Ty, k.gep(base, k.mul(sequence, 4 * view.strides[0])));
  Value wanted = k.ltS(k.sub(rows.row, k.mul(sequence, length)), limit);
  return exists ? k.logicalAnd(exists, wanted) : wanted;
}

FailureOr<LaunchPlan> hopper::buildRowFusion(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::RowFusionOp>(operation);
  FailureOr<RowPlan> plan = planRows(op);
  if (failed(plan))
    return failure();
  LaunchPlan launch;
  SmemArena arena(k);
  RowEvaluator rows(k, arena, launch, op, *plan);
  RowKernel kernel(rows, arena);
  if (rows.prepareTables())
    syncThreads(k);
  kernel.prefetch(/*constant=*/true);
  gridDependencyWait(k, plan->rows);
  if (Value wanted = rowWanted(k, launch, op, rows))
    k.when(wanted, [&] { kernel.emit(); });
  else
    kernel.emit();
  launch.grid = {static_cast<int64_t>(llvm::divideCeil(plan->rows, plan->rowsPerBlock)), plan->columnBlocks, 1};
  if (plan->cluster)
    launch.grid = {plan->rows * plan->columnBlocks, 1, 1}, launch.cluster = plan->columnBlocks;
  launch.threads = plan->threads;
  launch.sharedBytes = arena.bytes();
  return launch;
}
