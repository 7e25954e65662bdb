// How multi-query attention on products of warpgroups shares its work, and joins what it cut; see MlaDecodeWgmma.cpp.
//
// Items: each sequence, once for every `together` of its row tiles. All items' pairs of tiles, put end to end, are cut
// into stretches, one for each group of `together` CTAs (one row tile each). A boundary is an item and a pair in it; a
// CTA's share lies between boundaries g and g + 1. Every CTA finds its own from the sequences' lengths, in one warp:
// each lane sums up a few neighbouring sequences, then lanes scan.
//
// Three ways to place the boundaries, the cheapest by its longest share:
//   parts    no more items than groups: each item gets as many groups to itself as its length asks for
//   whole    more items: the same number of whole items to each group
//   equal    equal lengths, wherever the boundaries fall; costs an additional task and two joins in a group
//
// A group has at most two parts of cut items: the one its share begins with and the one it ends with, a slot in scratch
// memory each. A part's results go there as they lie in registers, with log2 of the rows' sums, and its CTA arrives at
// the item's counter. Of two parts, the first is the last thing that its CTA does, the second the first: the CTA of the
// first part keeps its own in shared memory and adds the other. Of more, each CTA joins a share of the result once all
// have arrived. They all run at the same time: where the GPU has fewer multiprocessors than CTAs, items stay whole.
#include "lowering/hopper/MlaDecodeWgmma.h"
#include "lowering/hopper/blocks/Convert.h"
#include "lowering/hopper/blocks/Grid.h"
#include "lowering/hopper/blocks/Memory.h"
#include "lowering/hopper/blocks/Sync.h"
#include "lowering/hopper/blocks/Warp.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::hopper;

namespace {
constexpr int64_t kKnownSequences = 4; // of a lane, whose lengths stay in registers
constexpr int64_t kTokensUnderWay = 4; // whose positions are loaded together
constexpr int64_t kPartsUnderWay = 8;  // that are loaded together
constexpr int64_t kVectorBytes = 16;
} // namespace

// --- shares ---

/// Pairs of tiles that some token of a sequence sees.
Value WgmmaDecode::pairsOf(Value sequence) {
  const int64_t tokens = plan.tokens / plan.sequences;
  Value first = k.mul(sequence, tokens);
  auto position = [&](Value token) {
    return loadGlobal(k, k.i32Ty, k.gep(operands.positions, k.mul(k.zext(k.add(first, token), k.i64Ty), 4)));
  };
  Value last = position(k.i32(0));
  if (tokens > 1)
    last = k.loop(k.i32(0), k.i32(tokens), kTokensUnderWay, {last}, [&](Value token, ValueRange values) -> Values {
      Value last = values[0];
      for (int64_t i = 0; i < std::min(tokens, kTokensUnderWay); ++i)
        last = k.maxS(last, position(k.minU(k.add(token, i), tokens - 1)));
      return {last};
    })[0];
  Value count = k.maxS(k.add(k.minS(last, plan.tablePages * plan.page - 1), 1), 0);
  return k.ceilDivU(count, 2 * kKeys);
}

namespace {
/// What a lane remembers of the sequence that holds a boundary.
struct Found {
  Value sequence, pairs, units, start; // units: of one item; start: of the sequence's first item, in units
  explicit Found(ValueRange values) : sequence(values[0]), pairs(values[1]), units(values[2]), start(values[3]) {}
  static constexpr int64_t kValues = 4;
};
} // namespace

