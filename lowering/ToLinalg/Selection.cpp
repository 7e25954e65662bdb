// Argmax, top-k, routing and sorting by group, as loops over rows.
#include "lowering/ToLinalg/Selection.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek;

static constexpr double kNegInf = -std::numeric_limits<double>::infinity();

/// Index (an i32) of the largest of row[0..extent) that is not `taken`; the lower index wins. With NaNs about, the
/// first element that is left is chosen when nothing compares greater: an index is always valid.
static Value bestIndex(LinalgEmitter &b, Value row, Value taken, int64_t extent) {
  Value none = b.constI32(-1);
  return b.loop(extent, {b.constF32(kNegInf), none}, [&](LinalgEmitter &e, Value i, ValueRange best) {
    Value value = e.extract(row, i);
    Value better = e.cmpF(arith::CmpFPredicate::OGT, value, best[0]);
    Value first = e.cmpI(arith::CmpIPredicate::slt, best[1], e.constI32(0));
    Value wins = arith::OrIOp::create(e, better, first);
    if (taken) {
      Value free = e.cmpI(arith::CmpIPredicate::eq, e.extract(taken, i), e.constI32(0));
      wins = arith::AndIOp::create(e, wins, free);
    }
    return SmallVector<Value>{e.select(wins, value, best[0]), e.select(wins, e.toI32(i), best[1])};
  })[1];
}

Value mlir::deepseek::emitArgmaxOfRow(LinalgEmitter &b, Value row, int64_t extent) {
  return bestIndex(b, row, {}, extent);
}

Value mlir::deepseek::emitArgmax(LinalgEmitter &b, Value x) {
  int64_t rows = b.typeOf(x).getDimSize(0), extent = b.typeOf(x).getDimSize(1);
  Value result = b.empty({b.getIndexAttr(rows)}, b.getI32Type());
  return b.loop(rows, result, [&](LinalgEmitter &e, Value r, ValueRange out) {
    return SmallVector<Value>{e.insert(bestIndex(e, e.row(x, r), {}, extent), out[0], r)};
  })[0];
}

/// The `k` best of row [extent], inserted into row `r` of `values` (may be null) and `indices`.
static std::pair<Value, Value> topKOfRow(LinalgEmitter &b, Value row, int64_t extent, int64_t k, Value r, Value values,
                                         Value indices) {
  Value taken = b.zeros({b.getIndexAttr(extent)}, b.getI32Type());
  SmallVector<Value> carried{taken, indices};
  if (values)
    carried.push_back(values);
  SmallVector<Value> out = b.loop(k, carried, [&](LinalgEmitter &e, Value i, ValueRange in) {
    Value best = bestIndex(e, row, in[0], extent), position = e.toIndex(best);
    SmallVector<Value> next{e.insert(e.constI32(1), in[0], position), e.insert(best, in[1], {r, i})};
    if (values)
      next.push_back(e.insert(e.extract(row, position), in[2], {r, i}));
    return next;
  });
  return {values ? out[2] : Value(), out[1]};
}

std::pair<Value, Value> mlir::deepseek::emitTopK(LinalgEmitter &b, Value x, int64_t k) {
  int64_t rows = b.typeOf(x).getDimSize(0), extent = b.typeOf(x).getDimSize(1);
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(rows), b.getIndexAttr(k)};
  SmallVector<Value> out = b.loop(rows, {b.empty(sizes, b.getF32Type()), b.empty(sizes, b.getI32Type())},
                                  [&](LinalgEmitter &e, Value r, ValueRange in) {
                                    auto [values, indices] = topKOfRow(e, e.row(x, r), extent, k, r, in[0], in[1]);
                                    return SmallVector<Value>{values, indices};
                                  });
  return {out[0], out[1]};
}

