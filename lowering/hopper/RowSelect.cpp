// Largest element, radix selection and prefix sums over one row.
#include "lowering/hopper/RowSelect.h"
#include "lowering/hopper/blocks/Numerics.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

static constexpr int64_t kDigits = 256;  // a pass decides 8 bits of the key
static constexpr int64_t kReplicas = 16; // of every counter: two lanes share one, so that few collide
static constexpr int64_t kVectorsInFlight = RowSpread::kVectorsInFlight;
static constexpr int64_t kDigitsPerLane = kDigits / 32;

// --- i64 between lanes
// ------------------------------------------------------------------------------------------------------

static Value eachHalf(KernelBuilder &k, Value x, llvm::function_ref<Value(Value)> exchange) {
  Value low = exchange(k.trunc(x, k.i32Ty)), high = exchange(k.trunc(k.shrU(x, 32), k.i32Ty));
  return k.bitOr(k.zext(low, k.i64Ty), k.shl(k.zext(high, k.i64Ty), 32));
}
static Value warpSum64(KernelBuilder &k, Value x) {
  for (int64_t mask = 16; mask > 0; mask /= 2)
    x = k.add(x, eachHalf(k, x, [&](Value half) { return shuffleXor(k, half, mask); }));
  return x;
}
/// Sum over the lanes up to and including this one.
static Value warpInclusiveSum64(KernelBuilder &k, Value x) {
  Value lane = k.laneIndex();
  for (int64_t delta = 1; delta < 32; delta *= 2) {
    Value below = eachHalf(k, x, [&](Value half) { return shuffleUp(k, half, delta); });
    x = k.add(x, k.select(k.geU(lane, delta), below, k.i64(0)));
  }
  return x;
}
static Value shuffleIndex64(KernelBuilder &k, Value x, Value lane) {
  return eachHalf(k, x, [&](Value half) { return shuffleIndex(k, half, lane); });
}
/// Index of the lowest bit that is set; 32 for none, which as a lane is lane 0.
static Value lowestBit(KernelBuilder &k, Value mask) {
  return LLVM::CountTrailingZerosOp::create(k.b, k.loc, k.i32Ty, mask, /*is_zero_poison=*/false);
}

// --- the row
// ----------------------------------------------------------------------------------------------------------------

RowPrefix hopper::wholeRow(KernelBuilder &k) { return {k.i32(0), k.i32(INT32_MAX)}; }
Value hopper::inPrefix(KernelBuilder &k, Value key, Value index, const RowPrefix &prefix) {
  Value tie = k.logicalAnd(k.eq(key, prefix.key), k.leS(index, prefix.limit));
  return k.logicalOr(k.gtU(key, prefix.key), tie);
}

int64_t hopper::rowVector(const DeviceView &view) {
  bool aligned = view.strides[1] == 1 && view.alignment() == 16 && (view.strides[0] % 4 == 0 || view.sizes[0] == 1);
  return aligned && view.sizes[1] % 4 == 0 ? 4 : 1;
}
int64_t RowSpread::tiles(int64_t vector) const { return llvm::divideCeil(length, 32 * vector * warps * cluster); }
bool RowSpread::isResident() const { return tiles(4) * 32 * 16 * warps <= residentBytes; }

RowSelect::RowSelect(KernelBuilder &k, SmemArena &arena, const RowSpread &spread, const DeviceView &view, Value base,
                     Value row)
    : k(k), arena(arena), spread(spread), resident(spread.isResident()), thread(k.threadIndex()), lane(k.laneIndex()),
      warp(k.warpIndex()), rank(spread.cluster > 1 ? k.clusterRank() : k.i32(0)) {
  int64_t rowBytes = 4 * view.strides[0];
  strideBytes = 4 * view.strides[1];
  vector = rowVector(view);
  tiles = spread.tiles(vector);
  pointer = k.gep(base, k.mul(k.zext(row, k.i64Ty), rowBytes));
  cache = view.readOnly ? Cache::Constant : Cache::Default;
  low = arena.allocate(4 * kDigits * kReplicas), high = arena.allocate(4 * kDigits * kReplicas);
  totals = arena.allocate(2 * 8 * kDigits), sums = arena.allocate(8 * (kDigits + kDigits / kDigitsPerLane));
  perWarp = arena.allocate(8 * 32), best = arena.allocate(16), ofBlock = arena.allocate(16),
  result = arena.allocate(32);
  elements = resident ? arena.allocate(tiles * 32 * 4 * vector * spread.warps) : 0;
}

