// Sampling without a sort. Candidates are ordered by (logit descending, index ascending), so a set of the first m is
// "key above a threshold, or equal to it and index at most a limit". Thresholds are found bit by bit on keys that order
// as the logits do.
#include "lowering/ToLinalg/Selection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek;

namespace {

/// A prefix of the candidates: key > threshold, or key == threshold and index <= limit (i32 each, keys unsigned).
struct Prefix {
  Value threshold;
  Value limit;
};

class SampleEmitter {
public:
  SampleEmitter(const SampleOperands &operands, int64_t extent) : in(operands), extent(extent) {}
  Value emitRow(LinalgEmitter &b, Value r);

private:
  Value draw(LinalgEmitter &b, Value r, Value row, Value temperature);
  Value member(LinalgEmitter &b, Value key, Value index, const Prefix &prefix);
  Value largestKey(LinalgEmitter &b, function_ref<Value(LinalgEmitter &, Value)> keepsEnough);
  Prefix topKPrefix(LinalgEmitter &b, Value keys, Value k);
  Prefix topPPrefix(LinalgEmitter &b, Value keys, Value weights, Value topP, Value bestKey, const Prefix &within);
  Value uniform(LinalgEmitter &b, Value r);
  Value pick(LinalgEmitter &b, Value keys, Value weights, const Prefix &set, Value u);

