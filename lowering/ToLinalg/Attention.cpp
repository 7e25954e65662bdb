// Reading and writing the paged cache, and the attention of one token.
#include "lowering/ToLinalg/Attention.h"
#include "dialects/kernel/QuantizedRecord.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::deepseek;
using utils::IteratorType;

Value mlir::deepseek::emitSequenceLength(LinalgEmitter &b, const PagedCache &cache, Value sequence) {
  int64_t perSequence = cache.tokensPerSequence();
  Value first = arith::MulIOp::create(b, sequence, b.constIndex(perSequence));
  Value last = b.loop(perSequence, b.constI32(-1), [&](LinalgEmitter &e, Value i, ValueRange best) {
    Value position = e.extract(cache.positions, e.add(first, i));
    return SmallVector<Value>{arith::MaxSIOp::create(e, best[0], position)};
  })[0];
  int64_t capacity = b.typeOf(cache.blockTable).getDimSize(1) * cast<MemRefType>(cache.memref.getType()).getDimSize(2);
  Value length = b.add(b.toIndex(last), b.constIndex(1));
  return arith::MinSIOp::create(b, length, b.constIndex(capacity));
}

SmallVector<Value> mlir::deepseek::emitRecordIndices(LinalgEmitter &b, const PagedCache &cache, Value sequence,
                                                     Value position) {
  Value pageSize = b.constIndex(cast<MemRefType>(cache.memref.getType()).getDimSize(2));
  Value logical = arith::DivUIOp::create(b, position, pageSize);
  Value page = b.toIndex(b.extract(cache.blockTable, {sequence, logical}));
  return {page, b.constIndex(cache.layer), arith::RemUIOp::create(b, position, pageSize)};
}

Value mlir::deepseek::emitGatherRecords(LinalgEmitter &b, const PagedCache &cache, Value sequence, Value first,
                                        Value count) {
  auto type = cast<MemRefType>(cache.memref.getType());
  int64_t width = type.getDimSize(3);
  Value records = b.empty({OpFoldResult(count), b.getIndexAttr(width)}, b.getF32Type());
  OpFoldResult one = b.getIndexAttr(1);
  SmallVector<OpFoldResult> sizes{one, one, one, b.getIndexAttr(width)}, strides(4, one);
  return b.loop(b.constIndex(0), count, records, [&](LinalgEmitter &e, Value j, ValueRange in) {
    SmallVector<OpFoldResult> offsets = getAsOpFoldResult(emitRecordIndices(e, cache, sequence, e.add(first, j)));
    offsets.push_back(e.getIndexAttr(0));
    // A whole record at a time: it is contiguous.
    MemRefType view = memref::SubViewOp::inferRankReducedResultType({width}, type, offsets, sizes, strides);
    Value record = memref::SubViewOp::create(e, view, cache.memref, offsets, sizes, strides);
    auto tensorType = RankedTensorType::get({width}, type.getElementType());
    record = bufferization::ToTensorOp::create(e, tensorType, record, /*restrict=*/true);
    return SmallVector<Value>{e.insertRow(e.cast(record, e.getF32Type()), in[0], j)};
  })[0];
}

Value mlir::deepseek::emitGatherQuantizedRecords(LinalgEmitter &b, const PagedCache &cache, Value sequence, Value first,
                                                 Value count, int64_t latent, int64_t rope) {
  const kernel::QuantizedRecord layout{latent, rope};
  Value records = b.empty({OpFoldResult(count), b.getIndexAttr(latent + rope)}, b.getF32Type());
  return b.loop(b.constIndex(0), count, records, [&](LinalgEmitter &e, Value j, ValueRange in) {
    SmallVector<Value> indices = emitRecordIndices(e, cache, sequence, e.add(first, j));
    indices.push_back({});
    auto load = [&](LinalgEmitter &f, Value place) -> Value {
      indices.back() = place;
      return memref::LoadOp::create(f, cache.memref, indices);
    };
    // A little-endian number of `bytes` bytes, the element-th from `offset` on. A record's parts need no alignment.
    auto number = [&](LinalgEmitter &f, Value element, int64_t offset, int64_t bytes) {
      Type type = f.getIntegerType(8 * bytes);
      Value place = f.add(arith::MulIOp::create(f, element, f.constIndex(bytes)), f.constIndex(offset));
      Value all;
      for (int64_t i = 0; i < bytes; ++i) {
        Value part = arith::ExtUIOp::create(f, type, load(f, f.add(place, f.constIndex(i))));
        Value shift = arith::ConstantOp::create(f, f.getIntegerAttr(type, 8 * i));
        part = arith::ShLIOp::create(f, part, shift);
        all = all ? arith::OrIOp::create(f, all, part).getResult() : part;
      }
      return all;
    };
    Value row = e.loop(layout.scales(), in[0], [&](LinalgEmitter &f, Value block, ValueRange out) {
      Value scale = arith::BitcastOp::create(f, f.getF32Type(), number(f, block, layout.scaleOffset(), 4));
      Value from = arith::MulIOp::create(f, block, f.constIndex(layout.kBlock));
      return f.loop(layout.kBlock, out, [&](LinalgEmitter &g, Value i, ValueRange inner) {
        Value column = g.add(from, i);
        Value value = arith::BitcastOp::create(g, Float8E4M3FNType::get(g.getContext()), load(g, column));
        value = arith::MulFOp::create(g, g.toF32(value), scale);
        return SmallVector<Value>{g.insert(value, inner[0], {j, column})};
      });
    })[0];
    return e.loop(layout.rope, row, [&](LinalgEmitter &f, Value i, ValueRange out) {
      Value value = arith::BitcastOp::create(f, f.getBF16Type(), number(f, i, layout.ropeOffset(), 2));
      return SmallVector<Value>{f.insert(f.toF32(value), out[0], {j, f.add(i, f.constIndex(latent))})};
    });
  })[0];
}

