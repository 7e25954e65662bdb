// kernel.route: scores, group limit and top-k of each token.
//
// Threads. One warp for each token; lane l holds experts l, l + 32, ... in registers. No barrier, no exchange between
// warps. Selection works on keys: integers that order as the scores do, so that a warp's best key and then the lowest
// index that has it take one instruction each (takeBest).
// Shared memory, for each warp: the E selection scores for the groups (only if there are groups), and the E plain scores
// from which the winners' weights are read.
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {

constexpr int64_t kMaxExperts = 2048; // 64 scores of a lane: more spill

struct RoutePlan {
  int64_t tokens, experts, warps;
  int64_t perLane;     // experts of one lane
  int64_t groups = 1;  // 1: no limit
  int64_t groupSize;   // experts of a group
  int64_t scoreBytes;  // shared memory of one warp for one array of scores
};

class RouteKernel {
public:
  RouteKernel(KernelBuilder &k, kernel::RouteOp op, const RoutePlan &plan, SmemArena &arena)
      : k(k), op(op), plan(plan), arena(arena), lane(k.laneIndex()) {}

  void loadBias(Value pointer, const DeviceView &view);
  /// Everything for one token. `shared` is the offset of this warp's arrays.
  void emitToken(Value logits, const DeviceView &view, Value token, Value weights, Value indices);

private:
  Value expert(int64_t i) { return k.add(lane, 32 * i); }
  bool isPartial(int64_t i) const { return 32 * (i + 1) > plan.experts; }
  /// `x` for an expert that exists, `otherwise` for the rest of the last register.
  Value orElse(int64_t i, Value x, Value otherwise);
  Values scoresOf(const Values &logits);
  Values eligible(const Values &selection, Value warpScores);
  LaneCandidates groupCandidates(Value warpScores);
  Value groupScore(Value group, Value part, int64_t parts, Value warpScores);

  KernelBuilder &k;
  kernel::RouteOp op;
  const RoutePlan &plan;
  SmemArena &arena;
  Value lane;
  Values bias;
};

} // namespace

static RoutePlan planRoute(kernel::RouteOp op) {
  RoutePlan plan;
  auto shape = cast<RankedTensorType>(op.getLogits().getType()).getShape();
  plan.tokens = shape[0], plan.experts = shape[1];
  // A warp is a task of its own: few tokens go to different SMs, many share CTAs.
  int64_t warps = op.getSchedule() ? op.getSchedule()->getWarps() : plan.tokens >= 1024 ? 4 : 1;
  plan.warps = std::clamp<int64_t>(warps, 1, 32);
  plan.perLane = llvm::divideCeil(plan.experts, 32);
  if (op.getGroup() != kernel::RouteGroup::None && op.getNGroup() > 1)
    plan.groups = op.getNGroup();
  plan.groupSize = plan.experts / plan.groups;
  plan.scoreBytes = llvm::alignTo(4 * plan.experts, 16);
  return plan;
}

Value RouteKernel::orElse(int64_t i, Value x, Value otherwise) {
  return isPartial(i) ? k.select(k.ltU(expert(i), plan.experts), x, otherwise) : x;
}

void RouteKernel::loadBias(Value pointer, const DeviceView &view) {
  for (int64_t i = 0; i < plan.perLane; ++i) {
    Value index = orElse(i, expert(i), k.i32(0));
    bias.push_back(loadGlobal(k, k.f32Ty, k.gep(pointer, k.mul(index, 4 * view.strides[0])),
                              view.readOnly ? Cache::Constant : Cache::Default));
  }
}

Values RouteKernel::scoresOf(const Values &logits) {
  Values scores;
  if (op.getScore() == kernel::RouteScore::Sigmoid) {
    for (Value logit : logits)
      scores.push_back(sigmoid(k, logit));
    return scores;
  }
  Value negative = k.f32(-std::numeric_limits<double>::infinity()), largest = negative, sum = k.f32(0);
  for (auto [i, logit] : llvm::enumerate(logits))
    largest = k.fmax(largest, orElse(i, logit, negative));
  largest = warpMax(k, largest);
  for (auto [i, logit] : llvm::enumerate(logits)) {
    scores.push_back(expAccurate(k, k.fsub(logit, largest)));
    sum = k.fadd(sum, orElse(i, scores.back(), k.f32(0)));
  }
  sum = warpSum(k, sum);
  for (Value &score : scores)
    score = k.fdiv(score, sum);
  return scores;
}

