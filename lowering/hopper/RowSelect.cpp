// Radix selection and prefix sums over one row.
#include "lowering/hopper/RowSelect.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kDigits = 256;        // a pass decides 8 bits of the key
static constexpr int64_t kReplicas = 32;       // of every counter: one for each lane, so that lanes never collide
static constexpr int64_t kVectorsInFlight = 4; // loads of a thread that are under way together
static constexpr int64_t kDigitsPerLane = kDigits / 32;

// --- i64 between lanes
// ------------------------------------------------------------------------------------------------------

static Value eachHalf(KernelBuilder &k, Value x, llvm::function_ref<Value(Value)> exchange) {
  Value low = exchange(k.trunc(x, k.i32Ty)), high = exchange(k.trunc(k.shrU(x, 32), k.i32Ty));
  return k.bitOr(k.zext(low, k.i64Ty), k.shl(k.zext(high, k.i64Ty), 32));
}
Value hopper::warpSum64(KernelBuilder &k, Value x) {
  for (int64_t mask = 16; mask > 0; mask /= 2)
    x = k.add(x, eachHalf(k, x, [&](Value half) { return shuffleXor(k, half, mask); }));
  return x;
}
Value hopper::warpInclusiveSum64(KernelBuilder &k, Value x) {
  Value lane = k.laneIndex();
  for (int64_t delta = 1; delta < 32; delta *= 2) {
    Value below = eachHalf(k, x, [&](Value half) { return shuffleUp(k, half, delta); });
    x = k.add(x, k.select(k.geU(lane, delta), below, k.i64(0)));
  }
  return x;
}
Value hopper::shuffleIndex64(KernelBuilder &k, Value x, Value lane) {
  return eachHalf(k, x, [&](Value half) { return shuffleIndex(k, half, lane); });
}
/// Index of the lowest bit that is set; 32 for none, which as a lane is lane 0.
static Value lowestBit(KernelBuilder &k, Value mask) {
  return LLVM::CountTrailingZerosOp::create(k.b, k.loc, k.i32Ty, mask, /*is_zero_poison=*/false);
}

// --- loads
// ------------------------------------------------------------------------------------------------------------------

RowSelect::RowSelect(KernelBuilder &k, SmemArena &arena, int64_t length, int64_t warps, int64_t cluster)
    : k(k), arena(arena), length(length), warps(warps), cluster(cluster), thread(k.threadIndex()), lane(k.laneIndex()),
      warp(k.warpIndex()), rank(cluster > 1 ? k.clusterRank() : k.i32(0)), low(arena.allocate(4 * kDigits * kReplicas)),
      high(arena.allocate(4 * kDigits * kReplicas)), totals(arena.allocate(8 * kDigits)),
      sums(cluster > 1 ? arena.allocate(8 * kDigits) : totals), scratch(arena.allocate(8 * 32)),
      result(arena.allocate(16)), mine(arena.allocate(16)) {}

void RowSelect::syncAll() { cluster > 1 ? clusterSync(k) : syncThreads(k); }
void RowSelect::finish() {
  if (cluster > 1)
    clusterSync(k);
}

Value RowSelect::loadFrom(Value rank, Type type, int64_t offset, Value dynamicBytes) {
  Value address = dynamicBytes ? arena.at(offset, dynamicBytes) : arena.at(offset);
  return cluster > 1 ? loadCluster(k, type, clusterAddress(k, address, rank)) : loadShared(k, type, address);
}

void RowSelect::setRow(const DeviceView &view, Value base, Value row) {
  int64_t rowBytes = 4 * view.strides[0];
  strideBytes = 4 * view.strides[1];
  bool aligned = strideBytes == 4 && view.alignment() == 16 && (rowBytes % 16 == 0 || view.sizes[0] == 1);
  vector = aligned && length % 4 == 0 ? 4 : 1;
  pointer = k.gep(base, k.mul(k.zext(row, k.i64Ty), rowBytes));
  cache = view.readOnly ? Cache::Constant : Cache::Default;
}