void RowSelect::syncAll() { spread.cluster > 1 ? clusterSync(k) : syncThreads(k); }
void RowSelect::finish() {
  if (spread.cluster > 1)
    clusterSync(k);
}

Value RowSelect::loadFrom(Value rank, Type type, int64_t offset, Value dynamicBytes) {
  Value address = arena.at(offset, dynamicBytes);
  return spread.cluster > 1 ? loadCluster(k, type, clusterAddress(k, address, rank)) : loadShared(k, type, address);
}

RowSelect::Tile RowSelect::tileAt(Value number) {
  Value ofBlock = k.add(k.mul(warp, tiles), number), ofRow = k.add(k.mul(rank, tiles * spread.warps), ofBlock);
  Value base = k.mul(k.add(k.mul(ofRow, 32), lane), vector);
  Tile tile{base, k.ltU(base, spread.length), k.mul(k.add(k.mul(ofBlock, 32), lane), 4 * vector), {}};
  for (int64_t i = 0; i < vector; ++i)
    tile.indices.push_back(k.add(base, i));
  return tile;
}

Values RowSelect::loadElements(const Tile &tile) {
  Value address = k.gep(pointer, k.mul(k.select(tile.valid, tile.base, k.i32(0)), strideBytes));
  Value loaded = loadGlobal(k, vector == 1 ? k.f32Ty : Type(k.vec(vector, k.f32Ty)), address, cache);
  return vector == 1 ? Values{loaded} : k.elements(loaded);
}

Values RowSelect::forTiles(ValueRange init, llvm::function_ref<Values(Value, ValueRange)> body) {
  return k.loop(k.i32(0), k.i32(tiles), 1, init, body);
}

static Value storable(KernelBuilder &k, const Values &x) { return x.size() == 1 ? x.front() : k.vector(x); }

Values RowSelect::keysOf(const Tile &tile) {
  if (resident) {
    Value loaded = loadShared(k, vector == 1 ? k.i32Ty : Type(k.vec(vector, k.i32Ty)), arena.at(elements, tile.slot));
    return vector == 1 ? Values{loaded} : k.elements(loaded);
  }
  Values keys;
  for (Value x : loadElements(tile))
    keys.push_back(k.select(tile.valid, makeKey(x), k.i32(0)));
  return keys;
}

void RowSelect::setKeys(std::function<Value(Value)> key) {
  makeKey = key;
  if (!resident)
    return;
  forTiles({}, [&](Value number, ValueRange) -> Values {
    Tile tile = tileAt(number);
    Values keys = keysOf(tile); // the elements as yet
    for (Value &x : keys)
      x = k.select(tile.valid, makeKey(k.bitcast(x, k.f32Ty)), k.i32(0));
    storeShared(k, storable(k, keys), arena.at(elements, tile.slot));
    return {};
  });
}

void RowSelect::visit(llvm::function_ref<void(ValueRange, ValueRange)> visitor) {
  forTiles({}, [&](Value number, ValueRange) -> Values {
    Tile tile = tileAt(number);
    visitor(keysOf(tile), tile.indices);
    return {};
  });
}

Value RowSelect::loadOfWarp(Type type) {
  return loadShared(k, type, arena.at(perWarp, k.mul(k.select(k.ltU(lane, spread.warps), lane, k.i32(0)), 8)));
}
Value RowSelect::loadOfBlock(Type type, int64_t offset) {
  return loadFrom(k.select(k.ltU(lane, spread.cluster), lane, k.i32(0)), type, offset, k.i32(0));
}

// --- the largest
// ------------------------------------------------------------------------------------------------------------

