// The choice of one token's experts by one warp: what kernel.route and kernel.route_tokens share.
#pragma once

#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::deepseek::hopper {

/// What is chosen, and how.
struct RouteRule {
  static constexpr int64_t kMaxExperts = 2048; // 64 scores of a lane: more spill
  static constexpr int64_t kMaxSorted = 8;     // scores that a lane sorts: the network grows with the square

  int64_t experts, topK;
  int64_t groups = 1; // 1: no limit
  int64_t topGroups = 1;
  bool sigmoid, groupByMax, normalize;
  double scale;

  int64_t perLane() const { return llvm::divideCeil(experts, 32); } // experts of one lane
  int64_t groupSize() const { return experts / groups; }
  /// Lanes hold neighbouring experts and groups neighbouring lanes: no shared memory between a lane's scores and its
  /// group's, and the lowest lane of equal scores has the lowest expert.
  bool isBlocked() const {
    const int64_t lanes = groupSize() / perLane(); // of a group
    const bool wholeLanes = groups == 1 || (groupSize() % perLane() == 0 && llvm::isPowerOf2_64(lanes));
    return experts % 32 == 0 && perLane() <= kMaxSorted && topK <= 32 && groups <= 32 && wholeLanes;
  }
  /// Shared memory of one warp: scores, and if blocked the choices.
  int64_t scoreBytes() const { return llvm::alignTo(4 * (experts + (isBlocked() ? topK : 0)), 16); }
};

template <typename Op> RouteRule routeRule(Op op, int64_t experts) {
  RouteRule rule;
  rule.experts = experts;
  rule.topK = op.getTopK();
  if (op.getGroup() != kernel::RouteGroup::None && op.getNGroup() > 1)
    rule.groups = op.getNGroup(), rule.topGroups = op.getTopkGroup();
  rule.sigmoid = op.getScore() == kernel::RouteScore::Sigmoid;
  rule.groupByMax = op.getGroup() == kernel::RouteGroup::Max;
  rule.normalize = op.getNormalize();
  rule.scale = op.getScale().convertToDouble();
  return rule;
}

/// Choice 32 * b + l of the token is element b of lane l.
struct RoutedToken {
  Values weights, indices;
};

/// A lane holds experts in registers: perLane() neighbours if the rule is blocked, else l, l + 32, ... Selection works
/// on keys: integers that order as the scores do, so that a warp's best key takes one instruction. Blocked: each lane
/// sorts its keys once; in each round the lowest lane whose first key is the best gives it away. Else takeBest. No
/// barrier.
class TokenRouter {
public:
  TokenRouter(KernelBuilder &k, const RouteRule &rule) : k(k), rule(rule), lane(k.laneIndex()) {}

  /// Waits for the kernels before; loads the bias (`pointer` to `biasOperand`, both null without one), and before the
  /// wait if no kernel writes it.
  void waitWithBias(Value pointer, Value biasOperand, int64_t tokens);
  /// The expert of register `i` of this lane.
  Value expert(int64_t i) { return rule.isBlocked() ? k.add(k.mul(lane, rule.perLane()), i) : k.add(lane, 32 * i); }
  /// Loads the logits of `token`, in the order in which lanes hold experts.
  Values loadLogits(Value pointer, const DeviceView &view, Value token);
  /// `warpScores`: the warp's rule.scoreBytes() of shared memory.
  RoutedToken route(ValueRange logits, Value warpScores);
  /// In each lane that has one, for each of its choices.
  void forEachChoice(const RoutedToken &token, llvm::function_ref<void(Value choice, Value weight, Value index)> visit);

private:
  void loadBias(Value pointer, const DeviceView &view);
  Values loadLane(Value row, int64_t stride, int64_t alignment, Cache cache);
  bool isPartial(int64_t i) const { return 32 * (i + 1) > rule.experts; }
  /// `x` for an expert that exists, `otherwise` for the rest of the last register.
  Value orElse(int64_t i, Value x, Value otherwise);
  void storeScores(const Values &scores, Value warpScores);
  Values scoresOf(ValueRange logits);
  Values eligible(const Values &selection, Value warpScores);
  Value laneIsEligible(const Values &selection);
  LaneCandidates sortedCandidates(const Values &selection);
  RoutedToken takeSorted(const Values &selection, Value warpScores);
  RoutedToken takeRounds(const Values &selection, Value warpScores);
  LaneCandidates groupCandidates(Value warpScores);
  Value groupScore(Value group, Value part, int64_t parts, Value warpScores);

  KernelBuilder &k;
  const RouteRule &rule;
  Value lane;
  Values bias;
};

} // namespace mlir::deepseek::hopper