llvm::SmallVector<RowElement> RowSelect::loadVector(Value base) {
  Value valid = k.ltU(base, length), safe = k.select(valid, base, k.i32(0));
  Value address = k.gep(pointer, k.mul(safe, strideBytes));
  Type type = vector == 1 ? k.f32Ty : Type(k.vec(vector, k.f32Ty));
  Value loaded = loadGlobal(k, type, address, cache);
  Values x = vector == 1 ? Values{loaded} : k.elements(loaded);
  SmallVector<RowElement> result;
  for (int64_t i = 0; i < vector; ++i)
    result.push_back({x[i], k.add(base, i), valid});
  return result;
}

Values RowSelect::walk(const Walk &walk, ValueRange init, Visit visit) {
  int64_t together = std::min(kVectorsInFlight, walk.vectors);
  Value rounds = k.i32(llvm::divideCeil(walk.vectors, together));
  return k.loop(k.i32(0), rounds, 1, init, [&](Value round, ValueRange carried) -> Values {
    SmallVector<RowElement> elements;
    for (int64_t i = 0; i < together; ++i) {
      Value number = k.add(k.mul(round, together), i);
      elements.append(loadVector(k.add(walk.base, k.mul(number, walk.step))));
    }
    Values values(carried);
    for (const RowElement &element : elements)
      values = visit(element, values);
    return values;
  });
}

Values RowSelect::sweep(ValueRange init, Visit visit) {
  int64_t step = cluster * threads() * vector;
  Value first = k.mul(k.add(k.mul(rank, threads()), thread), vector);
  return walk({first, step, static_cast<int64_t>(llvm::divideCeil(length, step))}, init, visit);
}

/// The warp's own part of the row, in order: 32 neighbouring vectors at a time.
RowSelect::Walk RowSelect::segment() {
  int64_t step = 32 * vector, tiles = llvm::divideCeil(length, step * warps * cluster);
  if (tiles > kVectorsInFlight) // a walk in groups must not reach into the next warp's segment
    tiles = llvm::alignTo(tiles, kVectorsInFlight);
  Value number = k.add(k.mul(rank, warps), warp);
  return {k.add(k.mul(number, tiles * step), k.mul(lane, vector)), step, tiles};
}

// --- sums and maxima
// ---------------------------------------------------------------------------------------------------------

/// Of the warps' sums (each the same in all lanes), which stay in `scratch`.
Value RowSelect::sumOfWarps(Value x) {
  syncThreads(k);
  k.when(k.eq(lane, 0), [&] { storeShared(k, x, arena.at(scratch, k.mul(warp, 8))); });
  syncThreads(k);
  Value sum = loadShared(k, k.i64Ty, arena.at(scratch));
  for (int64_t i = 1; i < warps; ++i)
    sum = k.add(sum, loadShared(k, k.i64Ty, arena.at(scratch + 8 * i)));
  return sum;
}

Value RowSelect::sumOverRow(Value x) {
  Value sum = sumOfWarps(warpSum64(k, x));
  if (cluster == 1)
    return sum;
  syncAll(); // what was shown before has been read
  k.when(k.eq(thread, 0), [&] { storeShared(k, sum, arena.at(mine)); });
  syncAll();
  sum = loadFrom(k.i32(0), k.i64Ty, mine);
  for (int64_t i = 1; i < cluster; ++i)
    sum = k.add(sum, loadFrom(k.i32(i), k.i64Ty, mine));
  return sum;
}

