// kernel.top_k: the k largest elements of each row, best first.
//
// Threads. One CTA for each row. The set is found by its threshold (RowSelect), its members are collected in shared
// memory in any order, and each then counts the members that come before it: that is its place. k = 1 is an argmax.
// Shared memory. RowSelect's counters, 40 KB, the row if it fits, and 8 bytes for each of the k members.
#include "lowering/hopper/RowSelect.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kMaxK = 16384; // members in shared memory

namespace {

class TopKKernel {
public:
  TopKKernel(KernelBuilder &k, RowSelect &row, SmemArena &arena, int64_t length, int64_t count)
      : k(k), row(row), arena(arena), length(length), count(count), members(arena.allocate(8 * count)),
        counter(arena.allocate(16)) {}

  /// Calls `store` with the place and the index of each member, in the thread that knows them.
  void emit(llvm::function_ref<void(Value place, Value index)> store);

private:
  void collect();
  Value member(Value i) { return loadShared(k, k.vec(2, k.i32Ty), arena.at(members, k.mul(i, 8))); }

  KernelBuilder &k;
  RowSelect &row;
  SmemArena &arena;
  int64_t length, count, members, counter;
};

} // namespace

void TopKKernel::collect() {
  if (row.isResident())
    row.argmax(); // brings it into shared memory
  row.setKeys([&](Value x) { return orderedKey(k, x); });
  k.when(k.eq(k.threadIndex(), 0), [&] { storeShared(k, k.i32(0), arena.at(counter)); });
  RowPrefix set = row.prefixOf(wholeRow(k), nullptr, [&](Value) { return k.i64(count); });
  row.visit([&](ValueRange keys, ValueRange indices) {
    for (auto [key, index] : llvm::zip(keys, indices))
      k.when(k.logicalAnd(k.ltU(index, length), inPrefix(k, key, index, set)), [&, key = key, index = index] {
        Value slot = atomicAddShared(k, arena.at(counter), k.i32(1));
        storeShared(k, k.vector({key, index}), arena.at(members, k.mul(slot, 8)));
      });
  });
  syncThreads(k);
}

void TopKKernel::emit(llvm::function_ref<void(Value, Value)> store) {
  if (count == 1) {
    Value index = row.argmax().second;
    k.when(k.eq(k.threadIndex(), 0), [&] { store(k.i32(0), index); });
    return;
  }
  collect();
  k.loop(k.threadIndex(), k.i32(count), row.threads(), [&](Value i) {
    Value mine = member(i), key = k.extract(mine, 0), index = k.extract(mine, 1);
    Values place = k.loop(k.i32(0), k.i32(count), 1, k.i32(0), [&](Value j, ValueRange carried) -> Values {
      Value other = member(j), otherKey = k.extract(other, 0);
      Value earlier = k.logicalAnd(k.eq(otherKey, key), k.ltU(k.extract(other, 1), index));
      return {k.add(carried[0], k.zext(k.logicalOr(k.gtU(otherKey, key), earlier), k.i32Ty))};
    });
    store(place.front(), index);
  });
}

FailureOr<LaunchPlan> hopper::buildTopK(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::TopKOp>(operation);
  DeviceView x = *getDeviceView(op.getX());
  int64_t rows = x.sizes[0], length = x.sizes[1], count = op.getK();
  if (length > RowSelect::kMaxLength || count > kMaxK)
    return op.emitError() << "top_k chooses " << count << " of " << length << ", expected at most " << kMaxK << " of "
                          << RowSelect::kMaxLength;
  int64_t wanted = op.getSchedule() ? op.getSchedule()->getWarps() : llvm::divideCeil(length, 256);
  LaunchPlan launch;
  SmemArena arena(k);
  RowSpread spread{length, std::clamp<int64_t>(wanted, 1, 16), 1};
  spread.residentBytes = SmemArena::kMaxBytes - RowSelect::kOwnBytes - 8 * (count + 2);
  Value index = k.blockIndex();
  Value pointer = pointerParameter(k, launch, op.getX());
  RowSelect row(k, arena, spread, x, pointer, index);
  TopKKernel kernel(k, row, arena, length, count);
  DeviceView valuesView = *getDeviceView(op.getValues()), indicesView = *getDeviceView(op.getIndices());
  Value values = pointerParameter(k, launch, op.getValues()), indices = pointerParameter(k, launch, op.getIndices());
  auto address = [&](const DeviceView &view, Value base, Value column) {
    Value start = k.gep(base, k.mul(k.zext(index, k.i64Ty), 4 * view.strides[0]));
    return k.gep(start, k.mul(column, 4 * view.strides[1]));
  };
  gridDependencyWait(k);
  kernel.emit([&](Value place, Value column) {
    storeGlobal(k, loadGlobal(k, k.f32Ty, address(x, pointer, column)), address(valuesView, values, place));
    storeGlobal(k, column, address(indicesView, indices, place));
  });
  gridDependencyTrigger(k);
  launch.grid = {rows, 1, 1};
  launch.threads = row.threads();
  launch.sharedBytes = arena.bytes();
  return launch;
}