/// Run by one warp.
void WgmmaDecode::findShare() {
  const int64_t own = llvm::divideCeil(plan.sequences, 32), items = shares.items(), groups = shares.groups();
  const int64_t each = groups / items, copies = shares.copies();
  Value firstOwn = k.mul(lane, own);
  auto pairsAt = [&](Value index) {
    Value sequence = k.add(firstOwn, index);
    return k.select(k.ltU(sequence, plan.sequences), pairsOf(k.minU(sequence, plan.sequences - 1)), k.i32(0));
  };
  Values known;
  for (int64_t i = 0; i < own && own <= kKnownSequences; ++i)
    known.push_back(pairsAt(k.i32(i)));
  auto forOwn = [&](ValueRange init, llvm::function_ref<Values(Value, Value, ValueRange)> body) {
    if (known.empty())
      return k.loop(k.i32(0), k.i32(own), 1, init,
                    [&](Value index, ValueRange values) { return body(index, pairsAt(index), values); });
    Values values(init);
    for (auto [i, pairs] : llvm::enumerate(known))
      values = body(k.i32(i), pairs, values);
    return values;
  };

  Values sums = forOwn({k.i32(0), k.i32(0)}, [&](Value, Value pairs, ValueRange values) -> Values {
    return {k.add(values[0], pairs), k.maxU(values[1], pairs)};
  });
  Value total = k.mul(warpSum(k, sums[0]), copies), longest = warpMax(k, sums[1]);

  // The longest share of each way, in pairs.
  Value part, equal = k.i1(false); // pairs of a part
  const int64_t wholeItems = llvm::divideCeil(items, groups);
  if (each > 0) {
    part = k.ceilDivU(longest, each);
    if (groups > items) // enough groups even if every item's last part were as good as empty
      part = k.minU(part, k.ceilDivU(total, groups - items));
    // Every part is stored and read again.
    Value square = k.fmul(k.intToFloat(total, k.f32Ty), k.f32(shares.partPairs()));
    Value least = k.floatToInt(k.fadd(k.fmul(square, rsqrtFast(k, k.fmax(square, k.f32(0.01)))), k.f32(0.5)), k.i32Ty);
    part = k.maxU(k.maxU(part, least), 1);
  }
  Value line = k.add(total, items * shares.kTaskPairs); // length of all items put end to end
  if (shares.cuts && items > 1) {
    Value regular = each > 0 ? k.add(part, shares.kTaskPairs) : k.mul(k.add(longest, shares.kTaskPairs), wholeItems);
    equal = k.ltU(k.add(k.ceilDivU(line, groups), shares.kCutPairs), regular);
  }
  if (shares.cuts) {
    Value runTogether = k.geU(multiprocessorCount(k), shares.blocks());
    equal = k.logicalAnd(equal, runTogether);
    if (each > 0)
      part = k.select(runTogether, part, k.maxU(longest, 1));
  } else if (each > 0) {
    part = k.maxU(longest, 1);
  }

  auto unitsOf = [&](Value pairs) { // of an item
    Value regular = each > 0 ? k.maxU(k.divU(k.add(pairs, k.sub(part, 1)), part), 1) : k.i32(1);
    return k.select(equal, k.add(pairs, shares.kTaskPairs), regular);
  };
  Value group = k.divU(k.blockIndex(), shares.together());
  auto boundaryOf = [&](Value group) { // in units
    return k.select(equal, k.divU(k.mul(group, line), groups), each > 0 ? group : k.mul(group, wholeItems));
  };
  Value units = forOwn({k.i32(0)}, [&](Value, Value pairs, ValueRange values) -> Values {
    return {k.add(values[0], k.mul(unitsOf(pairs), copies))};
  })[0];
  // Lanes past the last sequence have sequences of no pairs, which are no items.
  units = k.select(k.ltU(firstOwn, plan.sequences), units, k.i32(0));
  Value before = units;
  for (int64_t delta = 1; delta < 32; delta *= 2)
    before = k.add(before, k.select(k.geU(lane, delta), shuffleUp(k, before, delta), k.i32(0)));
  before = k.sub(before, units);

  Value targets[2] = {boundaryOf(group), boundaryOf(k.add(group, 1))};
  Values state(2 * Found::kValues + 1, k.i32(0));
  state.back() = before;
  state = forOwn(state, [&](Value index, Value pairs, ValueRange values) -> Values {
    Value units = unitsOf(pairs), start = values.back(), end = k.add(start, k.mul(units, copies));
    Values next;
    for (int64_t i = 0; i < 2; ++i) {
      Value inside = k.logicalAnd(k.geU(targets[i], start), k.ltU(targets[i], end));
      Value here[] = {k.add(firstOwn, index), pairs, units, start};
      for (int64_t j = 0; j < Found::kValues; ++j)
        next.push_back(k.select(inside, here[j], values[i * Found::kValues + j]));
    }
    next.push_back(end);
    return next;
  });
  for (int64_t i = 0; i < 2; ++i) {
    Value inside = k.logicalAnd(k.geU(targets[i], before), k.ltU(targets[i], k.add(before, units)));
    Value holders = ballot(k, inside), holder = popCount(k, k.sub(holders, 1));
    Values mine;
    for (Value value : ValueRange(state).slice(i * Found::kValues, Found::kValues))
      mine.push_back(shuffleIndex(k, value, holder));
    Found found(mine);
    found.units = k.maxU(found.units, 1);
    Value rest = k.sub(targets[i], found.start), copy = copies == 1 ? k.i32(0) : k.divU(rest, found.units);
    Value start = k.add(found.start, k.mul(copy, found.units)), within = k.sub(targets[i], start);
    Value item = k.add(k.mul(found.sequence, copies), copy);
    // A boundary near an item's start or end is moved there.
    Value past = k.logicalAnd(
        equal, k.logicalAnd(k.geU(within, shares.kLeastPairs), k.gtS(within, k.sub(found.pairs, shares.kLeastPairs))));
    Value cut = k.select(equal, k.select(k.ltU(within, shares.kLeastPairs), k.i32(0), within),
                         k.divU(k.mul(within, found.pairs), found.units));
    // Groups of the item's parts: those of the boundaries inside it, and the one before.
    Value divisor = k.maxU(line, 1);
    auto groupAt = [&](Value unit) { // the first whose boundary is not before `unit`
      return k.divU(k.add(k.mul(unit, groups), k.sub(divisor, 1)), divisor);
    };
    Value head = k.select(equal, k.sub(groupAt(k.add(start, shares.kLeastPairs)), 1), start);
    Value tail = k.select(equal, k.sub(groupAt(k.add(k.add(start, found.pairs), 1 - shares.kLeastPairs)), 1),
                          k.sub(k.add(start, found.units), 1));
    Value none = k.eq(holders, 0); // past the last item
    item = k.select(none, k.i32(items), k.select(past, k.add(item, 1), item));
    cut = k.select(k.logicalOr(none, past), k.i32(0), cut);
    k.when(k.eq(lane, 0),
           [&] { storeShared(k, k.vector({item, cut, head, tail}), arena.at(share, k.i32(i * kBoundaryBytes))); });
  }
}