std::pair<Value, Value> RowSelect::argmax(llvm::function_ref<Value(Value)> key) {
  Values best = sweep({k.i32(0), k.i32(0)}, [&](const RowElement &element, ValueRange carried) -> Values {
    Value candidate = k.select(element.valid, key(element.x), k.i32(0));
    Value better = k.gtU(candidate, carried[0]);
    return {k.select(better, candidate, carried[0]), k.select(better, element.index, carried[1])};
  });
  auto acrossLanes = [&](Value key, Value index) -> std::pair<Value, Value> {
    Value largest = warpMaxUnsigned(k, key);
    return {largest, warpMinUnsigned(k, k.select(k.eq(key, largest), index, k.i32(-1)))};
  };
  auto [largest, index] = acrossLanes(best[0], best[1]);
  syncThreads(k);
  k.when(k.eq(lane, 0), [&, largest = largest, index = index] {
    storeShared(k, k.vector({largest, index}), arena.at(scratch, k.mul(warp, 8)));
  });
  syncThreads(k);
  auto among = [&](int64_t count, llvm::function_ref<Value(Value)> load) {
    Value pair = load(k.select(k.ltU(lane, count), lane, k.i32(0)));
    return acrossLanes(k.extract(pair, 0), k.extract(pair, 1));
  };
  Type pairTy = k.vec(2, k.i32Ty);
  auto ofBlock = among(warps, [&](Value i) { return loadShared(k, pairTy, arena.at(scratch, k.mul(i, 8))); });
  if (cluster == 1)
    return ofBlock;
  syncAll();
  k.when(k.eq(thread, 0), [&] { storeShared(k, k.vector({ofBlock.first, ofBlock.second}), arena.at(mine)); });
  syncAll();
  return among(cluster, [&](Value i) { return loadFrom(i, pairTy, mine); });
}

/// The element's weight as u32 if it is a candidate, else 0; the weight is computed for candidates only.
Value RowSelect::weigh(const Candidates &candidates, const RowElement &element) {
  Value member = element.valid;
  if (candidates.member)
    member = k.logicalAnd(member, candidates.member(candidates.key(element.x), element.index));
  if (!candidates.weight)
    return k.zext(member, k.i32Ty);
  Values weight = k.whenElse(
      member, k.i32Ty, [&]() -> Values { return {candidates.weight(element.x)}; },
      [&]() -> Values { return {k.i32(0)}; });
  return weight.front();
}

Value RowSelect::totalWeight(const Candidates &candidates) {
  Values sum = sweep(k.i64(0), [&](const RowElement &element, ValueRange carried) -> Values {
    return {k.add(carried[0], k.zext(weigh(candidates, element), k.i64Ty))};
  });
  return sumOverRow(sum.front());
}

// --- threshold
// ---------------------------------------------------------------------------------------------------------------

void RowSelect::clearHistogram(bool wide) {
  Value zeros = k.zero(k.vec(4, k.i32Ty));
  k.loop(thread, k.i32(kDigits * kReplicas / 4), threads(), [&](Value i) {
    storeShared(k, zeros, arena.at(low, k.mul(i, 16)));
    if (wide)
      storeShared(k, zeros, arena.at(high, k.mul(i, 16)));
  });
}

/// totals[digit] = sum of the digit's replicas, sums[digit] that over the cluster. The replicas are read in an order
/// that keeps banks apart.
void RowSelect::sumReplicas(bool wide) {
  k.loop(thread, k.i32(kDigits), threads(), [&](Value digit) {
    Value sum = k.i64(0);
    for (int64_t i = 0; i < kReplicas; ++i) {
      Value replica = k.bitAnd(k.add(digit, i), kReplicas - 1);
      Value offset = k.mul(k.add(k.mul(digit, kReplicas), replica), 4);
      sum = k.add(sum, k.zext(loadShared(k, k.i32Ty, arena.at(low, offset)), k.i64Ty));
      if (wide)
        sum = k.add(sum, k.shl(k.zext(loadShared(k, k.i32Ty, arena.at(high, offset)), k.i64Ty), 16));
    }
    storeShared(k, sum, arena.at(totals, k.mul(digit, 8)));
  });
  syncAll();
  if (cluster == 1)
    return;
  k.loop(thread, k.i32(kDigits), threads(), [&](Value digit) {
    Value sum = loadFrom(k.i32(0), k.i64Ty, totals, k.mul(digit, 8));
    for (int64_t i = 1; i < cluster; ++i)
      sum = k.add(sum, loadFrom(k.i32(i), k.i64Ty, totals, k.mul(digit, 8)));
    storeShared(k, sum, arena.at(sums, k.mul(digit, 8)));
  });
  syncThreads(k);
}

