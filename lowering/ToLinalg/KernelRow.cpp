// Row fusion: a parallel loop over the rows around the program of one row. The operations of the program are tensor
// operations of their own, so they are lowered by a pattern each.
#include "lowering/ToLinalg/Attention.h"
#include "lowering/ToLinalg/KernelPatterns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::kernel;
using utils::IteratorType;

namespace {

/// Scalar (a tensor without dimensions) from a value, and back.
Value scalarTensor(LinalgEmitter &b, Value scalar) {
  return tensor::FromElementsOp::create(b, RankedTensorType::get({}, scalar.getType()), scalar);
}
Value scalarOf(LinalgEmitter &b, Value tensor) { return b.extract(tensor, {}); }

/// Writes `latent`, then `key` to the record of the row's token.
void emitCacheStore(LinalgEmitter &b, RowCacheStoreOp op, const IRMapping &map, Value row, int64_t rows) {
  PagedCache cache{map.lookupOrDefault(op.getCache()), int64_t(op.getLayer()), /*positions=*/{},
                   map.lookupOrDefault(op.getBlockTable())};
  Value latent = map.lookupOrDefault(op.getLatent()), key = map.lookupOrDefault(op.getKey());
  Value position = scalarOf(b, map.lookupOrDefault(op.getPosition()));
  Value cached = b.cmpI(arith::CmpIPredicate::sge, position, b.constI32(0));
  scf::IfOp::create(b, cached, [&](OpBuilder &nested, Location loc) {
    LinalgEmitter e(loc, nested);
    Value sequence = arith::DivUIOp::create(e, row, e.constIndex(rows / cache.sequences()));
    SmallVector<Value> indices = emitRecordIndices(e, cache, sequence, e.toIndex(position));
    indices.push_back({});
    auto write = [&](Value source, int64_t offset) {
      e.loop(e.typeOf(source).getDimSize(0), {}, [&](LinalgEmitter &f, Value c, ValueRange) {
        indices.back() = f.add(c, f.constIndex(offset));
        memref::StoreOp::create(f, f.extract(source, c), cache.memref, indices);
        return SmallVector<Value>{};
      });
    };
    write(latent, 0);
    write(key, e.typeOf(latent).getDimSize(0));
    scf::YieldOp::create(e);
  });
}

/// The program of row `row`: what the fusion yields for it.
SmallVector<Value> emitProgram(LinalgEmitter &b, RowFusionOp op, Value row) {
  Block &body = op.getBody().front();
  IRMapping map;
  for (auto [index, input, argument] : llvm::enumerate(op.getInputs(), body.getArguments()))
    map.map(argument, op.isWhole(index) ? input : b.row(input, row));
  for (Operation &inner : body.without_terminator()) {
    if (auto store = dyn_cast<RowCacheStoreOp>(inner))
      emitCacheStore(b, store, map, row, op.getRows());
    else if (auto index = dyn_cast<RowIndexOp>(inner))
      map.map(index.getResult(), scalarTensor(b, b.toI32(row)));
    else
      b.clone(inner, map);
  }
  SmallVector<Value> yielded;
  for (Value value : body.getTerminator()->getOperands())
    yielded.push_back(map.lookupOrDefault(value));
  return yielded;
}

/// The same, or the old contents of the results where `limit` does not want the row.
SmallVector<Value> emitLimitedProgram(LinalgEmitter &b, RowFusionOp op, Value row, ValueRange results) {
  if (!op.getLimit())
    return emitProgram(b, op, row);
  Value perPart = b.constIndex(int64_t(op.getRows()) / b.typeOf(op.getLimit()).getDimSize(0));
  Value limit = b.toIndex(b.extract(op.getLimit(), arith::DivUIOp::create(b, row, perPart).getResult()));
  Value wanted = b.cmpI(arith::CmpIPredicate::slt, arith::RemUIOp::create(b, row, perPart), limit);
  return b.branch(
      wanted, [&](LinalgEmitter &e) { return emitProgram(e, op, row); },
      [&](LinalgEmitter &e) {
        SmallVector<Value> old;
        for (Value result : results)
          old.push_back(e.row(result, row));
        return old;
      });
}

struct RowFusionPattern : public OpRewritePattern<RowFusionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RowFusionOp op, PatternRewriter &rewriter) const override {
    LinalgEmitter b(op.getLoc(), rewriter);
    SmallVector<Value> init;
    for (Value result : op.getResults())
      init.push_back(b.empty(b.sizesOf(result), elementOf(result)));
    auto forall =
        scf::ForallOp::create(b, ArrayRef<OpFoldResult>{b.getIndexAttr(op.getRows())}, init, std::nullopt,
                              [&](OpBuilder &nested, Location loc, ValueRange args) {
                                LinalgEmitter e(loc, nested);
                                SmallVector<Value> parts = emitLimitedProgram(e, op, args[0], args.drop_front());
                                auto terminator = scf::InParallelOp::create(e);
                                e.setInsertionPointToStart(terminator.getBody());
                                for (auto [part, target] : llvm::zip_equal(parts, args.drop_front())) {
                                  SmallVector<OpFoldResult> sizes = e.sizesOf(target);
                                  SmallVector<OpFoldResult> offsets(sizes.size(), e.getIndexAttr(0)),
                                      strides(sizes.size(), e.getIndexAttr(1));
                                  offsets[0] = args[0];
                                  sizes[0] = e.getIndexAttr(1);
                                  tensor::ParallelInsertSliceOp::create(e, part, target, offsets, sizes, strides);
                                }
                              });
    rewriter.replaceOp(op, forall.getResults());
    return success();
  }
};