/// Softmax or sigmoid of each row.
static Value scoresOf(LinalgEmitter &b, Value logits, bool softmax) {
  if (!softmax)
    return b.elementwise(logits, b.getF32Type(), [](LinalgEmitter &e, ValueRange v) -> Value {
      Value one = e.constF32(1.0), exp = math::ExpOp::create(e, arith::NegFOp::create(e, v[0]));
      return arith::DivFOp::create(e, one, arith::AddFOp::create(e, one, exp));
    });
  auto identity = [](LinalgEmitter &, ValueRange v) { return v[0]; };
  SmallVector<OpFoldResult> sizes = b.sizesOf(logits);
  SmallVector<AffineMap> maps{b.identityMap(2), b.dimsMap(2, {0})};
  Value best = b.maxLast(logits, b.constF32(kNegInf), identity);
  Value exps = b.elementwise({logits, best}, maps, sizes, b.getF32Type(), [](LinalgEmitter &e, ValueRange v) -> Value {
    return math::ExpOp::create(e, arith::SubFOp::create(e, v[0], v[1]));
  });
  return b.elementwise({exps, b.sumLast(exps, identity)}, maps, sizes, b.getF32Type(),
                       [](LinalgEmitter &e, ValueRange v) -> Value { return arith::DivFOp::create(e, v[0], v[1]); });
}

/// The largest, and with `second` the sum of the two largest, of row[from .. from + extent).
static Value groupScore(LinalgEmitter &b, Value row, Value from, int64_t extent, bool sumOfTwo) {
  SmallVector<Value> best =
      b.loop(extent, {b.constF32(kNegInf), b.constF32(kNegInf)}, [&](LinalgEmitter &e, Value i, ValueRange top) {
        Value value = e.extract(row, e.add(from, i));
        Value first = e.cmpF(arith::CmpFPredicate::OGT, value, top[0]);
        Value second = e.cmpF(arith::CmpFPredicate::OGT, value, top[1]);
        Value runnerUp = e.select(first, top[0], e.select(second, value, top[1]));
        return SmallVector<Value>{e.select(first, value, top[0]), runnerUp};
      });
  return sumOfTwo ? arith::AddFOp::create(b, best[0], best[1]).getResult() : best[0];
}

/// `row` [E] with every expert outside the best groups set to -inf.
static Value maskGroups(LinalgEmitter &b, Value row, int64_t experts, const RouteSpec &spec) {
  int64_t size = experts / spec.groups;
  OpFoldResult groups = b.getIndexAttr(spec.groups);
  Value scores = b.loop(spec.groups, b.empty({groups}, b.getF32Type()), [&](LinalgEmitter &e, Value g, ValueRange in) {
    Value from = arith::MulIOp::create(e, g, e.constIndex(size));
    Value score = groupScore(e, row, from, size, spec.groupScore == RouteSpec::GroupScore::Top2Sum);
    return SmallVector<Value>{e.insert(score, in[0], g)};
  })[0];
  Value taken = b.loop(spec.topGroups, b.zeros({groups}, b.getI32Type()), [&](LinalgEmitter &e, Value, ValueRange in) {
    Value best = e.toIndex(bestIndex(e, scores, in[0], spec.groups));
    return SmallVector<Value>{e.insert(e.constI32(1), in[0], best)};
  })[0];
  AffineExpr expert = b.getAffineDimExpr(0);
  SmallVector<AffineMap> maps{b.identityMap(1), AffineMap::get(1, 0, expert.floorDiv(size))};
  return b.elementwise({row, taken}, maps, {b.getIndexAttr(experts)}, b.getF32Type(),
                       [](LinalgEmitter &e, ValueRange v) -> Value {
                         Value kept = e.cmpI(arith::CmpIPredicate::ne, v[1], e.constI32(0));
                         return e.select(kept, v[0], e.constF32(kNegInf));
                       });
}