WgmmaDecode::Boundary WgmmaDecode::boundary(Value index) {
  Value pointer = arena.at(share, k.mul(index, kBoundaryBytes));
  auto load = [&](int64_t i) { return loadShared(k, k.i32Ty, k.gep(pointer, 4 * i)); }; // what is not used goes away
  return {load(0), load(1), load(2), load(3)};
}

/// Whether the share begins amid the item (or ends there).
Value WgmmaDecode::beginsInside() {
  Boundary begin = boundary(k.i32(0));
  return k.logicalAnd(k.eq(begin.item, taskIndex), k.ne(begin.pair, 0));
}
Value WgmmaDecode::endsInside() {
  Boundary end = boundary(k.i32(1));
  return k.logicalAnd(k.eq(end.item, taskIndex), k.ne(end.pair, 0));
}

// --- parts ---

Value WgmmaDecode::slotOf(Value group, Value isFirst) {
  Value slot = k.add(k.shl(group, 1), k.zext(isFirst, k.i32Ty));
  return k.add(k.mul(slot, shares.together()), k.remU(k.blockIndex(), shares.together()));
}
Value WgmmaDecode::slotOfTask() {
  return slotOf(k.divU(k.blockIndex(), shares.together()), k.logicalNot(beginsInside()));
}
Value WgmmaDecode::slotPointer(Value slot) {
  return k.gep(operands.scratch, k.mul(k.zext(slot, k.i64Ty), shares.slotRows() * plan.tiling.latent * 4));
}
Value WgmmaDecode::sumPointer(Value slot, Value row) {
  const int64_t results = shares.slots() * shares.slotRows() * plan.tiling.latent;
  Value index = k.add(k.mul(slot, kRows), row);
  return k.gep(operands.scratch, k.mul(k.add(k.zext(index, k.i64Ty), results), 4));
}
/// Of a warp's i-th vector of registers among those of `rows` rows.
Value WgmmaDecode::vectorOffset(Value half, Value rowGroup, Value i, int64_t rows) {
  const int64_t vectors = tiling.valueColumns() / 8;
  Value warps = k.add(k.mul(half, rows / 16), rowGroup);
  return k.shl(k.add(k.mul(k.add(k.mul(warps, vectors), i), 32), lane), 4);
}