/// All elements in one dimension.
Value flatten(LinalgEmitter &b, Value x) {
  RankedTensorType type = b.typeOf(x);
  if (type.getRank() == 1)
    return x;
  auto flat = RankedTensorType::get({type.getNumElements()}, type.getElementType());
  SmallVector<ReassociationIndices> groups(1, llvm::to_vector(llvm::seq<int64_t>(type.getRank())));
  if (type.getRank() == 0)
    groups.clear();
  return type.getRank() == 0 ? Value(tensor::ExpandShapeOp::create(b, flat, x, groups))
                             : Value(tensor::CollapseShapeOp::create(b, flat, x, groups));
}

SmallVector<Value> emitReduce(LinalgEmitter &b, RowReduceOp op) {
  Value x = flatten(b, op.getX());
  auto identity = [](LinalgEmitter &, ValueRange v) { return v[0]; };
  if (op.getKind() == RowReduceKind::Add)
    return {b.sumLast(x, identity)};
  return {b.maxLast(x, b.constF32(-std::numeric_limits<double>::infinity()), identity)};
}

SmallVector<Value> emitBroadcast(LinalgEmitter &b, RowBroadcastOp op) {
  SmallVector<OpFoldResult> sizes = b.sizesOf(op.getResult());
  return {b.filled(sizes, scalarOf(b, op.getX()))};
}

SmallVector<Value> emitExtract(LinalgEmitter &b, RowExtractOp op) {
  return {scalarTensor(b, b.extract(op.getX(), b.constIndex(op.getIndex())))};
}

SmallVector<Value> emitGather(LinalgEmitter &b, RowGatherOp op) {
  Value index = scalarOf(b, op.getIndex());
  // One unsigned comparison refuses negative indices too.
  Value known = b.cmpI(arith::CmpIPredicate::ult, index, b.constI32(b.typeOf(op.getTable()).getDimSize(0)));
  return {b.row(op.getTable(), b.toIndex(b.select(known, index, b.constI32(0))))};
}

/// `[W]` as `[1, W]`, and back.
Value asMatrix(LinalgEmitter &b, Value row) {
  RankedTensorType type = b.typeOf(row);
  auto matrix = RankedTensorType::get({1, type.getDimSize(0)}, type.getElementType());
  return tensor::ExpandShapeOp::create(b, matrix, row, SmallVector<ReassociationIndices>{{0, 1}});
}
Value asRow(LinalgEmitter &b, Value matrix) {
  return tensor::CollapseShapeOp::create(b, matrix, SmallVector<ReassociationIndices>{{0, 1}});
}

SmallVector<Value> emitQuantize(LinalgEmitter &b, RowQuantizeOp op) {
  ScaledTensor scaled = b.quantize(asMatrix(b, op.getX()), 1, 128, op.getPowerOfTwo());
  return {asRow(b, scaled.data), asRow(b, scaled.scales)};
}

SmallVector<Value> emitDequantize(LinalgEmitter &b, RowDequantizeOp op) {
  ScaledTensor scaled{asMatrix(b, op.getData()), asMatrix(b, op.getScales()), 1, 128};
  return {asRow(b, b.dequantize(scaled, b.getF32Type()))};
}

