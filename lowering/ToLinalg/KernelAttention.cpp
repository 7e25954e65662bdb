// Attention over a paged cache and over expanded keys and values.
#include "dialects/kernel/MlaDecodeResults.h"
#include "lowering/ToLinalg/Attention.h"
#include "lowering/ToLinalg/KernelPatterns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::kernel;
using utils::IteratorType;

namespace {

/// Positions that token t sees: positions[t] + 1, none for padding, at most `capacity`.
Value visiblePositions(LinalgEmitter &b, Value positions, Value t, int64_t capacity) {
  Value seen = b.add(b.toIndex(b.extract(positions, t)), b.constIndex(1));
  return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, seen, b.constIndex(0)), b.constIndex(capacity));
}

struct PartialAttention {
  Value output; ///< [H, r] f32, normalised within the part; zeros if it is empty
  Value lse;    ///< [H] f32, base 2; -inf if the part is empty
};

/// Queries [H, r] and [H, dr] against records [n, r + dr].
PartialAttention attendRecords(LinalgEmitter &b, Value qLatent, Value qRope, Value records, double scale) {
  int64_t latent = b.typeOf(qLatent).getDimSize(1), rope = b.typeOf(qRope).getDimSize(1);
  Type f32 = b.getF32Type();
  Value latents = b.slice(records, 1, b.getIndexAttr(0), b.getIndexAttr(latent));
  Value keys = b.slice(records, 1, b.getIndexAttr(latent), b.getIndexAttr(rope));
  Value scores = b.linear(qRope, keys, b.linear(qLatent, latents));
  // Base 2 throughout: scores in units of log2.
  scores = b.elementwise(scores, f32, [&](LinalgEmitter &e, ValueRange v) -> Value {
    return arith::MulFOp::create(e, v[0], e.constF32(scale * M_LOG2E));
  });
  auto identity = [](LinalgEmitter &, ValueRange v) { return v[0]; };
  Value best = b.maxLast(scores, b.constF32(-std::numeric_limits<double>::infinity()), identity);
  SmallVector<AffineMap> rowMaps{b.identityMap(2), b.dimsMap(2, {0})};
  Value weights =
      b.elementwise({scores, best}, rowMaps, b.sizesOf(scores), f32, [](LinalgEmitter &e, ValueRange v) -> Value {
        return math::Exp2Op::create(e, arith::SubFOp::create(e, v[0], v[1]));
      });
  Value sums = b.sumLast(weights, identity);
  // Loops (h, j, c): the innermost one runs along the latent.
  SmallVector<AffineMap> maps{b.dimsMap(3, {0, 1}), b.dimsMap(3, {1, 2}), b.dimsMap(3, {0, 2})};
  SmallVector<OpFoldResult> sizes{b.sizesOf(qLatent)[0], b.getIndexAttr(latent)};
  Value weighted = b.contract(weights, latents, maps,
                              {IteratorType::parallel, IteratorType::reduction, IteratorType::parallel}, sizes);
  Value output = b.elementwise({weighted, sums}, rowMaps, sizes, f32, [](LinalgEmitter &e, ValueRange v) -> Value {
    Value none = e.cmpF(arith::CmpFPredicate::OEQ, v[1], e.constF32(0.0));
    return e.select(none, e.constF32(0.0), arith::DivFOp::create(e, v[0], v[1]));
  });
  Value lse = b.elementwise({sums, best}, f32, [](LinalgEmitter &e, ValueRange v) -> Value {
    Value none = e.cmpF(arith::CmpFPredicate::OEQ, v[0], e.constF32(0.0));
    return e.select(none, v[1], arith::AddFOp::create(e, math::Log2Op::create(e, v[0]), v[1]));
  });
  return {output, lse};
}

/// Token t over the positions of part `part` of `split`: [min(n, part * q), min(n, (part + 1) * q)), q whole pages.
PartialAttention attendPart(LinalgEmitter &b, MlaDecodeOp op, const PagedCache &cache, Value queries, Value ropes,
                            Value t, Value part, int64_t split) {
  int64_t page = cast<MemRefType>(cache.memref.getType()).getDimSize(2);
  int64_t capacity = b.typeOf(cache.blockTable).getDimSize(1) * page;
  Value n = visiblePositions(b, cache.positions, t, capacity);
  Value pages = arith::CeilDivUIOp::create(b, n, b.constIndex(page));
  Value share = arith::MulIOp::create(b, arith::CeilDivUIOp::create(b, pages, b.constIndex(split)), b.constIndex(page));
  Value first = arith::MinUIOp::create(b, n, arith::MulIOp::create(b, part, share));
  Value end = arith::MinUIOp::create(b, n, b.add(first, share));
  Value sequence = arith::DivUIOp::create(b, t, b.constIndex(cache.tokensPerSequence()));
  Value count = arith::SubIOp::create(b, end, first);
  Value records = op.hasQuantizedCache()
                      ? emitGatherQuantizedRecords(b, cache, sequence, first, count, b.typeOf(queries).getDimSize(2),
                                                   b.typeOf(ropes).getDimSize(2))
                      : emitGatherRecords(b, cache, sequence, first, count);
  return attendRecords(b, b.row(queries, t), b.row(ropes, t), records, op.getScale().convertToDouble());
}