/// One lane's share of a group's score: of members part, part + parts, ... `parts` neighbouring lanes then combine.
Value RouteKernel::groupScore(Value group, Value part, int64_t parts, Value warpScores) {
  Value negative = k.f32(-std::numeric_limits<double>::infinity()), first = negative, second = negative;
  auto take = [&](Value x) { // keeps the two largest
    second = k.fmax(second, k.fmin(first, x));
    first = k.fmax(first, x);
  };
  for (int64_t i = 0; i < plan.groupSize; i += parts) {
    Value member = k.add(part, i), inside = k.ltU(member, plan.groupSize);
    bool partial = i + parts > plan.groupSize;
    Value index = k.add(k.mul(group, plan.groupSize), partial ? k.select(inside, member, k.i32(0)) : member);
    Value x = loadShared(k, k.f32Ty, k.gep(warpScores, k.mul(index, 4)));
    take(partial ? k.select(inside, x, negative) : x);
  }
  for (int64_t mask = parts / 2; mask > 0; mask /= 2) {
    Value otherFirst = shuffleXor(k, first, mask), otherSecond = shuffleXor(k, second, mask);
    take(otherFirst);
    take(otherSecond);
  }
  return op.getGroup() == kernel::RouteGroup::Max ? first : k.fadd(first, second);
}

LaneCandidates RouteKernel::groupCandidates(Value warpScores) {
  // Up to 32 groups: 32 / groups lanes each (rounded down to a power of two). More: one lane for several groups.
  int64_t parts = plan.groups >= 32 ? 1 : llvm::bit_floor(static_cast<uint64_t>(32 / plan.groups));
  LaneCandidates candidates;
  for (int64_t base = 0; base < plan.groups; base += 32 / parts) {
    Value group = k.add(k.divU(lane, parts), base), exists = k.ltU(group, plan.groups);
    Value score = groupScore(k.select(exists, group, k.i32(0)), k.remU(lane, parts), parts, warpScores);
    Value leads = k.logicalAnd(exists, k.eq(k.remU(lane, parts), 0));
    candidates.keys.push_back(k.select(leads, orderedKey(k, score), k.i32(0)));
    candidates.indices.push_back(k.select(leads, group, k.i32(-1)));
  }
  return candidates;
}

/// The selection scores with -inf outside of the best groups.
Values RouteKernel::eligible(const Values &selection, Value warpScores) {
  for (auto [i, score] : llvm::enumerate(selection)) {
    auto store = [&, i = i, score = score] { storeShared(k, score, k.gep(warpScores, k.mul(expert(i), 4))); };
    if (isPartial(i))
      k.when(k.ltU(expert(i), plan.experts), store);
    else
      store();
  }
  syncWarp(k);
  LaneCandidates groups = groupCandidates(warpScores);
  Values kept(selection.size(), k.i1(false));
  for (int64_t round = 0; round < static_cast<int64_t>(op.getTopkGroup()); ++round) {
    Value winner = takeBest(k, groups).index;
    for (auto [i, keep] : llvm::enumerate(kept))
      keep = k.logicalOr(keep, k.eq(k.divU(expert(i), plan.groupSize), winner));
  }
  Values result;
  for (auto [keep, score] : llvm::zip(kept, selection))
    result.push_back(k.select(keep, score, k.f32(-std::numeric_limits<double>::infinity())));
  return result;
}

