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

/// A lane's floats of a row, up to 16 bytes at a time where they are neighbours. `alignment`: of every row, in bytes.
Values TokenRouter::loadLane(Value row, int64_t stride, int64_t alignment, Cache cache) {
  Values loaded;
  int64_t vector = 1;
  if (rule.isBlocked() && stride == 1)
    while (vector < 4 && rule.perLane() % (2 * vector) == 0 && 8 * vector <= alignment)
      vector *= 2;
  for (int64_t i = 0; i < rule.perLane(); i += vector) {
    Value pointer = k.gep(row, k.mul(orElse(i, expert(i), k.i32(0)), 4 * stride));
    if (vector == 1)
      loaded.push_back(loadGlobal(k, k.f32Ty, pointer, cache));
    else
      llvm::append_range(loaded, k.elements(loadGlobal(k, k.vec(vector, k.f32Ty), pointer, cache)));
  }
  return loaded;
}

void TokenRouter::loadBias(Value pointer, const DeviceView &view) {
  bias = loadLane(pointer, view.strides[0], view.alignment(), view.readOnly ? Cache::Constant : Cache::Default);
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
  const int64_t pitch = 4 * view.strides[0];
  return loadLane(row, view.strides[1], std::min(view.alignment(), pitch & -pitch), Cache::Default);
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
  largest = fromOrderedKey(k, warpMaxUnsigned(k, orderedKey(k, largest)));
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

/// Blocked: whether this lane's experts are in one of the best groups. Every lane ranks its own group among all.
Value TokenRouter::laneIsEligible(const Values &selection) {
  const int64_t lanes = rule.groupSize() / rule.perLane();
  Value negative = negativeInfinity(k), first = negative, second = negative;
  auto take = [&](Value x) { // keeps the two largest
    second = k.fmax(second, k.fmin(first, x));
    first = k.fmax(first, x);
  };
  llvm::for_each(selection, take);
  for (int64_t mask = 1; mask < lanes; mask *= 2) {
    Value otherFirst = shuffleXor(k, first, mask), otherSecond = shuffleXor(k, second, mask);
    take(otherFirst);
    take(otherSecond);
  }
  Value key = orderedKey(k, rule.groupByMax ? first : k.fadd(first, second));
  Value own = k.divU(lane, lanes), better = k.i32(0); // groups
  for (int64_t group = 0; group < rule.groups; ++group) {
    Value other = shuffleIndex(k, key, k.i32(group * lanes));
    Value wins = k.logicalOr(k.gtU(other, key), k.logicalAnd(k.eq(other, key), k.gtU(own, group)));
    better = k.add(better, k.zext(wins, k.i32Ty));
  }
  return k.ltU(better, rule.topGroups);
}

/// The lane's keys, largest first, of equal ones that of the lower index: exchanges of neighbours keep their order.
LaneCandidates TokenRouter::sortedCandidates(const Values &selection) {
  LaneCandidates sorted;
  for (auto [i, score] : llvm::enumerate(selection)) {
    sorted.keys.push_back(orderedKey(k, score));
    sorted.indices.push_back(expert(static_cast<int64_t>(i)));
  }
  const int64_t count = rule.perLane();
  for (int64_t round = 0; round < count; ++round)
    for (int64_t i = round % 2; i + 1 < count; i += 2) {
      Value swap = k.gtU(sorted.keys[i + 1], sorted.keys[i]);
      for (Values *values : {&sorted.keys, &sorted.indices}) {
        Value low = (*values)[i], high = (*values)[i + 1];
        (*values)[i] = k.select(swap, high, low);
        (*values)[i + 1] = k.select(swap, low, high);
      }
    }
  if (rule.groups == 1)
    return sorted;
  // Groups are ranked meanwhile. All experts of a lane outside of the best ones are equal: -inf, in their order.
  Value eligible = laneIsEligible(selection), lowest = orderedKey(k, negativeInfinity(k));
  for (int64_t i = 0; i < count; ++i) {
    sorted.keys[i] = k.select(eligible, sorted.keys[i], lowest);
    sorted.indices[i] = k.select(eligible, sorted.indices[i], expert(i));
  }
  return sorted;
}

/// Blocked: round j's winner is the first key of the lowest lane that has the best; that lane writes choice j down.
RoutedToken TokenRouter::takeSorted(const Values &selection, Value warpScores) {
  LaneCandidates sorted = sortedCandidates(selection);
  Value choices = k.gep(warpScores, 4 * rule.experts), lower = laneMaskLess(k);
  for (int64_t j = 0; j < rule.topK; ++j) {
    Value isBest = k.eq(sorted.keys[0], warpMaxUnsigned(k, sorted.keys[0]));
    Value gives = k.logicalAnd(isBest, k.eq(k.bitAnd(ballot(k, isBest), lower), 0));
    k.when(gives, [&] { storeShared(k, sorted.indices[0], k.gep(choices, 4 * j)); });
    // No more than the rounds that follow can take.
    for (int64_t i = 0; i < std::min(rule.perLane(), rule.topK - 1 - j); ++i) {
      const bool last = i + 1 == rule.perLane();
      sorted.keys[i] = k.select(gives, last ? k.i32(0) : sorted.keys[i + 1], sorted.keys[i]);
      if (!last)
        sorted.indices[i] = k.select(gives, sorted.indices[i + 1], sorted.indices[i]);
    }
  }
  syncWarp(k);
  // Choice j stays in lane j.
  Value chosen = loadShared(k, k.i32Ty, k.gep(choices, k.mul(k.minU(lane, rule.topK - 1), 4)));
  Value score = loadShared(k, k.f32Ty, k.gep(warpScores, k.mul(chosen, 4)));
  if (rule.normalize) {
    Value counted = k.select(k.ltU(lane, rule.topK), score, k.f32(0));
    Value sum = warpSum(k, counted, llvm::PowerOf2Ceil(static_cast<uint64_t>(rule.topK)));
    score = k.fdiv(score, k.fadd(sum, k.f32(1e-20)));
  }
  return {{score}, {chosen}};
}

RoutedToken TokenRouter::takeRounds(const Values &selection, Value warpScores) {
  LaneCandidates candidates;
  for (int64_t i = 0; i < rule.perLane(); ++i) {
    candidates.keys.push_back(orElse(i, orderedKey(k, selection[i]), k.i32(0)));
    candidates.indices.push_back(expert(i));
  }
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
  if (rule.normalize)
    for (Value &weight : token.weights)
      weight = k.fdiv(weight, k.fadd(sum, k.f32(1e-20)));
  return token;
}

RoutedToken TokenRouter::route(ValueRange logits, Value warpScores) {
  Values scores = scoresOf(logits), selection = scores;
  for (auto [score, added] : llvm::zip(selection, bias)) // no bias: empty
    score = k.fadd(score, added);
  const bool blocked = rule.isBlocked();
  if (rule.groups > 1 && !blocked)
    selection = eligible(selection, warpScores);
  storeScores(scores, warpScores);
  RoutedToken token = blocked ? takeSorted(selection, warpScores) : takeRounds(selection, warpScores);
  for (Value &weight : token.weights)
    weight = k.fmul(weight, k.f32(rule.scale));
  return token;
}

void TokenRouter::forEachChoice(const RoutedToken &token, llvm::function_ref<void(Value, Value, Value)> visit) {
  for (auto [block, weight] : llvm::enumerate(token.weights)) {
    Value choice = k.add(lane, 32 * static_cast<int64_t>(block));
    k.when(k.ltU(choice, rule.topK),
           [&, weight = weight, block = block] { visit(choice, weight, token.indices[block]); });
  }
}