SmallVector<Value> emitMlaDecode(LinalgEmitter &b, MlaDecodeOp op) {
  PagedCache cache{op.getCache(), int64_t(op.getLayer()), op.getPositions(), op.getBlockTable()};
  Type f32 = b.getF32Type();
  Value queries = b.cast(op.getQLatent(), f32), ropes = b.cast(op.getQRope(), f32);
  SmallVector<OpFoldResult> sizes = b.sizesOf(op.getQLatent());
  if (!returnsParts(op)) {
    Value out = b.parallelRows(cache.tokens(), b.empty(sizes, f32), [&](LinalgEmitter &e, Value t) {
      return attendPart(e, op, cache, queries, ropes, t, e.constIndex(0), 1).output;
    });
    SmallVector<Value> results{b.cast(out, elementOf(op.getResult()))};
    if (op.getLse()) // memory that only kernels need
      results.push_back(b.empty(b.sizesOf(op.getLse()), f32));
    return results;
  }
  int64_t split = b.typeOf(op.getLse()).getDimSize(0);
  SmallVector<Value> partials{b.empty(b.sizesOf(op.getResult()), f32), b.empty(b.sizesOf(op.getLse()), f32)};
  return b.loop(split, partials, [&](LinalgEmitter &e, Value part, ValueRange in) {
    SmallVector<Value> out = e.loop(
        cache.tokens(), {e.row(in[0], part), e.row(in[1], part)}, [&](LinalgEmitter &f, Value t, ValueRange rows) {
          PartialAttention attended = attendPart(f, op, cache, queries, ropes, t, part, split);
          return SmallVector<Value>{f.insertRow(attended.output, rows[0], t), f.insertRow(attended.lse, rows[1], t)};
        });
    return SmallVector<Value>{e.insertRow(out[0], in[0], part), e.insertRow(out[1], in[1], part)};
  });
}

SmallVector<Value> emitMlaCombine(LinalgEmitter &b, MlaCombineOp op) {
  Type f32 = b.getF32Type();
  int64_t split = b.typeOf(op.getLse()).getDimSize(0);
  Value best = b.row(op.getLse(), b.getIndexAttr(0));
  for (int64_t s = 1; s < split; ++s)
    best =
        b.elementwise({best, b.row(op.getLse(), b.getIndexAttr(s))}, f32,
                      [](LinalgEmitter &e, ValueRange v) -> Value { return arith::MaximumFOp::create(e, v[0], v[1]); });
  // w_s = 2^(lse_s - best), zero where nothing was seen.
  Value weights = b.elementwise({op.getLse(), best}, {b.identityMap(3), b.dimsMap(3, {1, 2})}, b.sizesOf(op.getLse()),
                                f32, [](LinalgEmitter &e, ValueRange v) -> Value {
                                  Value none = e.cmpF(arith::CmpFPredicate::OEQ, v[0],
                                                      e.constF32(-std::numeric_limits<double>::infinity()));
                                  Value weight = math::Exp2Op::create(e, arith::SubFOp::create(e, v[0], v[1]));
                                  return e.select(none, e.constF32(0.0), weight);
                                });
  SmallVector<OpFoldResult> sizes = b.sizesOf(op.getPartial());
  sizes.erase(sizes.begin());
  // Loops (t, h, s, c).
  SmallVector<IteratorType> iterators{IteratorType::parallel, IteratorType::parallel, IteratorType::reduction,
                                      IteratorType::parallel};
  Value sum =
      b.contract(weights, op.getPartial(),
                 {b.dimsMap(4, {2, 0, 1}), b.dimsMap(4, {2, 0, 1, 3}), b.dimsMap(4, {0, 1, 3})}, iterators, sizes);
  Value ones = b.filled(b.sizesOf(op.getLse()), b.constF32(1.0));
  Value total = b.contract(weights, ones, {b.dimsMap(3, {2, 0, 1}), b.dimsMap(3, {2, 0, 1}), b.dimsMap(3, {0, 1})},
                           {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction},
                           ArrayRef(sizes).drop_back());
  return {b.elementwise({sum, total}, {b.identityMap(3), b.dimsMap(3, {0, 1})}, sizes, elementOf(op.getResult()),
                        [](LinalgEmitter &e, ValueRange v) -> Value {
                          Value none = e.cmpF(arith::CmpFPredicate::OEQ, v[1], e.constF32(0.0));
                          return e.select(none, e.constF32(0.0), arith::DivFOp::create(e, v[0], v[1]));
                        })};
}