std::pair<Value, Value> RowSelect::argmax(llvm::function_ref<void()> meanwhile) {
  Value infinity = k.f32(-std::numeric_limits<double>::infinity());
  // The largest of each vector; then where in its vector the winner is.
  auto visitTiles = [&](Value first, int64_t count, ValueRange before) -> Values {
    SmallVector<std::pair<Tile, Values>> loaded;
    for (int64_t i = 0; i < count; ++i) {
      Tile tile = tileAt(k.add(first, i));
      loaded.push_back({tile, loadElements(tile)});
    }
    Value best = before[0], number = before[1];
    for (auto [i, vectorOf] : llvm::enumerate(loaded)) {
      auto &[tile, x] = vectorOf;
      if (resident)
        storeShared(k, storable(k, x), arena.at(elements, tile.slot));
      Value largest = x[0];
      for (Value other : llvm::drop_begin(x))
        largest = k.fmax(largest, other);
      Value better = k.logicalAnd(tile.valid, k.fgt(largest, best));
      best = k.select(better, largest, best);
      number = k.select(better, k.add(first, i), number);
    }
    return {best, number};
  };
  Values own{infinity, k.i32(0)};
  const int64_t whole = tiles / kVectorsInFlight * kVectorsInFlight;
  if (whole > 0)
    own = k.loop(k.i32(0), k.i32(whole), kVectorsInFlight, own,
                 [&](Value first, ValueRange before) { return visitTiles(first, kVectorsInFlight, before); });
  if (whole < tiles)
    own = visitTiles(k.i32(whole), tiles - whole, own);
  Tile winner = tileAt(own[1]);
  Value index = winner.base;
  Values x = resident ? keysOf(winner) : loadElements(winner);
  for (int64_t i = vector - 1; i >= 0; --i)
    index = k.select(k.feq(k.bitcast(x[i], k.f32Ty), own[0]), k.add(winner.base, i), index);
  index = k.select(winner.valid, index, k.i32(-1));

  // Pairs of key and index: of the warp, the CTA, the cluster.
  auto acrossLanes = [&](Value pair) {
    Value key = k.extract(pair, 0), largest = warpMaxUnsigned(k, key);
    return k.vector({largest, warpMinUnsigned(k, k.select(k.eq(key, largest), k.extract(pair, 1), k.i32(-1)))});
  };
  Type pairTy = k.vec(2, k.i32Ty);
  Value pair = acrossLanes(k.vector({orderedKey(k, own[0]), index}));
  k.when(k.eq(lane, 0), [&] { storeShared(k, pair, arena.at(perWarp, k.mul(warp, 8))); });
  meanwhile();
  syncThreads(k);
  pair = acrossLanes(loadOfWarp(pairTy));
  if (spread.cluster > 1) {
    k.when(k.eq(thread, 0), [&] { storeShared(k, pair, arena.at(best)); });
    syncAll();
    pair = acrossLanes(loadOfBlock(pairTy, best));
  }
  return {fromOrderedKey(k, k.extract(pair, 0)), k.extract(pair, 1)};
}

// --- threshold
// ---------------------------------------------------------------------------------------------------------------

Values RowSelect::weightsOf(ValueRange keys, ValueRange members, const Weight &weight) {
  // Of all, wanted or not, side by side: one after the other their latencies would add up.
  Values weights;
  for (auto [key, member] : llvm::zip(keys, members))
    weights.push_back(weight ? k.select(member, weight(key), k.i32(0)) : k.zext(member, k.i32Ty));
  return weights;
}

/// Adds the elements whose decided bits match to the counters of their next digit.
void RowSelect::count(const RowPrefix &within, const Weight &weight, Value decided, Value mask, Value shift) {
  visit([&](ValueRange keys, ValueRange indices) {
    Values matching;
    Value any = k.i1(false);
    for (auto [key, index] : llvm::zip(keys, indices)) {
      Value matches = k.eq(k.bitAnd(k.bitXor(key, decided), mask), 0);
      matching.push_back(k.logicalAnd(matches, inPrefix(k, key, index, within)));
      any = k.logicalOr(any, matching.back());
    }
    k.when(any, [&] {
      Values weights = weightsOf(keys, matching, weight);
      for (auto [key, matches, own] : llvm::zip(keys, matching, weights)) {
        Value digit = k.bitAnd(k.shrU(key, shift), kDigits - 1);
        Value offset = k.mul(k.add(k.mul(digit, kReplicas), k.bitAnd(lane, kReplicas - 1)), 4);
        k.when(matches, [&, own = own] {
          // Halves of 16 bits: 2^16 additions to one counter cannot overflow it.
          atomicAddShared(k, arena.at(low, offset), weight ? k.bitAnd(own, 0xffff) : own);
          if (weight)
            atomicAddShared(k, arena.at(high, offset), k.shrU(own, 16));
        });
      }
    });
  });
}