/// Normalised results, four registers (two rows) at a time, and each vector's place after the lane's first.
static void eachVector(KernelBuilder &k, MutableArrayRef<Accumulator> sums, ArrayRef<Value> inverse,
                       llvm::function_ref<void(Value scaled, int64_t bytes)> visit) {
  int64_t vector = 0;
  for (Accumulator &sum : sums)
    for (int64_t i = 0; i < sum.size(); i += 4, ++vector) {
      Values scaled;
      for (int64_t j = 0; j < 4; ++j)
        scaled.push_back(k.fmul(sum[i + j], inverse[j / 2]));
      visit(k.vector(scaled), vector * 32 * kVectorBytes);
    }
}

/// Run by the values' warps.
void WgmmaDecode::storePart(Sums &sums, ArrayRef<Value> inverse) {
  Value slot = slotOfTask(), rowGroup = k.bitAnd(warp, 3);
  k.when(k.ltU(rowGroup, shares.slotRows() / 16), [&] {
    Value target = k.gep(slotPointer(slot), vectorOffset(half, rowGroup, k.i32(0), shares.slotRows()));
    eachVector(k, sums, inverse, [&](Value scaled, int64_t bytes) { storeGlobal(k, scaled, k.gep(target, bytes)); });
  });
  k.when(k.logicalAnd(k.eq(half, 0), k.eq(k.bitAnd(lane, 3), 0)), [&] {
    for (int64_t h = 0; h < 2; ++h) {
      Value row = rowOfLane(h);
      storeGlobal(k, loadShared(k, k.f32Ty, k.gep(arena.at(logSums), k.shl(row, 2))), sumPointer(slot, row));
    }
  });
  arrive();
}

/// A part without positions.
void WgmmaDecode::storeEmptyPart() {
  Value thread = k.sub(pinRegisters(k, {k.threadIndex()})[0], kValues * 32), slot = slotOfTask(),
        target = slotPointer(slot);
  k.loop(thread, k.i32(shares.slotRows() * plan.tiling.latent / 4), kValueWarps * 32,
         [&](Value index) { storeGlobal(k, k.zero(k.vec(4, k.i32Ty)), k.gep(target, k.shl(index, 4))); });
  k.when(k.ltU(thread, kRows),
         [&] { storeGlobal(k, k.f32(-std::numeric_limits<double>::infinity()), sumPointer(slot, thread)); });
  arrive();
}

Value WgmmaDecode::counterPointer(Value head) {
  Value index = k.add(k.mul(head, shares.together()), k.remU(k.blockIndex(), shares.together()));
  return k.gep(counters, k.shl(index, 2));
}

/// The CTA's part of the present task is in scratch memory.
void WgmmaDecode::arrive() {
  namedBarrier(k, kValuesBarrier, kValueWarps * 32);
  k.when(k.eq(k.threadIndex(), kValues * 32), [&] {
    fenceDevice(k);
    Value head = k.select(beginsInside(), boundary(k.i32(0)).head, boundary(k.i32(1)).head);
    atomicAddGlobal(k, counterPointer(head), k.i32(1));
  });
}

void WgmmaDecode::awaitParts(Value head, Value parts) {
  Value counter = counterPointer(head);
  k.loopWhile(
      {}, [&](ValueRange) { return k.ltU(loadAcquire(k, counter), parts); }, [](ValueRange) -> Values { return {}; });
  namedBarrier(k, kValuesBarrier, kValueWarps * 32);
}

/// Whether the task is the first of two parts, which its CTA joins.
Value WgmmaDecode::joinsTail() {
  Boundary end = boundary(k.i32(1));
  Value two = k.eq(end.tail, k.add(end.head, 1));
  return k.logicalAnd(k.logicalAnd(endsInside(), k.logicalNot(beginsInside())), two);
}

/// Waits for the second of two parts. Nobody else looks at the counter.
void WgmmaDecode::awaitTail() {
  Boundary end = boundary(k.i32(1));
  awaitParts(end.head, k.i32(1));
  k.when(k.eq(k.threadIndex(), kValues * 32), [&] { storeGlobal(k, k.i32(0), counterPointer(end.head)); });
}