SmallVector<Value> emitCacheGather(LinalgEmitter &b, CacheGatherOp op) {
  PagedCache cache{op.getCache(), int64_t(op.getLayer()), op.getPositions(), op.getBlockTable()};
  int64_t latent = b.typeOf(op.getLatents()).getDimSize(1), rope = b.typeOf(op.getKeys()).getDimSize(1);
  int64_t capacity = b.typeOf(op.getLatents()).getDimSize(0) / cache.sequences();
  Type element = elementOf(op.getCache());
  SmallVector<Value> out{b.empty(b.sizesOf(op.getLatents()), element), b.empty(b.sizesOf(op.getKeys()), element),
                         b.empty({b.getIndexAttr(cache.sequences())}, b.getI32Type())};
  return b.loop(cache.sequences(), out, [&](LinalgEmitter &e, Value s, ValueRange in) {
    Value length = emitSequenceLength(e, cache, s);
    Value first = arith::MulIOp::create(e, s, e.constIndex(capacity));
    SmallVector<Value> copied =
        e.loop(e.constIndex(0), length, in.take_front(2), [&](LinalgEmitter &f, Value j, ValueRange rows) {
          SmallVector<Value> indices = emitRecordIndices(f, cache, s, j);
          indices.push_back({});
          Value row = f.add(first, j);
          auto copy = [&](Value target, int64_t width, int64_t offset) {
            return f.loop(width, target, [&](LinalgEmitter &g, Value c, ValueRange out) {
              indices.back() = g.add(c, g.constIndex(offset));
              return SmallVector<Value>{g.insert(memref::LoadOp::create(g, op.getCache(), indices), out[0], {row, c})};
            })[0];
          };
          Value latents = copy(rows[0], latent, 0);
          return SmallVector<Value>{latents, copy(rows[1], rope, latent)};
        });
    return SmallVector<Value>{copied[0], copied[1], e.insert(e.toI32(length), in[2], s)};
  });
}

SmallVector<Value> emitMlaPrefill(LinalgEmitter &b, MlaPrefillOp op) {
  Type f32 = b.getF32Type();
  int64_t tokens = b.typeOf(op.getQNope()).getDimSize(0), nope = b.typeOf(op.getQNope()).getDimSize(2);
  int64_t value = b.typeOf(op.getResult()).getDimSize(2), sequences = op.getSequences();
  int64_t capacity = b.typeOf(op.getKv()).getDimSize(0) / sequences;
  Value qNope = b.cast(op.getQNope(), f32), qRope = b.cast(op.getQRope(), f32);
  Value out = b.empty(b.sizesOf(op.getResult()), f32);
  Value result = b.parallelRows(tokens, out, [&](LinalgEmitter &e, Value t) {
    Value visible = visiblePositions(e, op.getPositions(), t, capacity);
    Value sequence = arith::DivUIOp::create(e, t, e.constIndex(tokens / sequences));
    Value first = arith::MulIOp::create(e, sequence, e.constIndex(capacity));
    Value kv = e.slice(op.getKv(), 0, first, visible), keys = e.slice(op.getKRope(), 0, first, visible);
    AttentionTerm terms[] = {{e.row(qNope, t), e.slice(kv, 2, e.getIndexAttr(0), e.getIndexAttr(nope))},
                             {e.row(qRope, t), keys}};
    Value values = e.slice(kv, 2, e.getIndexAttr(nope), e.getIndexAttr(value));
    return emitAttendToken(e, terms, values, op.getScale().convertToDouble());
  });
  return {b.cast(result, elementOf(op.getResult()))};
}

} // namespace

void mlir::deepseek::kernel::populateAttentionToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<MlaDecodeOp>(patterns, emitMlaDecode);
  addEmitter<MlaCombineOp>(patterns, emitMlaCombine);
  addEmitter<CacheGatherOp>(patterns, emitCacheGather);
  addEmitter<MlaPrefillOp>(patterns, emitMlaPrefill);
}