/// sums[digit] = what the cluster's counters of the digit hold. Clears the counters.
void RowSelect::sumDigits(Value pass, bool wide) {
  Value ofPass = k.mul(k.bitAnd(pass, 1), 8 * kDigits), zeros = k.zero(k.vec(4, k.i32Ty));
  Type fourTy = k.vec(4, k.i32Ty);
  syncThreads(k);
  k.loop(thread, k.i32(kDigits), threads(), [&](Value digit) {
    auto sumOf = [&](int64_t counters) {
      Value sum = k.i64(0);
      for (int64_t i = 0; i < kReplicas / 4; ++i) {
        // In an order that keeps banks apart.
        Value group = k.bitAnd(k.add(digit, i), kReplicas / 4 - 1);
        Value address = arena.at(counters, k.mul(k.add(k.mul(digit, kReplicas / 4), group), 16));
        for (Value part : k.elements(loadShared(k, fourTy, address)))
          sum = k.add(sum, k.zext(part, k.i64Ty));
        storeShared(k, zeros, address);
      }
      return sum;
    };
    Value sum = sumOf(low);
    if (wide)
      sum = k.add(sum, k.shl(sumOf(high), 16));
    storeShared(k, sum, arena.at(totals, k.add(ofPass, k.mul(digit, 8))));
  });
  syncAll();
  k.loop(thread, k.i32(kDigits), threads(), [&](Value digit) {
    Value bytes = k.add(ofPass, k.mul(digit, 8)), sum = k.i64(0);
    for (int64_t i = 0; i < spread.cluster; ++i)
      sum = k.add(sum, loadFrom(k.i32(i), k.i64Ty, totals, bytes));
    storeShared(k, sum, arena.at(sums, sumBytes(digit)));
  });
  syncThreads(k);
}

/// Where `sums` has a digit: eight digits of a lane are followed by a gap, so that lanes do not collide.
Value RowSelect::sumBytes(Value digit) { return k.mul(k.add(digit, k.divU(digit, kDigitsPerLane)), 8); }

/// The digit, from the highest down, at which the running weight reaches the target: (digit, weight above, weight at
/// it), the same in all lanes of the warp.
Values RowSelect::searchDigit(Value target) {
  auto weightOf = [&](Value digit) { return loadShared(k, k.i64Ty, arena.at(sums, sumBytes(digit))); };
  // First the lane, of those with eight digits each, then a lane for each of its digits.
  Value highest = k.sub(k.i32(kDigits - 1), k.mul(lane, kDigitsPerLane)), sum = k.i64(0);
  for (int64_t i = 0; i < kDigitsPerLane; ++i)
    sum = k.add(sum, weightOf(k.sub(highest, i)));
  Value inclusive = warpInclusiveSum64(k, sum);
  Value owner = lowestBit(k, ballot(k, k.geU(inclusive, target)));
  Value above = shuffleIndex64(k, k.sub(inclusive, sum), owner);
  Value digit = k.sub(shuffleIndex(k, highest, owner), k.bitAnd(lane, kDigitsPerLane - 1)), own = weightOf(digit);
  Value through = k.add(above, warpInclusiveSum64(k, k.select(k.ltU(lane, kDigitsPerLane), own, k.i64(0))));
  Value winner = lowestBit(k, ballot(k, k.geU(through, target)));
  above = k.sub(through, own);
  return {shuffleIndex(k, digit, winner), shuffleIndex64(k, above, winner), shuffleIndex64(k, own, winner)};
}

