// mbarrier bookkeeping of a pipeline.
#include "lowering/hopper/blocks/Pipeline.h"
#include "lowering/hopper/blocks/Sync.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace mlir;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kBarrierBytes = 8;

static std::string checkSites(StringRef kind, ArrayRef<PipelineRecord::Site> sites, int64_t expected) {
  std::map<int64_t, int64_t> roles;
  for (const PipelineRecord::Site &site : sites) {
    if (site.role == 0)
      return llvm::formatv("a {0} outside of any role", kind);
    auto [known, isNew] = roles.try_emplace(site.role, site.arrivals);
    if (!isNew && known->second != site.arrivals)
      return llvm::formatv("a role's {0}s arrive {1} and {2} times", kind, known->second, site.arrivals);
  }
  int64_t total = 0;
  for (auto [role, arrivals] : roles)
    total += arrivals;
  if (total != expected)
    return llvm::formatv("its {0}s arrive {1} times, the barrier expects {2}", kind, total, expected);
  return "";
}

std::string PipelineRecord::check() const {
  std::string message = checkSites("commit", commits, fullArrivals);
  if (message.empty())
    message = checkSites("release", releases, emptyArrivals);
  if (message.empty() && (acquires == 0 || waits == 0))
    message = acquires == 0 ? "no role acquires it" : "no role waits for it";
  return message.empty() ? message : "pipeline '" + name + "': " + message;
}

Pipeline::Pipeline(KernelBuilder &k, SmemArena &arena, StringRef name, int64_t stages, int64_t producerArrivals,
                   int64_t consumerArrivals)
    : k(k), arena(arena), count(stages), producerArrivals(producerArrivals), consumerArrivals(consumerArrivals),
      barriers(arena.allocate(2 * stages * kBarrierBytes, kBarrierBytes)), index(k.pipelines.size()) {
  PipelineRecord record;
  record.name = name.str();
  record.stages = stages;
  record.fullArrivals = producerArrivals;
  record.emptyArrivals = consumerArrivals;
  k.pipelines.push_back(std::move(record));
}

Value Pipeline::barrier(int64_t offset, const PipelineState &state) {
  return arena.at(barriers + offset, k.mul(state.stage, kBarrierBytes));
}

void Pipeline::init() {
  for (int64_t stage = 0; stage < count; ++stage) {
    mbarrierInit(k, arena.at(barriers + stage * kBarrierBytes), producerArrivals);
    mbarrierInit(k, arena.at(barriers + (count + stage) * kBarrierBytes), consumerArrivals);
  }
}

PipelineState Pipeline::advance(const PipelineState &state) {
  if (count == 1)
    return {state.stage, k.bitXor(state.phase, 1)};
  Value next = k.add(state.stage, 1), wraps = k.eq(next, count);
  return {k.select(wraps, k.i32(0), next), k.bitXor(state.phase, k.zext(wraps, k.i32Ty))};
}

void Pipeline::acquire(const PipelineState &state) {
  ++record().acquires;
  // A stage starts empty: the first wait, on parity 1 of a fresh barrier, passes at once.
  mbarrierWait(k, barrier(count * kBarrierBytes, state), k.bitXor(state.phase, 1));
}

void Pipeline::commit(const PipelineState &state, Int bytes) {
  assert(k.inElectedRole() && "commit(bytes) arrives once for each thread that runs it");
  record().commits.push_back({k.roleId(), 1});
  mbarrierArriveExpect(k, fullBarrier(state), bytes);
}

void Pipeline::commitWarp(const PipelineState &state, Int bytes, llvm::function_ref<void(Value)> loads) {
  assert(k.roleWarps() == 1 && !k.inElectedRole() && "commitWarp arrives once for each warp that runs it");
  record().commits.push_back({k.roleId(), 1});
  k.when(electLane(k), [&] {
    mbarrierArriveExpect(k, fullBarrier(state), bytes);
    loads(fullBarrier(state));
  });
}

void Pipeline::commitCpAsync(const PipelineState &state) {
  record().commits.push_back({k.roleId(), k.roleWarps() * 32});
  mbarrierArriveOnCpAsync(k, fullBarrier(state));
}

void Pipeline::commitStores(const PipelineState &state) {
  record().commits.push_back({k.roleId(), k.roleWarps() * 32});
  mbarrierArrive(k, fullBarrier(state));
}

void Pipeline::commitStores(const PipelineState &state, Value announces, Int bytes,
                            llvm::function_ref<void(Value)> loads) {
  record().commits.push_back({k.roleId(), k.roleWarps() * 32});
  k.when(
      announces,
      [&] {
        mbarrierArriveExpect(k, fullBarrier(state), bytes);
        loads(fullBarrier(state));
      },
      [&] { mbarrierArrive(k, fullBarrier(state)); });
}

void Pipeline::wait(const PipelineState &state) {
  ++record().waits;
  mbarrierWait(k, fullBarrier(state), state.phase);
}

void Pipeline::release(const PipelineState &state) {
  record().releases.push_back({k.roleId(), k.inElectedRole() ? 1 : k.roleWarps()});
  if (k.inElectedRole())
    return mbarrierArrive(k, barrier(count * kBarrierBytes, state));
  syncWarp(k); // the other lanes have read the stage too
  k.when(electLane(k), [&] { mbarrierArrive(k, barrier(count * kBarrierBytes, state)); });
}

void Pipeline::releaseLanes(const PipelineState &state) {
  record().releases.push_back({k.roleId(), k.roleWarps() * 32});
  mbarrierArrive(k, barrier(count * kBarrierBytes, state));
}