/// Adds the second part to this one, whose registers shared memory holds meanwhile: each thread its own. It is the
/// CTA's last task: nothing is copied to the ring any more.
void WgmmaDecode::joinTail(Sums &sums, ArrayRef<Value> inverse) {
  namedBarrier(k, kValuesBarrier, kValueWarps * 32); // everybody has read the last tile
  const int64_t vectors = tiling.valueColumns() / 8, underWay = std::min<int64_t>(vectors, 16);
  Value rowGroup = k.bitAnd(warp, 3), known = k.minU(rowGroup, shares.slotRows() / 16 - 1);
  Value offset = vectorOffset(half, known, k.i32(0), shares.slotRows()),
        own = k.gep(arena.at(ring), vectorOffset(half, rowGroup, k.i32(0), kRows));
  eachVector(k, sums, inverse, [&](Value scaled, int64_t bytes) { storeShared(k, scaled, k.gep(own, bytes)); });
  awaitTail();
  Value slot = slotOf(boundary(k.i32(1)).tail, k.i1(false)), other = k.gep(slotPointer(slot), offset);
  Value least = k.f32(-std::numeric_limits<double>::infinity()), factors[2][2];
  for (int64_t h = 0; h < 2; ++h) {
    Value row = rowOfLane(h);
    Value logs[2] = {loadShared(k, k.f32Ty, k.gep(arena.at(logSums), k.shl(row, 2))),
                     loadGlobal(k, k.f32Ty, sumPointer(slot, row))};
    Value top = k.fmax(logs[0], logs[1]), base = k.select(k.feq(top, least), k.f32(0), top);
    Value weights[2] = {exp2Fast(k, k.fsub(logs[0], base)), exp2Fast(k, k.fsub(logs[1], base))};
    Value sum = k.fadd(weights[0], weights[1]);
    Value inverse = k.select(k.fgt(sum, k.f32(0)), reciprocalFast(k, sum), k.f32(0));
    for (int64_t i = 0; i < 2; ++i)
      factors[i][h] = k.fmul(weights[i], inverse);
  }
  k.loop(k.i32(0), k.i32(vectors), underWay, [&](Value first) {
    Value bytes = k.mul(first, 32 * kVectorBytes);
    std::vector<Values> loaded;
    for (int64_t i = 0; i < underWay; ++i)
      loaded.push_back(k.elements(loadGlobal(k, k.vec(4, k.f32Ty), k.gep(k.gep(other, bytes), i * 32 * kVectorBytes))));
    for (int64_t i = 0; i < underWay; i += 4) {
      Values packed[2];
      for (int64_t j = i; j < i + 4; ++j) {
        Values mine = k.elements(loadShared(k, k.vec(4, k.f32Ty), k.gep(k.gep(own, bytes), j * 32 * kVectorBytes)));
        for (int64_t h = 0; h < 2; ++h) {
          Value pair[2];
          for (int64_t c = 0; c < 2; ++c)
            pair[c] = k.fma(mine[2 * h + c], factors[0][h], k.fmul(loaded[j][2 * h + c], factors[1][h]));
          packed[h].push_back(packBf16(k, pair[0], pair[1]));
        }
      }
      for (int64_t h = 0; h < 2; ++h)
        storeEight(rowOfLane(h), k.mul(k.add(first, i), 8), packed[h]);
    }
  });
}