  const SampleOperands &in;
  int64_t extent;
};

/// An unsigned key that orders as the floats do: -0.0 counts as 0.0.
Value orderKey(LinalgEmitter &b, Value z) {
  Value positiveZero = arith::AddFOp::create(b, z, b.constF32(0.0));
  Value bits = arith::BitcastOp::create(b, b.getI32Type(), positiveZero);
  Value sign = b.constI32(int64_t(INT32_MIN));
  Value negative = b.cmpI(arith::CmpIPredicate::slt, bits, b.constI32(0));
  return b.select(negative, arith::XOrIOp::create(b, bits, b.constI32(-1)), arith::OrIOp::create(b, bits, sign));
}

Value SampleEmitter::member(LinalgEmitter &b, Value key, Value index, const Prefix &prefix) {
  Value above = b.cmpI(arith::CmpIPredicate::ugt, key, prefix.threshold);
  Value equal = b.cmpI(arith::CmpIPredicate::eq, key, prefix.threshold);
  Value early = b.cmpI(arith::CmpIPredicate::sle, b.toI32(index), prefix.limit);
  return arith::OrIOp::create(b, above, arith::AndIOp::create(b, equal, early));
}

/// The largest key for which `keepsEnough(key)` holds (it holds for 0 and for every key below one for which it does).
Value SampleEmitter::largestKey(LinalgEmitter &b, function_ref<Value(LinalgEmitter &, Value)> keepsEnough) {
  return b.loop(32, b.constI32(0), [&](LinalgEmitter &e, Value step, ValueRange found) {
    Value shift = arith::SubIOp::create(e, e.constI32(31), e.toI32(step));
    Value candidate = arith::OrIOp::create(e, found[0], arith::ShLIOp::create(e, e.constI32(1), shift));
    return SmallVector<Value>{e.select(keepsEnough(e, candidate), candidate, found[0])};
  })[0];
}

Prefix SampleEmitter::topKPrefix(LinalgEmitter &b, Value keys, Value k) {
  auto count = [&](LinalgEmitter &e, Value key, arith::CmpIPredicate predicate) {
    return e.loop(extent, e.constI32(0), [&](LinalgEmitter &f, Value i, ValueRange n) {
      Value counts = f.cmpI(predicate, f.extract(keys, i), key);
      return SmallVector<Value>{f.add(n[0], Value(arith::ExtUIOp::create(f, f.getI32Type(), counts)))};
    })[0];
  };
  Value threshold = largestKey(b, [&](LinalgEmitter &e, Value key) {
    return e.cmpI(arith::CmpIPredicate::sge, count(e, key, arith::CmpIPredicate::uge), k);
  });
  // Of the ties at the threshold, the first k - (number above).
  Value room = arith::SubIOp::create(b, k, count(b, threshold, arith::CmpIPredicate::ugt));
  Value limit = b.loop(extent, {b.constI32(-1), room}, [&](LinalgEmitter &e, Value i, ValueRange state) {
    Value tie = e.cmpI(arith::CmpIPredicate::eq, e.extract(keys, i), threshold);
    Value fits = arith::AndIOp::create(e, tie, e.cmpI(arith::CmpIPredicate::sgt, state[1], e.constI32(0)));
    Value left = arith::SubIOp::create(e, state[1], e.constI32(1));
    return SmallVector<Value>{e.select(fits, e.toI32(i), state[0]), e.select(fits, left, state[1])};
  })[0];
  return {threshold, limit};
}

Prefix SampleEmitter::topPPrefix(LinalgEmitter &b, Value keys, Value weights, Value topP, Value bestKey,
                                 const Prefix &within) {
  // Sum of the weights of `within` whose key satisfies the predicate.
  auto mass = [&](LinalgEmitter &e, Value key, arith::CmpIPredicate predicate) {
    return e.loop(extent, e.constF32(0.0), [&](LinalgEmitter &f, Value i, ValueRange sum) {
      Value own = f.extract(keys, i);
      Value counts = arith::AndIOp::create(f, member(f, own, i, within), f.cmpI(predicate, own, key));
      Value weight = f.select(counts, f.extract(weights, i), f.constF32(0.0));
      // Any order of the sum will do, as long as it is the same one for every key: then the mass is monotone in the
      // key.
      return SmallVector<Value>{arith::AddFOp::create(f, sum[0], weight, arith::FastMathFlags::reassoc)};
    })[0];
  };
  Value target = arith::MulFOp::create(b, topP, mass(b, b.constI32(0), arith::CmpIPredicate::uge));
  Value threshold = largestKey(b, [&](LinalgEmitter &e, Value key) {
    return e.cmpF(arith::CmpFPredicate::OGE, mass(e, key, arith::CmpIPredicate::uge), target);
  });
  // top_p <= 0 would leave nothing: the best candidate always stays.
  threshold = arith::MinUIOp::create(b, threshold, bestKey);
  Value above = mass(b, threshold, arith::CmpIPredicate::ugt);
  // Ties at the threshold join in index order until the mass is reached; the first one always does.
  Value limit = b.loop(extent, {b.constI32(-1), above}, [&](LinalgEmitter &e, Value i, ValueRange state) {
    Value key = e.extract(keys, i);
    Value tie = arith::AndIOp::create(e, member(e, key, i, within), e.cmpI(arith::CmpIPredicate::eq, key, threshold));
    Value wanted = arith::OrIOp::create(e, e.cmpI(arith::CmpIPredicate::slt, state[0], e.constI32(0)),
                                        e.cmpF(arith::CmpFPredicate::OLT, state[1], target));
    Value joins = arith::AndIOp::create(e, tie, wanted);
    Value sum = arith::AddFOp::create(e, state[1], e.extract(weights, i));
    return SmallVector<Value>{e.select(joins, e.toI32(i), state[0]), e.select(joins, sum, state[1])};
  })[0];
  return {threshold, limit};
}

/// The top 24 bits of splitmix64's output number position + 1 from `seed`, as a fraction.
Value SampleEmitter::uniform(LinalgEmitter &b, Value r) {
  auto multiply = [&](Value x, uint64_t factor) -> Value {
    return arith::MulIOp::create(b, x, b.constI64(int64_t(factor)));
  };
  auto xorShift = [&](Value x, int64_t bits) -> Value {
    return arith::XOrIOp::create(b, x, arith::ShRUIOp::create(b, x, b.constI64(bits)));
  };
  Value position = arith::ExtSIOp::create(b, b.getI64Type(), b.extract(in.positions, r));
  Value z = b.add(b.extract(in.seed, r), multiply(b.add(position, b.constI64(1)), 0x9E3779B97F4A7C15u));
  z = multiply(xorShift(z, 30), 0xBF58476D1CE4E5B9u);
  z = multiply(xorShift(z, 27), 0x94D049BB133111EBu);
  z = arith::ShRUIOp::create(b, xorShift(z, 31), b.constI64(40));
  return arith::MulFOp::create(b, arith::UIToFPOp::create(b, b.getF32Type(), z), b.constF32(0x1p-24));
}

/// The first candidate, in index order, whose running sum exceeds u * total; the last one if none does.
Value SampleEmitter::pick(LinalgEmitter &b, Value keys, Value weights, const Prefix &set, Value u) {
  auto weightOf = [&](LinalgEmitter &e, Value i, Value &isMember) {
    isMember = member(e, e.extract(keys, i), i, set);
    return e.select(isMember, e.extract(weights, i), e.constF32(0.0));
  };
  Value total = b.loop(extent, b.constF32(0.0), [&](LinalgEmitter &e, Value i, ValueRange sum) {
    Value isMember, weight = weightOf(e, i, isMember);
    return SmallVector<Value>{arith::AddFOp::create(e, sum[0], weight)};
  })[0];
  Value target = arith::MulFOp::create(b, u, total);
  return b.loop(extent, {b.constI32(0), b.constF32(0.0), b.constI32(0)},
                [&](LinalgEmitter &e, Value i, ValueRange state) {
                  Value isMember, weight = weightOf(e, i, isMember);
                  Value sum = arith::AddFOp::create(e, state[1], weight);
                  Value open = e.cmpI(arith::CmpIPredicate::eq, state[2], e.constI32(0));
                  Value takes = arith::AndIOp::create(e, open, isMember);
                  Value exceeds = arith::AndIOp::create(e, takes, e.cmpF(arith::CmpFPredicate::OGT, sum, target));
                  return SmallVector<Value>{e.select(takes, e.toI32(i), state[0]), sum,
                                            e.select(exceeds, e.constI32(1), state[2])};
                })[0];
}

Value SampleEmitter::draw(LinalgEmitter &b, Value r, Value row, Value temperature) {
  Value z = b.elementwise(row, b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) -> Value {
    return arith::DivFOp::create(e, v[0], temperature);
  });
  Value best = b.loop(extent, b.constF32(-std::numeric_limits<double>::infinity()),
                      [&](LinalgEmitter &e, Value i, ValueRange m) {
                        return SmallVector<Value>{arith::MaxNumFOp::create(e, m[0], e.extract(z, i))};
                      })[0];
  Value keys = b.elementwise(z, b.getI32Type(), [](LinalgEmitter &e, ValueRange v) { return orderKey(e, v[0]); });
  Value weights = b.elementwise(z, b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) -> Value {
    return math::ExpOp::create(e, arith::SubFOp::create(e, v[0], best));
  });
  Value k = b.extract(in.topK, r), topP = b.extract(in.topP, r), vocabulary = b.constI32(extent);
  Value limited = arith::AndIOp::create(b, b.cmpI(arith::CmpIPredicate::sgt, k, b.constI32(0)),
                                        b.cmpI(arith::CmpIPredicate::slt, k, vocabulary));
  SmallVector<Value> byCount = b.branch(
      limited,
      [&](LinalgEmitter &e) {
        Prefix prefix = topKPrefix(e, keys, k);
        return SmallVector<Value>{prefix.threshold, prefix.limit};
      },
      [&](LinalgEmitter &e) { return SmallVector<Value>{e.constI32(0), e.constI32(extent)}; });
  SmallVector<Value> byMass = b.branch(
      b.cmpF(arith::CmpFPredicate::OLT, topP, b.constF32(1.0)),
      [&](LinalgEmitter &e) {
        Prefix prefix = topPPrefix(e, keys, weights, topP, orderKey(e, best), {byCount[0], byCount[1]});
        return SmallVector<Value>{prefix.threshold, prefix.limit};
      },
      [&](LinalgEmitter &) { return byCount; });
  return pick(b, keys, weights, {byMass[0], byMass[1]}, uniform(b, r));
}

Value SampleEmitter::emitRow(LinalgEmitter &b, Value r) {
  Value row = b.row(in.logits, r), temperature = b.extract(in.temperature, r);
  return b.branch(
      b.cmpF(arith::CmpFPredicate::OGT, temperature, b.constF32(0.0)),
      [&](LinalgEmitter &e) { return SmallVector<Value>{draw(e, r, row, temperature)}; },
      [&](LinalgEmitter &e) { return SmallVector<Value>{emitArgmaxOfRow(e, row, extent)}; })[0];
}

} // namespace

Value mlir::deepseek::emitSample(LinalgEmitter &b, const SampleOperands &operands) {
  int64_t rows = b.typeOf(operands.logits).getDimSize(0), extent = b.typeOf(operands.logits).getDimSize(1);
  SampleEmitter emitter(operands, extent);
  return b.loop(rows, b.empty({b.getIndexAttr(rows)}, b.getI32Type()), [&](LinalgEmitter &e, Value r, ValueRange out) {
    return SmallVector<Value>{e.insert(emitter.emitRow(e, r), out[0], r)};
  })[0];
}