SmallVector<Value> emitAngles(LinalgEmitter &b, RowAnglesOp op) {
  ArrayRef<double> frequencies = op.getFrequencies();
  Value table = arith::ConstantOp::create(
      b, DenseElementsAttr::get(RankedTensorType::get({int64_t(frequencies.size())}, b.getF64Type()), frequencies));
  double magnitude = op.getMagnitude().convertToDouble();
  return {
      b.elementwise({op.getPosition(), table}, {b.dimsMap(2, {}), b.dimsMap(2, {0})}, b.sizesOf(op.getResult()),
                    b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) -> Value {
                      auto f64 = [&](double value) { return arith::ConstantOp::create(e, e.getF64FloatAttr(value)); };
                      Value position = arith::SIToFPOp::create(e, e.getF64Type(), v[0]);
                      Value angle = arith::MulFOp::create(e, position, v[1]);
                      Value turns = math::RoundEvenOp::create(e, arith::DivFOp::create(e, angle, f64(2.0 * M_PI)));
                      Value reduced = arith::SubFOp::create(e, angle, arith::MulFOp::create(e, turns, f64(2.0 * M_PI)));
                      Value narrow = arith::TruncFOp::create(e, e.getF32Type(), reduced);
                      Value first = e.cmpI(arith::CmpIPredicate::eq, linalg::IndexOp::create(e, 1), e.constIndex(0));
                      Value value = e.branch(
                          first, [&](LinalgEmitter &f) { return SmallVector<Value>{math::CosOp::create(f, narrow)}; },
                          [&](LinalgEmitter &f) { return SmallVector<Value>{math::SinOp::create(f, narrow)}; })[0];
                      return arith::MulFOp::create(e, value, e.constF32(magnitude));
                    })};
}

SmallVector<Value> emitRope(LinalgEmitter &b, RowRopeOp op) {
  RankedTensorType type = b.typeOf(op.getX());
  int64_t rank = type.getRank(), pairs = type.getDimSize(rank - 1) / 2;
  bool interleaved = op.getPairs() == RopePairs::Interleaved;
  // Element i of the result reads both elements of its pair: i even or odd, or i below or above D/2.
  AffineExpr i = b.getAffineDimExpr(rank - 1);
  AffineExpr pair = interleaved ? i.floorDiv(2) : i % pairs;
  AffineExpr firstOf = interleaved ? pair * 2 : pair, secondOf = interleaved ? pair * 2 + 1 : pair + pairs;
  auto element = [&](AffineExpr last) {
    SmallVector<AffineExpr> exprs;
    for (int64_t dim = 0; dim + 1 < rank; ++dim)
      exprs.push_back(b.getAffineDimExpr(dim));
    exprs.push_back(last);
    return AffineMap::get(rank, 0, exprs, b.getContext());
  };
  auto angle = [&](int64_t which) {
    return AffineMap::get(rank, 0, {pair, b.getAffineConstantExpr(which)}, b.getContext());
  };
  return {b.elementwise(
      {op.getX(), op.getX(), op.getAngles(), op.getAngles()}, {element(firstOf), element(secondOf), angle(0), angle(1)},
      b.sizesOf(op.getX()), b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) -> Value {
        Value index = linalg::IndexOp::create(e, rank - 1);
        Value first = interleaved ? e.cmpI(arith::CmpIPredicate::eq, arith::RemUIOp::create(e, index, e.constIndex(2)),
                                           e.constIndex(0))
                                  : e.cmpI(arith::CmpIPredicate::ult, index, e.constIndex(pairs));
        Value real =
            arith::SubFOp::create(e, arith::MulFOp::create(e, v[0], v[2]), arith::MulFOp::create(e, v[1], v[3]));
        Value imaginary =
            arith::AddFOp::create(e, arith::MulFOp::create(e, v[0], v[3]), arith::MulFOp::create(e, v[1], v[2]));
        return e.select(first, real, imaginary);
      })};
}

} // namespace

void mlir::deepseek::kernel::populateRowToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<RowFusionPattern>(patterns.getContext());
  addEmitter<RowReduceOp>(patterns, emitReduce);
  addEmitter<RowBroadcastOp>(patterns, emitBroadcast);
  addEmitter<RowExtractOp>(patterns, emitExtract);
  addEmitter<RowGatherOp>(patterns, emitGather);
  addEmitter<RowQuantizeOp>(patterns, emitQuantize);
  addEmitter<RowDequantizeOp>(patterns, emitDequantize);
  addEmitter<RowAnglesOp>(patterns, emitAngles);
  addEmitter<RowRopeOp>(patterns, emitRope);
  linalg::populateElementwiseToLinalgConversionPatterns(patterns);
}
