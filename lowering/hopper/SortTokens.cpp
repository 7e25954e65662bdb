// kernel.sort_tokens: a stable counting sort of (token, choice) pairs by group, in one CTA or one cluster of CTAs.
//
// Threads. The pairs are cut into one run for each warp of the cluster, in order. A warp walks its run 32 pairs at a
// time; lanes with the same group find each other (matchAny), so a pair's place among its warp's pairs of that group is
// the group's counter plus the number of such lanes below. No atomics: only one warp touches a counter, and the order
// is that of the pairs, whatever the timing. Order. Count; barrier; for each group the counts of the warps before each,
// and of all; with a cluster: barrier of the cluster, the same over its CTAs; barrier; a warp scans the totals of the
// groups; barrier; walk again and place. Shared memory. warps x E counters, E + 1 offsets; with a cluster 2 E sizes.
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

struct SortPlan {
  int64_t pairs, choices, groups;
  int64_t cluster, warps; // CTAs; warps of each
  int64_t run;            // pairs of a warp, a multiple of 32
};

class SortKernel {
public:
  SortKernel(KernelBuilder &k, const SortPlan &plan, SmemArena &arena)
      : k(k), plan(plan), arena(arena), lane(k.laneIndex()), warp(k.warpIndex()), thread(k.threadIndex()),
        rank(plan.cluster > 1 ? k.clusterRank() : k.i32(0)), counters(arena.allocate(4 * plan.warps * plan.groups)),
        starts(arena.allocate(4 * (plan.groups + 1))),
        sizes(plan.cluster > 1 ? arena.allocate(4 * plan.groups) : starts),
        earlier(plan.cluster > 1 ? arena.allocate(4 * plan.groups) : 0) {}

  Value indices, offsets, rowOf, tokenOf; // global pointers
  DeviceView indexView;

  void clear();
  void count();
  void scan();
  void place();

private:
  /// Walks the warp's run; `visit` gets the pair, its group, the counter's value before these 32 pairs, and the lanes
  /// of the same group.
  void walk(llvm::function_ref<void(Value pair, Value group, Value before, Value peers)> visit);
  Value loadGroup(Value pair);
  void eachGroup(llvm::function_ref<void(Value offset)> visit); // 4 * group, by the threads of the CTA
  void sumWarps();
  void sumCluster();
  Value counter(Value theWarp, Value group) {
    return arena.at(counters, k.mul(k.add(k.mul(theWarp, plan.groups), group), 4));
  }

  KernelBuilder &k;
  const SortPlan &plan;
  SmemArena &arena;
  Value lane, warp, thread, rank;
  // Offsets in shared memory. `starts`: at first the groups' sizes. `sizes`: those in this CTA; `earlier`: in the CTAs
  // before it.
  int64_t counters, starts, sizes, earlier;
};

} // namespace

static constexpr int64_t kMaxCounterBytes = 128 * 1024;

static FailureOr<SortPlan> planSort(kernel::SortTokensOp op) {
  auto shape = cast<RankedTensorType>(op.getIndices().getType()).getShape();
  SortPlan plan{shape[0] * shape[1], shape[1], static_cast<int64_t>(op.getGroups()), 1, 0, 0};
  // A cluster where a CTA's warps would each walk for long.
  constexpr int64_t manyPairs = 4096;
  if (op.getSchedule())
    plan.cluster = std::clamp<int64_t>(llvm::bit_floor(static_cast<uint64_t>(op.getSchedule()->getCluster())), 1, 8);
  else if (plan.pairs >= manyPairs && plan.groups <= 1024)
    plan.cluster = 8;
  // Enough warps that neither the walk of the pairs nor that of the groups is long.
  int64_t wanted = std::max(llvm::divideCeil(plan.pairs, 64 * plan.cluster), llvm::divideCeil(plan.groups, 64));
  if (op.getSchedule())
    wanted = op.getSchedule()->getWarps();
  plan.warps = std::clamp<int64_t>(std::min(wanted, kMaxCounterBytes / (4 * plan.groups)), 1, 32);
  if (plan.groups * 8 > SmemArena::kMaxBytes)
    return op.emitError() << "sort_tokens has " << plan.groups << " groups, one CTA counts " << SmemArena::kMaxBytes / 8
                          << " at most";
  plan.run = llvm::alignTo(llvm::divideCeil(plan.pairs, plan.warps * plan.cluster), 32);
  return plan;
}