RowPrefix RowSelect::prefixOf(const RowPrefix &within, const Weight &weight, llvm::function_ref<Value(Value)> target) {
  bool wide = static_cast<bool>(weight);
  Value zeros = k.zero(k.vec(4, k.i32Ty));
  k.loop(thread, k.i32(2 * kDigits * kReplicas / 4), threads(),
         [&](Value i) { storeShared(k, zeros, arena.at(low, k.mul(i, 16))); }); // `high` follows `low`
  syncThreads(k);
  // (decided bits of the key, which bits are decided, weight still missing, weight at the last digit)
  Values state{k.i32(0), k.i32(0), k.i64(0), k.i64(0)};
  state = k.loop(k.i32(0), k.i32(4), 1, state, [&](Value pass, ValueRange in) -> Values {
    Value shift = k.sub(k.i32(24), k.mul(pass, 8));
    count(within, weight, in[0], in[1], shift);
    sumDigits(pass, wide);
    k.when(k.eq(warp, 0), [&, in = Values(in)] { // the others wait: all of them searching would take longer
      Values missing = k.whenElse(
          k.eq(pass, 0), k.i64Ty,
          [&]() -> Values { // everything has been counted
            Value total = k.i64(0);
            for (int64_t i = 0; i < kDigitsPerLane; ++i)
              total = k.add(total, loadShared(k, k.i64Ty, arena.at(sums, sumBytes(k.add(lane, 32 * i)))));
            return {target(warpSum64(k, total))};
          },
          [&]() -> Values { return {in[2]}; });
      Values found = searchDigit(missing[0]);
      k.when(k.eq(lane, 0), [&] {
        storeShared(k, k.vector({k.sub(missing[0], found[1]), found[2]}), arena.at(result));
        storeShared(k, k.bitOr(in[0], k.shl(found[0], shift)), arena.at(result + 16));
      });
    });
    syncThreads(k);
    Values weights = k.elements(loadShared(k, k.vec(2, k.i64Ty), arena.at(result)));
    Value decided = k.bitOr(k.shrU(in[1], 8), static_cast<int32_t>(0xff000000u));
    return {loadShared(k, k.i32Ty, arena.at(result + 16)), decided, weights[0], weights[1]};
  });
  Value key = state[0], missing = state[2], atKey = state[3];
  // If all elements with the threshold's key belong to it, and so if it is one, the index does not matter.
  Value ofOne = weight ? k.zext(weight(key), k.i64Ty) : k.i64(1);
  Values limit = k.whenElse(
      k.gtU(k.add(missing, ofOne), atKey), k.i32Ty, [&]() -> Values { return {k.i32(INT32_MAX)}; },
      [&]() -> Values {
        syncThreads(k); // what `result` held has been read
        k.when(k.eq(thread, 0), [&] { storeShared(k, k.i32(-1), arena.at(result)); });
        // Of the ties alone: elements with a larger key are not candidates.
        RowPrefix ties{key, k.select(k.eq(key, within.key), within.limit, k.i32(INT32_MAX))};
        Weight ofTie = [&](Value other) -> Value {
          Value own = weight ? weight(other) : k.i32(1);
          return k.select(k.eq(other, key), own, k.i32(0));
        };
        findExceeding(
            ties, ofTie, [&](Value) { return k.sub(missing, 1); },
            [&](Value index) { storeShared(k, index, arena.at(result)); });
        syncAll();
        Value index = k.i32(-1);
        for (int64_t i = 0; i < spread.cluster; ++i) // one CTA has found it
          index = k.maxS(index, loadFrom(k.i32(i), k.i32Ty, result, k.i32(0)));
        return {index};
      });
  // A prefix ends within the ties of the one that it is part of, or before them.
  return {key, k.select(k.eq(key, within.key), k.minS(limit.front(), within.limit), limit.front())};
}

// --- prefix sums
// -------------------------------------------------------------------------------------------------------------

/// Sum over the warp of u32 values, each of which fits 28 bits.
static Value warpAdd(KernelBuilder &k, Value x) {
  return NVVM::ReduxOp::create(k.b, k.loc, k.i32Ty, x, NVVM::ReduxKind::ADD, k.i32(-1), /*abs=*/false, /*nan=*/false);
}

Value RowSelect::weightOfTile(const RowPrefix &within, const Weight &weight, const Tile &tile, Values *ofElements) {
  Values keys = keysOf(tile), members;
  for (auto [key, index] : llvm::zip(keys, tile.indices))
    members.push_back(inPrefix(k, key, index, within));
  Values weights = weightsOf(keys, members, weight);
  Value low = k.i32(0), high = k.i32(0);
  for (Value own : weights)
    low = k.add(low, k.bitAnd(own, 0xffff)), high = k.add(high, k.shrU(own, 16));
  if (ofElements)
    *ofElements = weights;
  return k.add(k.zext(warpAdd(k, low), k.i64Ty), k.shl(k.zext(warpAdd(k, high), k.i64Ty), 16));
}