std::pair<Value, Value> mlir::deepseek::emitRoute(LinalgEmitter &b, Value logits, Value bias, const RouteSpec &spec) {
  int64_t tokens = b.typeOf(logits).getDimSize(0), experts = b.typeOf(logits).getDimSize(1);
  Value scores = scoresOf(b, logits, spec.softmax), selection = scores;
  if (bias)
    selection =
        b.elementwise({scores, bias}, {b.identityMap(2), b.dimsMap(2, {1})}, b.sizesOf(scores), b.getF32Type(),
                      [](LinalgEmitter &e, ValueRange v) -> Value { return arith::AddFOp::create(e, v[0], v[1]); });
  bool grouped = spec.groups > 1 && spec.groupScore != RouteSpec::GroupScore::None;
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(tokens), b.getIndexAttr(spec.topK)};
  Value indices = b.loop(tokens, b.empty(sizes, b.getI32Type()), [&](LinalgEmitter &e, Value t, ValueRange in) {
    Value row = e.row(selection, t);
    if (grouped)
      row = maskGroups(e, row, experts, spec);
    return SmallVector<Value>{topKOfRow(e, row, experts, spec.topK, t, {}, in[0]).second};
  })[0];
  // The chosen scores, without the bias.
  Value chosen = b.elementwise(indices, b.identityMap(2), sizes, b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) {
    return e.extract(scores, {linalg::IndexOp::create(e, 0), e.toIndex(v[0])});
  });
  if (!spec.normalize)
    return {b.elementwise(chosen, b.getF32Type(),
                          [&](LinalgEmitter &e, ValueRange v) -> Value {
                            return arith::MulFOp::create(e, v[0], e.constF32(spec.scale));
                          }),
            indices};
  Value sums = b.sumLast(chosen, [](LinalgEmitter &, ValueRange v) { return v[0]; });
  Value weights = b.elementwise({chosen, sums}, {b.identityMap(2), b.dimsMap(2, {0})}, sizes, b.getF32Type(),
                                [&](LinalgEmitter &e, ValueRange v) -> Value {
                                  Value sum = arith::AddFOp::create(e, v[1], e.constF32(1e-20));
                                  Value share = arith::DivFOp::create(e, v[0], sum);
                                  return arith::MulFOp::create(e, share, e.constF32(spec.scale));
                                });
  return {weights, indices};
}

SortedTokens mlir::deepseek::emitSortTokens(LinalgEmitter &b, Value indices, int64_t groups) {
  int64_t tokens = b.typeOf(indices).getDimSize(0), choices = b.typeOf(indices).getDimSize(1);
  Type i32 = b.getI32Type();
  OpFoldResult boundaries = b.getIndexAttr(groups + 1);
  // Visits the pairs in order of token, then choice.
  auto forPairs = [&](LinalgEmitter &outer, ValueRange init,
                      function_ref<SmallVector<Value>(LinalgEmitter &, Value, Value, Value, ValueRange)> body) {
    return outer.loop(tokens, init, [&](LinalgEmitter &e, Value t, ValueRange in) {
      return e.loop(choices, in, [&](LinalgEmitter &f, Value k, ValueRange carried) {
        return body(f, t, k, f.toIndex(f.extract(indices, {t, k})), carried);
      });
    });
  };
  Value counts =
      forPairs(b, b.zeros({boundaries}, i32), [&](LinalgEmitter &e, Value, Value, Value group, ValueRange in) {
        Value slot = e.add(group, e.constIndex(1));
        Value count = e.add(e.extract(in[0], slot), e.constI32(1));
        return SmallVector<Value>{e.insert(count, in[0], slot)};
      })[0];
  Value offsets =
      b.loop(b.constIndex(1), b.constIndex(groups + 1), counts, [&](LinalgEmitter &e, Value g, ValueRange in) {
        Value before = e.extract(in[0], Value(arith::SubIOp::create(e, g, e.constIndex(1))));
        return SmallVector<Value>{e.insert(e.add(e.extract(in[0], g), before), in[0], g)};
      })[0];
  SmallVector<Value> placed = forPairs(
      b, {offsets, b.empty(b.sizesOf(indices), i32), b.empty({b.getIndexAttr(tokens * choices)}, i32)},
      [&](LinalgEmitter &e, Value t, Value k, Value group, ValueRange in) {
        Value place = e.extract(in[0], group);
        Value next = e.insert(e.add(place, e.constI32(1)), in[0], group);
        return SmallVector<Value>{next, e.insert(place, in[1], {t, k}), e.insert(e.toI32(t), in[2], e.toIndex(place))};
      });
  return {offsets, placed[1], placed[2]};
}