/// The end of a CTA: its share of the items that it has parts of.
void WgmmaDecode::joinParts() {
  k.loop(k.i32(0), k.i32(2), 1, [&](Value index) {
    Boundary cut = boundary(index), begin = boundary(k.i32(0));
    Value parts = k.add(k.sub(cut.tail, cut.head), 1);
    Value again = k.logicalAnd(k.eq(index, 1), k.logicalAnd(k.eq(begin.item, cut.item), k.ne(begin.pair, 0)));
    Value mine = k.logicalAnd(k.ne(cut.pair, 0), k.logicalNot(again));
    if (keepsHeads())
      mine = k.logicalAnd(mine, k.gtU(parts, 2));
    k.when(mine, [&] {
      setTask(cut.item);
      awaitParts(cut.head, parts);
      // The last one to have seen them all leaves the counter as it was.
      k.when(k.eq(k.threadIndex(), kValues * 32), [&] {
        Value counter = counterPointer(cut.head), old = atomicAddGlobal(k, counter, k.i32(1));
        k.when(k.eq(old, k.sub(k.shl(parts, 1), 1)), [&] { storeGlobal(k, k.i32(0), counter); });
      });
      // Many parts are shared by the warps of a CTA: 1, 2, 4 or 8 to a unit.
      Value together = k.i32(0); // log2
      for (int64_t most = kPartsUnderWay; most < kPartsUnderWay * kValueWarps; most *= 2)
        together = k.add(together, k.zext(k.gtU(parts, most), k.i32Ty));
      const int64_t units = 2 * (shares.slotRows() / 16) * (tiling.valueColumns() / 16);
      Value part = k.sub(k.divU(k.blockIndex(), shares.together()), cut.head),
            atOnce = k.shrU(k.i32(kValueWarps), together);
      k.loopWhile(
          {k.mul(part, atOnce)}, [&](ValueRange values) { return k.ltU(values[0], units); },
          [&](ValueRange values) -> Values {
            joinUnits(cut, parts, values[0], together, units);
            return {k.add(values[0], k.mul(parts, atOnce))};
          });
    });
  });
}

namespace {
/// Weighted sums of two vectors of registers, 16 columns of 16 rows.
struct JoinState {
  Values values; // [vector][row][column], then sums of the weights, then maxima of log2, of each row
  static constexpr int64_t kWeights = 8, kTops = 10, kValues = 12;

  /// `logs` [row][part], `vectors` [part][8]: weighted sums in their order.
  void add(KernelBuilder &k, const Values (&logs)[2], ArrayRef<Values> vectors, const Values (&weightsOf)[2]) {
    Value least = k.f32(-std::numeric_limits<double>::infinity());
    for (int64_t h = 0; h < 2; ++h) {
      Value top = values[kTops + h];
      for (Value log : logs[h])
        top = k.fmax(top, log);
      Value base = k.select(k.feq(top, least), k.f32(0), top);
      Value shrink = exp2Fast(k, k.fsub(values[kTops + h], base));
      values[kTops + h] = top;
      auto addTo = [&](int64_t at, ArrayRef<Value> weights, llvm::function_ref<Value(int64_t)> term) {
        Value sum = k.fmul(values[at], shrink);
        for (auto [i, weight] : llvm::enumerate(weights))
          sum = k.fma(weight, term(i), sum);
        values[at] = sum;
      };
      Values weights;
      for (Value log : logs[h])
        weights.push_back(exp2Fast(k, k.fsub(log, base)));
      addTo(kWeights + h, weights, [&](int64_t i) { return weightsOf[h][i]; });
      for (int64_t at : {0, 1, 4, 5})
        addTo(at + 2 * h, weights, [&](int64_t i) { return vectors[i][at + 2 * h]; });
    }
  }
};
} // namespace