/// The digit, from the highest down, at which the running weight reaches the target: (digit, weight above, weight at
/// it), uniform. Every warp finds it for itself.
Values RowSelect::searchDigit(Value target) {
  auto digitOf = [&](int64_t i) { return k.sub(k.i32(kDigits - 1 - i), k.mul(lane, kDigitsPerLane)); };
  Values weights;
  Value sum = k.i64(0);
  for (int64_t i = 0; i < kDigitsPerLane; ++i) {
    weights.push_back(loadShared(k, k.i64Ty, arena.at(sums, k.mul(digitOf(i), 8))));
    sum = k.add(sum, weights.back());
  }
  Value inclusive = warpInclusiveSum64(k, sum), running = k.sub(inclusive, sum);
  Value mine = k.logicalAnd(k.ltU(running, target), k.geU(inclusive, target));
  Value digit = digitOf(0), above = running, at = weights[0];
  for (int64_t i = 1; i < kDigitsPerLane; ++i) {
    running = k.add(running, weights[i - 1]);
    Value later = k.ltU(running, target); // not reached before digit i
    digit = k.select(later, digitOf(i), digit);
    above = k.select(later, running, above);
    at = k.select(later, weights[i], at);
  }
  Value owner = lowestBit(k, ballot(k, mine));
  return {shuffleIndex(k, digit, owner), shuffleIndex64(k, above, owner), shuffleIndex64(k, at, owner)};
}

Threshold RowSelect::threshold(const Candidates &candidates, Value target) {
  bool wide = static_cast<bool>(candidates.weight);
  // (decided bits of the key, which bits are decided, weight still missing, weight at the last digit)
  Values state{k.i32(0), k.i32(0), target, k.i64(0)};
  state = k.loop(k.i32(0), k.i32(4), 1, state, [&](Value pass, ValueRange in) -> Values {
    Value shift = k.sub(k.i32(24), k.mul(pass, 8));
    syncAll(); // the histogram of an earlier search and its totals have been read
    clearHistogram(wide);
    syncThreads(k);
    sweep({}, [&](const RowElement &element, ValueRange) -> Values {
      Value key = candidates.key(element.x);
      Value counts = k.logicalAnd(element.valid, k.eq(k.bitAnd(k.bitXor(key, in[0]), in[1]), 0));
      if (candidates.member)
        counts = k.logicalAnd(counts, candidates.member(key, element.index));
      k.when(counts, [&] {
        Value digit = k.bitAnd(k.shrU(key, shift), kDigits - 1);
        Value offset = k.mul(k.add(k.mul(digit, kReplicas), lane), 4);
        Value weight = wide ? candidates.weight(element.x) : k.i32(1);
        // Halves of 16 bits: 2^16 additions to one counter cannot overflow it.
        atomicAddShared(k, arena.at(low, offset), wide ? k.bitAnd(weight, 0xffff) : weight);
        if (wide)
          atomicAddShared(k, arena.at(high, offset), k.shrU(weight, 16));
      });
      return {};
    });
    syncThreads(k);
    sumReplicas(wide);
    Values found = searchDigit(in[2]);
    Value decided = k.bitOr(k.shrU(in[1], 8), static_cast<int32_t>(0xff000000u));
    return {k.bitOr(in[0], k.shl(found[0], shift)), decided, k.sub(in[2], found[1]), found[2]};
  });
  return {state[0], state[2], state[3]};
}

// --- prefix sums
// -------------------------------------------------------------------------------------------------------------