void SortKernel::clear() {
  k.loop(thread, k.i32(plan.warps * plan.groups), 32 * plan.warps,
         [&](Value i) { storeShared(k, k.i32(0), arena.at(counters, k.mul(i, 4))); });
}

Value SortKernel::loadGroup(Value pair) {
  Value token = k.divU(pair, plan.choices), choice = k.remU(pair, plan.choices);
  Value offset = k.add(k.mul(token, 4 * indexView.strides[0]), k.mul(choice, 4 * indexView.strides[1]));
  // An index out of range would write outside of shared memory.
  return k.minU(loadGlobal(k, k.i32Ty, k.gep(indices, offset)), plan.groups - 1);
}

void SortKernel::walk(llvm::function_ref<void(Value, Value, Value, Value)> visit) {
  Value first = k.mul(k.add(k.mul(rank, plan.warps), warp), plan.run);
  auto load = [&](Value pair) { // of the last pair beyond the end
    return loadGroup(k.minU(pair, plan.pairs - 1));
  };
  Values start{load(k.add(first, lane))};
  // The next group is on its way while this one is worked on.
  k.loop(k.i32(0), k.i32(plan.run), 32, start, [&](Value step, ValueRange carried) -> Values {
    Value pair = k.add(k.add(first, step), lane), exists = k.ltU(pair, plan.pairs);
    Value next = load(k.add(pair, 32));
    // Lanes beyond the end form a group of their own that has no counter.
    Value group = k.select(exists, carried[0], k.i32(-1));
    Value peers = matchAny(k, group);
    k.when(exists, [&] {
      Value address = counter(warp, group);
      Value before = loadShared(k, k.i32Ty, address);
      visit(pair, group, before, peers);
    });
    syncWarp(k); // every lane has read the counter
    Value leads = k.logicalAnd(exists, k.eq(k.bitAnd(peers, laneMaskLess(k)), 0));
    k.when(leads, [&] {
      Value address = counter(warp, group);
      storeShared(k, k.add(loadShared(k, k.i32Ty, address), popCount(k, peers)), address);
    });
    syncWarp(k);
    return {next};
  });
}

void SortKernel::count() {
  walk([](Value, Value, Value, Value) {});
}

void SortKernel::eachGroup(llvm::function_ref<void(Value)> visit) {
  k.loop(thread, k.i32(plan.groups), 32 * plan.warps, [&](Value group) { visit(k.mul(group, 4)); });
}

/// The counters become the number of pairs in the warps before; `sizes` the CTA's.
void SortKernel::sumWarps() {
  eachGroup([&](Value offset) {
    Value sum = k.i32(0);
    for (int64_t w = 0; w < plan.warps; ++w) {
      Value address = arena.at(counters + 4 * w * plan.groups, offset), count = loadShared(k, k.i32Ty, address);
      storeShared(k, sum, address);
      sum = k.add(sum, count);
    }
    storeShared(k, sum, arena.at(sizes, offset));
  });
}

void SortKernel::sumCluster() {
  clusterSync(k); // every CTA has its sizes
  eachGroup([&](Value offset) {
    Value total = k.i32(0), before = k.i32(0);
    for (int64_t i = 0; i < plan.cluster; ++i) {
      before = k.select(k.eq(rank, i), total, before);
      total = k.add(total, loadCluster(k, k.i32Ty, clusterAddress(k, arena.at(sizes, offset), k.i32(i))));
    }
    storeShared(k, total, arena.at(starts, offset));
    storeShared(k, before, arena.at(earlier, offset));
  });
  clusterSync(k); // nothing of this CTA is read any more
}