/// 2^together warps take a unit, every so many-th batch of its parts each.
void WgmmaDecode::joinUnits(const Boundary &cut, Value parts, Value firstUnit, Value together, int64_t units) {
  const int64_t pairs = tiling.valueColumns() / 16, groups = shares.slotRows() / 16;
  Value valueWarp = k.sub(warp, kValues), mask = k.sub(k.shl(k.i32(1), together), 1), turn = k.bitAnd(valueWarp, mask);
  Value wanted = k.add(firstUnit, k.shrU(valueWarp, together)), unit = k.minU(wanted, units - 1);
  Value pair = k.remU(unit, pairs), rest = k.divU(unit, pairs), half = k.divU(rest, groups),
        rowGroup = k.remU(rest, groups);
  Value offset = vectorOffset(half, rowGroup, k.shl(pair, 1), shares.slotRows()),
        row = k.add(k.shl(rowGroup, 4), k.shrU(lane, 2)); // and row + 8
  Value least = k.f32(-std::numeric_limits<double>::infinity()), one = k.f32(1);
  JoinState start{Values(JoinState::kValues, k.f32(0))};
  start.values[JoinState::kTops] = start.values[JoinState::kTops + 1] = least;
  Values state = start.values;
  state.push_back(k.mul(turn, kPartsUnderWay));
  state = k.loopWhile(
      state, [&](ValueRange values) { return k.ltU(values.back(), parts); },
      [&](ValueRange values) -> Values {
        std::vector<Values> vectors;
        Values logs[2], ones[2] = {Values(kPartsUnderWay, one), Values(kPartsUnderWay, one)};
        for (int64_t i = 0; i < kPartsUnderWay; ++i) {
          Value part = k.add(values.back(), i), known = k.minU(part, k.sub(parts, 1));
          Value slot = slotOf(k.add(cut.head, known), k.eq(known, 0));
          for (int64_t h = 0; h < 2; ++h) {
            Value log = loadGlobal(k, k.f32Ty, sumPointer(slot, k.add(row, 8 * h)));
            logs[h].push_back(k.select(k.eq(part, known), log, least));
          }
          Value source = k.gep(slotPointer(slot), offset);
          Values loaded;
          for (int64_t v = 0; v < 2; ++v)
            loaded.append(k.elements(loadGlobal(k, k.vec(4, k.f32Ty), k.gep(source, v * 32 * kVectorBytes))));
          vectors.push_back(loaded);
        }
        JoinState next{Values(values.drop_back())};
        next.add(k, logs, vectors, ones);
        next.values.push_back(k.add(values.back(), k.shl(k.i32(kPartsUnderWay), together)));
        return next.values;
      });
  state.pop_back();

  // The first of the unit's warps adds what the others have.
  auto placeOf = [&](Value warp, int64_t i) {
    return k.gep(arena.at(ring), k.shl(k.add(k.mul(k.add(k.mul(warp, JoinState::kValues), i), 32), lane), 2));
  };
  k.when(k.ne(together, 0), [&] {
    namedBarrier(k, kValuesBarrier, kValueWarps * 32); // what was there before has been read
    for (auto [i, value] : llvm::enumerate(state))
      storeShared(k, value, placeOf(valueWarp, i));
    namedBarrier(k, kValuesBarrier, kValueWarps * 32);
  });
  k.when(k.logicalAnd(k.eq(turn, 0), k.ltU(wanted, units)), [&] {
    state = k.loop(k.i32(1), k.shl(k.i32(1), together), 1, state, [&](Value index, ValueRange values) -> Values {
      Values other;
      for (int64_t i = 0; i < JoinState::kValues; ++i)
        other.push_back(loadShared(k, k.f32Ty, placeOf(k.add(valueWarp, index), i)));
      JoinState next{Values(values)};
      Values logs[2] = {{other[JoinState::kTops]}, {other[JoinState::kTops + 1]}};
      Values weights[2] = {{other[JoinState::kWeights]}, {other[JoinState::kWeights + 1]}};
      next.add(k, logs, {other}, weights);
      return next.values;
    });
    storeJoined(state, half, pair, row);
  });
}

/// Lanes exchange in pairs: four neighbouring columns each, eight bytes.
void WgmmaDecode::storeJoined(ArrayRef<Value> state, Value half, Value pair, Value row) {
  Value odd = k.bitAnd(lane, 1), isOdd = k.ne(odd, 0);
  Value column = k.add(k.add(k.mul(half, tiling.valueColumns()), k.mul(k.add(k.shl(pair, 1), odd), 8)),
                       k.shl(k.shrU(k.bitAnd(lane, 3), 1), 2));
  for (int64_t h = 0; h < 2; ++h) {
    Value weight = state[JoinState::kWeights + h];
    Value inverse = k.select(k.fgt(weight, k.f32(0)), reciprocalFast(k, weight), k.f32(0));
    Value packed[2];
    for (int64_t v = 0; v < 2; ++v)
      packed[v] = packBf16(k, k.fmul(state[4 * v + 2 * h], inverse), k.fmul(state[4 * v + 2 * h + 1], inverse));
    Value got = shuffleXor(k, k.select(isOdd, packed[0], packed[1]), 1);
    Value low = k.select(isOdd, got, packed[0]), high = k.select(isOdd, packed[1], got);
    Value ownRow = k.add(row, 8 * h);
    k.when(k.ltU(k.add(firstRow, ownRow), plan.sequenceRows()), [&] {
      Value element = k.add(k.mul(globalRow(ownRow), plan.tiling.latent), k.zext(column, k.i64Ty));
      storeGlobal(k, k.vector({low, high}), k.gep(operands.result, k.mul(element, 2)));
    });
  }
}
