// Scores, group limit and top-k of one token in one warp.
#include "lowering/hopper/RouteToken.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static Value negativeInfinity(KernelBuilder &k) { return k.f32(-std::numeric_limits<double>::infinity()); }

Value TokenRouter::orElse(int64_t i, Value x, Value otherwise) {
  return isPartial(i) ? k.select(k.ltU(expert(i), rule.experts), x, otherwise) : x;
}

void TokenRouter::loadBias(Value pointer, const DeviceView &view) {
  for (int64_t i = 0; i < rule.perLane(); ++i) {
    Value index = orElse(i, expert(i), k.i32(0));
    bias.push_back(loadGlobal(k, k.f32Ty, k.gep(pointer, k.mul(index, 4 * view.strides[0])),
                              view.readOnly ? Cache::Constant : Cache::Default));
  }
}

void TokenRouter::waitWithBias(Value pointer, Value biasOperand, int64_t tokens) {
  const bool early = pointer && getDeviceView(biasOperand)->readOnly;
  if (early)
    loadBias(pointer, *getDeviceView(biasOperand));
  gridDependencyWait(k, tokens);
  if (pointer && !early)
    loadBias(pointer, *getDeviceView(biasOperand));
}

Values TokenRouter::loadLogits(Value pointer, const DeviceView &view, Value token) {
  Value row = k.gep(pointer, k.mul(k.zext(token, k.i64Ty), 4 * view.strides[0]));
  Values logits;
  for (int64_t i = 0; i < rule.perLane(); ++i) {
    Value index = orElse(i, expert(i), k.i32(0));
    logits.push_back(loadGlobal(k, k.f32Ty, k.gep(row, k.mul(index, 4 * view.strides[1]))));
  }
  return logits;
}

Values TokenRouter::scoresOf(ValueRange logits) {
  Values scores;
  if (rule.sigmoid) {
    for (Value logit : logits)
      scores.push_back(sigmoid(k, logit));
    return scores;
  }
  Value negative = negativeInfinity(k), largest = negative, sum = k.f32(0);
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

void TokenRouter::storeScores(const Values &scores, Value warpScores) {
  for (auto [i, score] : llvm::enumerate(scores)) {
    auto store = [&, i = i, score = score] { storeShared(k, score, k.gep(warpScores, k.mul(expert(i), 4))); };
    if (isPartial(i))
      k.when(k.ltU(expert(i), rule.experts), store);
    else
      store();
  }
  syncWarp(k);
}

/// One lane's share of a group's score: of members part, part + parts, ... `parts` neighbouring lanes then combine.
Value TokenRouter::groupScore(Value group, Value part, int64_t parts, Value warpScores) {
  Value negative = negativeInfinity(k), first = negative, second = negative;
  auto take = [&](Value x) { // keeps the two largest
    second = k.fmax(second, k.fmin(first, x));
    first = k.fmax(first, x);
  };
  for (int64_t i = 0; i < rule.groupSize(); i += parts) {
    Value member = k.add(part, i), inside = k.ltU(member, rule.groupSize());
    bool partial = i + parts > rule.groupSize();
    Value index = k.add(k.mul(group, rule.groupSize()), partial ? k.select(inside, member, k.i32(0)) : member);
    Value x = loadShared(k, k.f32Ty, k.gep(warpScores, k.mul(index, 4)));
    take(partial ? k.select(inside, x, negative) : x);
  }
  for (int64_t mask = parts / 2; mask > 0; mask /= 2) {
    Value otherFirst = shuffleXor(k, first, mask), otherSecond = shuffleXor(k, second, mask);
    take(otherFirst);
    take(otherSecond);
  }
  return rule.groupByMax ? first : k.fadd(first, second);
}

LaneCandidates TokenRouter::groupCandidates(Value warpScores) {
  // Up to 32 groups: 32 / groups lanes each (rounded down to a power of two). More: one lane for several groups.
  int64_t parts = rule.groups >= 32 ? 1 : llvm::bit_floor(static_cast<uint64_t>(32 / rule.groups));
  LaneCandidates candidates;
  for (int64_t base = 0; base < rule.groups; base += 32 / parts) {
    Value group = k.add(k.divU(lane, parts), base), exists = k.ltU(group, rule.groups);
    Value score = groupScore(k.select(exists, group, k.i32(0)), k.remU(lane, parts), parts, warpScores);
    Value leads = k.logicalAnd(exists, k.eq(k.remU(lane, parts), 0));
    candidates.keys.push_back(k.select(leads, orderedKey(k, score), k.i32(0)));
    candidates.indices.push_back(k.select(leads, group, k.i32(-1)));
  }
  return candidates;
}

/// The selection scores with -inf outside of the best groups.
Values TokenRouter::eligible(const Values &selection, Value warpScores) {
  storeScores(selection, warpScores);
  LaneCandidates groups = groupCandidates(warpScores);
  Values kept(selection.size(), k.i1(false));
  for (int64_t round = 0; round < rule.topGroups; ++round) {
    Value winner = takeBest(k, groups).index;
    for (auto [i, keep] : llvm::enumerate(kept))
      keep = k.logicalOr(keep, k.eq(k.divU(expert(i), rule.groupSize()), winner));
  }
  Values result;
  for (auto [keep, score] : llvm::zip(kept, selection))
    result.push_back(k.select(keep, score, negativeInfinity(k)));
  syncWarp(k); // the array is about to be written again
  return result;
}

RoutedToken TokenRouter::route(ValueRange logits, Value warpScores) {
  Values scores = scoresOf(logits), selection = scores;
  for (auto [score, added] : llvm::zip(selection, bias)) // no bias: empty
    score = k.fadd(score, added);
  if (rule.groups > 1)
    selection = eligible(selection, warpScores);
  LaneCandidates candidates;
  for (int64_t i = 0; i < rule.perLane(); ++i) {
    candidates.keys.push_back(orElse(i, orderedKey(k, selection[i]), k.i32(0)));
    candidates.indices.push_back(expert(i));
  }
  storeScores(scores, warpScores);

  // Round j's winner stays in lane j % 32.
  RoutedToken token;
  Value sum = k.f32(0);
  for (int64_t j = 0; j < rule.topK; ++j) {
    Value winner = takeBest(k, candidates).index;
    Value score = loadShared(k, k.f32Ty, k.gep(warpScores, k.mul(winner, 4)));
    sum = k.fadd(sum, score);
    Value mine = k.eq(lane, j % 32);
    if (j % 32 == 0) {
      token.weights.push_back(score);
      token.indices.push_back(winner);
      continue;
    }
    token.weights.back() = k.select(mine, score, token.weights.back());
    token.indices.back() = k.select(mine, winner, token.indices.back());
  }
  for (Value &weight : token.weights) {
    if (rule.normalize)
      weight = k.fdiv(weight, k.fadd(sum, k.f32(1e-20)));
    weight = k.fmul(weight, k.f32(rule.scale));
  }
  return token;
}

void TokenRouter::forEachChoice(const RoutedToken &token, llvm::function_ref<void(Value, Value, Value)> visit) {
  for (auto [block, weight] : llvm::enumerate(token.weights)) {
    Value choice = k.add(lane, 32 * static_cast<int64_t>(block));
    k.when(k.ltU(choice, rule.topK),
           [&, weight = weight, block = block] { visit(choice, weight, token.indices[block]); });
  }
}