Value RowSelect::findExceeding(const RowPrefix &within, const Weight &weight, llvm::function_ref<Value(Value)> target,
                               llvm::function_ref<void(Value)> found) {
  // The weight of each warp's segment, in groups of tiles, one for each lane; then the segment that exceeds the target.
  const int64_t tilesOfLane = llvm::divideCeil(tiles, 32);
  Value ofLane = forTiles(k.i64(0), [&](Value number, ValueRange carried) -> Values {
                   Value sum = weightOfTile(within, weight, tileAt(number), nullptr);
                   Value mine = k.eq(k.divU(number, tilesOfLane), lane);
                   return {k.add(carried[0], k.select(mine, sum, k.i64(0)))};
                 }).front();
  // Running sums over lanes, the CTA's warps, the cluster's CTAs.
  Value throughLane = warpInclusiveSum64(k, ofLane), ofSegment = shuffleIndex64(k, throughLane, k.i32(31));
  syncThreads(k); // what argmax or an earlier search has stored has been read
  k.when(k.eq(lane, 0), [&] { storeShared(k, ofSegment, arena.at(perWarp, k.mul(warp, 8))); });
  syncThreads(k);
  auto scan = [&](Value x, int64_t count, Value here) -> std::pair<Value, Value> { // total, and before `here`
    Value counted = k.select(k.ltU(lane, count), x, k.i64(0)), through = warpInclusiveSum64(k, counted);
    return {shuffleIndex64(k, through, k.i32(31)), shuffleIndex64(k, k.sub(through, counted), here)};
  };
  auto [total, before] = scan(loadOfWarp(k.i64Ty), spread.warps, warp);
  if (spread.cluster > 1) {
    k.when(k.eq(thread, 0), [&, total = total] { storeShared(k, total, arena.at(ofBlock)); });
    syncAll();
    auto [all, blocksBefore] = scan(loadOfBlock(k.i64Ty, ofBlock), spread.cluster, rank);
    total = all, before = k.add(before, blocksBefore);
  }
  Value wanted = target(total), own = k.add(k.mul(rank, spread.warps), warp);
  // Each warp knows whether it is the one.
  Value isOwn = k.logicalAnd(k.leU(before, wanted), k.gtU(k.add(before, ofSegment), wanted));
  k.when(isOwn, [&, before = before] {
    Value through = k.add(before, throughLane), owner = lowestBit(k, ballot(k, k.gtU(through, wanted)));
    Value start = shuffleIndex64(k, k.sub(through, ofLane), owner);
    walkTiles(within, weight, k.mul(owner, tilesOfLane), start, wanted, found);
  });
  Value none = k.leU(total, wanted), first = k.logicalAnd(k.eq(own, 0), k.eq(lane, 0));
  k.when(k.logicalAnd(none, first), [&] { found(k.i32(-1)); });
  return total;
}

/// The warp walks its tiles from number `first` on until the element is found.
void RowSelect::walkTiles(const RowPrefix &within, const Weight &weight, Value first, Value start, Value target,
                          llvm::function_ref<void(Value)> found) {
  auto searching = [&](ValueRange state) { return k.logicalAnd(k.ltS(state[2], 0), k.ltU(state[0], tiles)); };
  Values end = k.loopWhile({first, start, k.i32(-1)}, searching, [&](ValueRange state) -> Values {
    Tile tile = tileAt(state[0]);
    Values weights;
    Value ofTile = weightOfTile(within, weight, tile, &weights), laneSum = k.i64(0);
    for (Value &own : weights) {
      own = k.zext(own, k.i64Ty);
      laneSum = k.add(laneSum, own);
    }
    Value through = k.add(state[1], warpInclusiveSum64(k, laneSum)), running = k.sub(through, laneSum);
    Value index = k.i32(-1);
    for (auto [candidate, own] : llvm::zip(tile.indices, weights)) {
      running = k.add(running, own);
      Value exceeds = k.logicalAnd(k.ltS(index, 0), k.gtU(running, target));
      index = k.select(exceeds, candidate, index);
    }
    Value lanes = ballot(k, k.gtU(through, target));
    Value winner = shuffleIndex(k, index, lowestBit(k, lanes));
    return {k.add(state[0], 1), k.add(state[1], ofTile), k.select(k.ne(lanes, 0), winner, k.i32(-1))};
  });
  k.when(k.eq(lane, 0), [&] { found(end[2]); });
}