void RouteKernel::emitToken(Value logits, const DeviceView &view, Value token, Value weights, Value indices) {
  Value warp = k.warpIndex();
  Value warpScores = arena.at(0, k.mul(warp, plan.scoreBytes));
  Values scores;
  Value row = k.gep(logits, k.mul(k.zext(token, k.i64Ty), 4 * view.strides[0]));
  for (int64_t i = 0; i < plan.perLane; ++i) {
    Value index = orElse(i, expert(i), k.i32(0));
    scores.push_back(loadGlobal(k, k.f32Ty, k.gep(row, k.mul(index, 4 * view.strides[1]))));
  }
  scores = scoresOf(scores);
  Values selection = scores;
  for (auto [score, added] : llvm::zip(selection, bias)) // no bias: empty
    score = k.fadd(score, added);
  if (plan.groups > 1) {
    selection = eligible(selection, warpScores);
    syncWarp(k); // the array is about to be written again
  }
  LaneCandidates candidates;
  for (auto [i, score] : llvm::enumerate(scores)) {
    candidates.keys.push_back(orElse(i, orderedKey(k, selection[i]), k.i32(0)));
    candidates.indices.push_back(expert(i));
    auto store = [&, i = i, score = score] { storeShared(k, score, k.gep(warpScores, k.mul(expert(i), 4))); };
    if (isPartial(i))
      k.when(k.ltU(expert(i), plan.experts), store);
    else
      store();
  }
  syncWarp(k);
  gridDependencyTrigger(k);

  // Round j's winner stays in lane j % 32; 32 rounds at a time are stored together.
  int64_t topK = op.getTopK();
  Value sum = k.f32(0), outputs = k.mul(token, topK);
  Values mineScores, mineIndices;
  for (int64_t j = 0; j < topK; ++j) {
    Value winner = takeBest(k, candidates).index;
    Value score = loadShared(k, k.f32Ty, k.gep(warpScores, k.mul(winner, 4)));
    sum = k.fadd(sum, score);
    Value mine = k.eq(lane, j % 32);
    if (j % 32 == 0) {
      mineScores.push_back(score);
      mineIndices.push_back(winner);
      continue;
    }
    mineScores.back() = k.select(mine, score, mineScores.back());
    mineIndices.back() = k.select(mine, winner, mineIndices.back());
  }
  for (auto [block, score] : llvm::enumerate(mineScores)) {
    if (op.getNormalize())
      score = k.fdiv(score, k.fadd(sum, k.f32(1e-20)));
    score = k.fmul(score, k.f32(op.getScale().convertToDouble()));
    Value column = k.add(lane, 32 * static_cast<int64_t>(block));
    k.when(k.ltU(column, topK), [&, score = score, block = block] {
      Value offset = k.mul(k.add(outputs, column), 4);
      storeGlobal(k, score, k.gep(weights, offset));
      storeGlobal(k, mineIndices[block], k.gep(indices, offset));
    });
  }
}

FailureOr<LaunchPlan> hopper::buildRouter(Operation *operation, KernelBuilder &k) {
  auto op = cast<kernel::RouteOp>(operation);
  RoutePlan plan = planRoute(op);
  for (Value result : op.getResults())
    if (!getDeviceView(result)->isContiguous())
      return op.emitError("route's results must be contiguous");
  if (plan.experts > kMaxExperts)
    return op.emitError() << "route has " << plan.experts << " experts, one warp chooses among " << kMaxExperts
                          << " at most";
  LaunchPlan launch;
  SmemArena arena(k);
  arena.allocate(plan.scoreBytes * plan.warps);
  Value logits = pointerParameter(k, launch, op.getLogits());
  Value bias = op.getBias() ? pointerParameter(k, launch, op.getBias()) : Value();
  Value weights = pointerParameter(k, launch, op.getWeights());
  Value indices = pointerParameter(k, launch, op.getIndices());
  RouteKernel kernel(k, op, plan, arena);
  bool early = bias && getDeviceView(op.getBias())->readOnly;
  if (early)
    kernel.loadBias(bias, *getDeviceView(op.getBias()));
  gridDependencyWait(k, plan.tokens);
  if (bias && !early)
    kernel.loadBias(bias, *getDeviceView(op.getBias()));

  Value token = k.add(k.mul(k.blockIndex(), plan.warps), k.warpIndex());
  auto emit = [&] { kernel.emitToken(logits, *getDeviceView(op.getLogits()), token, weights, indices); };
  if (plan.tokens % plan.warps == 0)
    emit();
  else
    k.when(k.ltU(token, plan.tokens), emit);
  launch.grid = {static_cast<int64_t>(llvm::divideCeil(plan.tokens, plan.warps)), 1, 1};
  launch.threads = 32 * plan.warps;
  launch.sharedBytes = arena.bytes();
  return launch;
}