void mlir::deepseek::emitCacheAppend(LinalgEmitter &b, const PagedCache &cache, Value latent, Value key) {
  Type element = cast<MemRefType>(cache.memref.getType()).getElementType();
  int64_t latentWidth = b.typeOf(latent).getDimSize(1), keyWidth = b.typeOf(key).getDimSize(1);
  b.loop(cache.tokens(), {}, [&](LinalgEmitter &e, Value t, ValueRange) {
    Value position = e.extract(cache.positions, t);
    Value cached = e.cmpI(arith::CmpIPredicate::sge, position, e.constI32(0));
    scf::IfOp::create(e, cached, [&](OpBuilder &nested, Location loc) {
      LinalgEmitter f(loc, nested);
      Value sequence = arith::DivUIOp::create(f, t, f.constIndex(cache.tokensPerSequence()));
      SmallVector<Value> indices = emitRecordIndices(f, cache, sequence, f.toIndex(position));
      indices.push_back({});
      auto write = [&](Value source, int64_t width, int64_t offset) {
        f.loop(width, {}, [&](LinalgEmitter &g, Value c, ValueRange) {
          Value value = g.fromF32(g.toF32(g.extract(source, {t, c})), element);
          indices.back() = g.add(c, g.constIndex(offset));
          memref::StoreOp::create(g, value, cache.memref, indices);
          return SmallVector<Value>{};
        });
      };
      write(latent, latentWidth, 0);
      write(key, keyWidth, latentWidth);
      scf::YieldOp::create(f);
    });
    return SmallVector<Value>{};
  });
}

Value mlir::deepseek::emitAttendToken(LinalgEmitter &b, ArrayRef<AttentionTerm> terms, Value values, double scale) {
  OpFoldResult heads = b.sizesOf(terms[0].query)[0], length = b.sizesOf(values)[0];
  bool perHead = b.typeOf(values).getRank() == 3;
  Type f32 = b.getF32Type();
  // Loops (h, j, d).
  Value scores;
  for (const AttentionTerm &term : terms) {
    bool keyPerHead = b.typeOf(term.keys).getRank() == 3;
    SmallVector<AffineMap> maps{b.dimsMap(3, {0, 2}), keyPerHead ? b.dimsMap(3, {1, 0, 2}) : b.dimsMap(3, {1, 2}),
                                b.dimsMap(3, {0, 1})};
    scores =
        b.contract(term.query, term.keys, maps,
                   {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction}, {heads, length}, scores);
  }
  auto identity = [](LinalgEmitter &, ValueRange v) { return v[0]; };
  SmallVector<AffineMap> rowMaps{b.identityMap(2), b.dimsMap(2, {0})};
  scores = b.elementwise(scores, f32, [&](LinalgEmitter &e, ValueRange v) -> Value {
    return arith::MulFOp::create(e, v[0], e.constF32(scale));
  });
  Value best = b.maxLast(scores, b.constF32(-std::numeric_limits<double>::infinity()), identity);
  Value weights =
      b.elementwise({scores, best}, rowMaps, {heads, length}, f32, [](LinalgEmitter &e, ValueRange v) -> Value {
        return math::ExpOp::create(e, arith::SubFOp::create(e, v[0], v[1]));
      });
  Value sums = b.sumLast(weights, identity);
  // Loops (h, j, v): the innermost one runs along the values.
  SmallVector<AffineMap> maps{b.dimsMap(3, {0, 1}), perHead ? b.dimsMap(3, {1, 0, 2}) : b.dimsMap(3, {1, 2}),
                              b.dimsMap(3, {0, 2})};
  SmallVector<OpFoldResult> sizes{heads, b.sizesOf(values).back()};
  Value weighted = b.contract(weights, values, maps,
                              {IteratorType::parallel, IteratorType::reduction, IteratorType::parallel}, sizes);
  // A token that sees nothing has sum 0 and gets zeros.
  return b.elementwise({weighted, sums}, rowMaps, sizes, f32, [](LinalgEmitter &e, ValueRange v) -> Value {
    Value none = e.cmpF(arith::CmpFPredicate::OEQ, v[1], e.constF32(0.0));
    return e.select(none, e.constF32(0.0), arith::DivFOp::create(e, v[0], v[1]));
  });
}