Value RowSelect::firstExceeding(const Candidates &candidates, Value target) {
  // The weight of each warp's segment, then the segment in which the target is exceeded.
  Walk own = segment();
  Values sum = walk(own, k.i64(0), [&](const RowElement &element, ValueRange carried) -> Values {
    return {k.add(carried[0], k.zext(weigh(candidates, element), k.i64Ty))};
  });
  Value segmentSum = warpSum64(k, sum.front()), ofBlock = sumOfWarps(segmentSum), before = k.i64(0);
  if (cluster > 1) {
    syncAll();
    k.when(k.eq(thread, 0), [&] { storeShared(k, ofBlock, arena.at(mine)); });
    syncAll();
    for (int64_t i = 0; i + 1 < cluster; ++i)
      before = k.add(before, k.select(k.ltU(k.i32(i), rank), loadFrom(k.i32(i), k.i64Ty, mine), k.i64(0)));
  }
  k.when(k.eq(thread, 0), [&] { storeShared(k, k.i32(-1), arena.at(result)); });
  syncThreads(k);
  Value exists = k.ltU(lane, warps);
  Value weight = loadShared(k, k.i64Ty, arena.at(scratch, k.mul(k.select(exists, lane, k.i32(0)), 8)));
  weight = k.select(exists, weight, k.i64(0));
  Value inclusive = k.add(before, warpInclusiveSum64(k, weight));
  Value exceeding = ballot(k, k.gtU(inclusive, target)), owner = lowestBit(k, exceeding);
  Value start = shuffleIndex64(k, k.sub(inclusive, weight), owner);

  // That warp walks its segment again, tile by tile.
  Value isOwner = k.logicalAnd(k.eq(warp, owner), k.leU(start, target)); // else an earlier CTA has exceeded it
  k.when(isOwner, [&] {
    auto searching = [&](ValueRange state) { return k.logicalAnd(k.ltS(state[2], 0), k.ltU(state[0], own.vectors)); };
    Values found = k.loopWhile({k.i32(0), start, k.i32(-1)}, searching, [&](ValueRange state) -> Values {
      SmallVector<RowElement> elements = loadVector(k.add(own.base, k.mul(state[0], own.step)));
      Values weights;
      Value laneSum = k.i64(0);
      for (const RowElement &element : elements) {
        weights.push_back(k.zext(weigh(candidates, element), k.i64Ty));
        laneSum = k.add(laneSum, weights.back());
      }
      Value through = k.add(state[1], warpInclusiveSum64(k, laneSum)), running = k.sub(through, laneSum);
      Value index = k.i32(-1);
      for (auto [element, weight] : llvm::zip(elements, weights)) {
        running = k.add(running, weight);
        Value first = k.logicalAnd(k.ltS(index, 0), k.gtU(running, target));
        index = k.select(first, element.index, index);
      }
      Value lanes = ballot(k, k.gtU(through, target));
      Value winner = shuffleIndex(k, index, lowestBit(k, lanes));
      return {k.add(state[0], 1), shuffleIndex64(k, through, k.i32(31)), k.select(k.ne(lanes, 0), winner, k.i32(-1))};
    });
    k.when(k.eq(lane, 0), [&] { storeShared(k, found[2], arena.at(result)); });
  });
  syncAll();
  Value index = loadFrom(k.i32(0), k.i32Ty, result);
  for (int64_t i = 1; i < cluster; ++i) // one CTA has found it, or none
    index = k.maxS(index, loadFrom(k.i32(i), k.i32Ty, result));
  if (cluster > 1)
    syncAll(); // the next search may begin
  return index;
}

std::pair<Value, Value> hopper::prefixOf(KernelBuilder &k, RowSelect &row, const Candidates &candidates, Value target) {
  Threshold found = row.threshold(candidates, target);
  // If all elements with the threshold's key belong to it, the index does not matter.
  Values limit = k.whenElse(
      k.geU(found.missing, found.atKey), k.i32Ty, [&]() -> Values { return {k.i32(INT32_MAX)}; },
      [&]() -> Values {
        Candidates ties = candidates;
        ties.member = [&](Value key, Value index) {
          Value tie = k.eq(key, found.key);
          return candidates.member ? k.logicalAnd(tie, candidates.member(key, index)) : tie;
        };
        return {row.firstExceeding(ties, k.sub(found.missing, 1))};
      });
  return {found.key, limit.front()};
}

Value hopper::inPrefix(KernelBuilder &k, Value key, Value index, std::pair<Value, Value> prefix) {
  Value tie = k.logicalAnd(k.eq(key, prefix.first), k.leS(index, prefix.second));
  return k.logicalOr(k.gtU(key, prefix.first), tie);
}