/// Offsets of the groups, by warp 0 of each CTA.
void SortKernel::scan() {
  sumWarps();
  plan.cluster > 1 ? sumCluster() : syncThreads(k);
  k.when(k.eq(warp, 0), [&] {
    Value isFirst = k.eq(rank, 0);
    Values carry{k.i32(0)};
    carry =
        k.loop(k.i32(0), k.i32(llvm::alignTo(plan.groups, 32)), 32, carry, [&](Value base, ValueRange in) -> Values {
          Value group = k.add(base, lane), exists = k.ltU(group, plan.groups);
          Value offset = k.mul(k.select(exists, group, k.i32(0)), 4);
          // Not the first group's counter either, which its lane overwrites below.
          Value total = k.whenElse(
              exists, {k.i32Ty}, [&]() -> Values { return {loadShared(k, k.i32Ty, arena.at(starts, offset))}; },
              [&]() -> Values { return {k.i32(0)}; })[0];
          Value sum = total; // inclusive over the lanes
          for (int64_t delta = 1; delta < 32; delta *= 2)
            sum = k.add(sum, k.select(k.geU(lane, delta), shuffleUp(k, sum, delta), k.i32(0)));
          Value begin = k.add(in[0], k.sub(sum, total));
          k.when(exists, [&] {
            Value own = plan.cluster > 1 ? k.add(begin, loadShared(k, k.i32Ty, arena.at(earlier, offset))) : begin;
            storeShared(k, own, arena.at(starts, offset));
            k.when(isFirst, [&] { storeGlobal(k, begin, k.gep(offsets, offset)); });
          });
          return {k.add(in[0], shuffleIndex(k, sum, k.i32(31)))};
        });
    k.when(k.logicalAnd(isFirst, k.eq(lane, 0)), [&] { storeGlobal(k, carry[0], k.gep(offsets, 4 * plan.groups)); });
  });
}

void SortKernel::place() {
  walk([&](Value pair, Value group, Value before, Value peers) {
    Value start = loadShared(k, k.i32Ty, arena.at(starts, k.mul(group, 4)));
    Value row = k.add(k.add(start, before), popCount(k, k.bitAnd(peers, laneMaskLess(k))));
    storeGlobal(k, row, k.gep(rowOf, k.mul(pair, 4)));
    storeGlobal(k, k.divU(pair, plan.choices), k.gep(tokenOf, k.mul(row, 4)));
  });
}

FailureOr<LaunchPlan> hopper::buildSortTokens(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::SortTokensOp>(operation);
  FailureOr<SortPlan> plan = planSort(op);
  if (failed(plan))
    return failure();
  for (Value result : op.getResults())
    if (!getDeviceView(result)->isContiguous())
      return op.emitError("sort_tokens' results must be contiguous");
  LaunchPlan launch;
  SmemArena arena(k);
  SortKernel kernel(k, *plan, arena);
  kernel.indexView = *getDeviceView(op.getIndices());
  kernel.indices = pointerParameter(k, launch, op.getIndices());
  kernel.offsets = pointerParameter(k, launch, op.getOffsets());
  kernel.rowOf = pointerParameter(k, launch, op.getRowOf());
  kernel.tokenOf = pointerParameter(k, launch, op.getTokenOf());
  kernel.clear();
  gridDependencyWait(k, kernel.indexView.sizes[0]);
  syncThreads(k);
  kernel.count();
  syncThreads(k);
  kernel.scan();
  syncThreads(k);
  gridDependencyTrigger(k);
  kernel.place();
  launch.grid = {plan->cluster, 1, 1};
  launch.cluster = plan->cluster;
  launch.threads = 32 * plan->warps;
  launch.sharedBytes = arena.bytes();
  return launch;
}
