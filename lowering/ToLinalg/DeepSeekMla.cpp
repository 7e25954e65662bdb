// Rotary embedding, the latent cache and both forms of multi-head latent attention.
#include "lowering/ToLinalg/Attention.h"
#include "lowering/ToLinalg/DeepSeekPatterns.h"
#include "lowering/ToLinalg/Normalize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::deepseek;

static Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

/// The memref behind a latent cache (bind-buffers leaves a cast from it).
static FailureOr<Value> cacheMemRef(Value cache) {
  auto castOp = cache.getDefiningOp<UnrealizedConversionCastOp>();
  if (!castOp || castOp.getInputs().size() != 1 || !isa<MemRefType>(castOp.getInputs()[0].getType()))
    return failure();
  return castOp.getInputs()[0];
}

static SmallVector<Value> emitRopeAngles(LinalgEmitter &b, RopeAnglesOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<double> frequencies = inverseFrequencies(op.getYarn(), 2 * type.getDimSize(1));
  Value table = arith::ConstantOp::create(
      b, DenseElementsAttr::get(RankedTensorType::get({type.getDimSize(1)}, b.getF64Type()), ArrayRef(frequencies)));
  double magnitude = op.getYarn().getMagnitude().getValueAsDouble();
  return {b.elementwise(
      {op.getPositions(), table}, {b.dimsMap(3, {0}), b.dimsMap(3, {1})},
      b.sizesOf(b.empty(SmallVector<OpFoldResult>{b.getIndexAttr(type.getDimSize(0)),
                                                  b.getIndexAttr(type.getDimSize(1)), b.getIndexAttr(2)},
                        b.getF32Type())),
      b.getF32Type(), [&](LinalgEmitter &e, ValueRange v) -> Value {
        auto f64 = [&](double value) { return arith::ConstantOp::create(e, e.getF64FloatAttr(value)); };
        Value angle = arith::MulFOp::create(e, arith::SIToFPOp::create(e, e.getF64Type(), v[0]), v[1]);
        Value turns = math::RoundEvenOp::create(e, arith::MulFOp::create(e, angle, f64(0.5 * M_1_PI)));
        Value reduced = arith::SubFOp::create(e, angle, arith::MulFOp::create(e, turns, f64(2.0 * M_PI)));
        Value narrow = arith::TruncFOp::create(e, e.getF32Type(), reduced);
        Value isCosine = e.cmpI(arith::CmpIPredicate::eq, linalg::IndexOp::create(e, 2), e.constIndex(0));
        Value value = e.branch(
            isCosine, [&](LinalgEmitter &f) { return SmallVector<Value>{math::CosOp::create(f, narrow)}; },
            [&](LinalgEmitter &f) { return SmallVector<Value>{math::SinOp::create(f, narrow)}; })[0];
        return arith::MulFOp::create(e, value, e.constF32(magnitude));
      })};
}

static SmallVector<Value> emitRope(LinalgEmitter &b, RopeOp op) {
  Value x = op.getX();
  int64_t rank = b.typeOf(x).getRank(), last = rank - 1, pairs = b.typeOf(x).getDimSize(last) / 2;
  bool interleaved = op.getLayout() == RopeLayout::Interleaved;
  // [..., pairs, 2] or [..., 2, pairs].
  SmallVector<int64_t> shape(b.typeOf(x).getShape().drop_back());
  shape.append(interleaved ? std::initializer_list<int64_t>{pairs, 2} : std::initializer_list<int64_t>{2, pairs});
  SmallVector<ReassociationIndices> groups;
  for (int64_t dim = 0; dim < last; ++dim)
    groups.push_back({dim});
  groups.push_back({last, last + 1});
  Value split = tensor::ExpandShapeOp::create(b, RankedTensorType::get(shape, elementOf(x)), x, groups);

  AffineExpr token = b.getAffineDimExpr(0), pair = b.getAffineDimExpr(interleaved ? last : last + 1);
  int64_t halfDim = interleaved ? last + 1 : last;
  auto half = [&](int64_t which) {
    SmallVector<AffineExpr> exprs;
    for (int64_t dim = 0; dim <= rank; ++dim)
      exprs.push_back(dim == halfDim ? b.getAffineConstantExpr(which) : b.getAffineDimExpr(dim));
    return AffineMap::get(rank + 1, 0, exprs, b.getContext());
  };
  auto angle = [&](int64_t which) {
    return AffineMap::get(rank + 1, 0, {token, pair, b.getAffineConstantExpr(which)}, b.getContext());
  };
  Value rotated = b.elementwise(
      {split, split, op.getAngles(), op.getAngles()}, {half(0), half(1), angle(0), angle(1)}, b.sizesOf(split),
      elementOf(op.getResult()), [&](LinalgEmitter &e, ValueRange v) -> Value {
        Value first = e.cmpI(arith::CmpIPredicate::eq, linalg::IndexOp::create(e, halfDim), e.constIndex(0));
        Value real =
            arith::SubFOp::create(e, arith::MulFOp::create(e, v[0], v[2]), arith::MulFOp::create(e, v[1], v[3]));
        Value imaginary =
            arith::AddFOp::create(e, arith::MulFOp::create(e, v[0], v[3]), arith::MulFOp::create(e, v[1], v[2]));
        return e.select(first, real, imaginary);
      });
  return {tensor::CollapseShapeOp::create(b, op.getType(), rotated, groups)};
}

struct AppendPattern : public OpRewritePattern<LatentCacheAppendOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LatentCacheAppendOp op, PatternRewriter &rewriter) const override {
    FailureOr<Value> memref = cacheMemRef(op.getCache());
    if (failed(memref))
      return rewriter.notifyMatchFailure(op, "the cache is no cast from a memref");
    LinalgEmitter b(op.getLoc(), rewriter);
    emitCacheAppend(b, {*memref, int64_t(op.getLayer()), op.getPositions(), op.getBlockTable()}, op.getLatent(),
                    op.getKRope());
    rewriter.eraseOp(op);
    return success();
  }
};

/// Latents as attention sees them: normalised here if that is not done before they are cached.
template <typename Op> static Value normalizeLatents(LinalgEmitter &b, Op op, Value latents) {
  double eps = op.getNormEps() ? op.getNormEps()->convertToDouble() : 0.0;
  switch (op.getLatentNorm()) {
  case LatentNorm::None:
    return latents;
  case LatentNorm::Rms:
    return emitRmsNorm(b, latents, op.getNormWeight(), eps, b.getF32Type());
  case LatentNorm::Layer:
    return emitLayerNorm(b, latents, op.getNormWeight(), op.getNormBias(), eps, b.getF32Type());
  }
  llvm_unreachable("unknown latent norm");
}

/// Calls `attend` for each token of `sequence`: token, number of positions it sees, the result so far.
static Value forTokens(LinalgEmitter &b, const PagedCache &cache, Value sequence, Value length, Value result,
                       function_ref<Value(LinalgEmitter &, Value, Value)> attend) {
  int64_t perSequence = cache.tokensPerSequence();
  Value first = arith::MulIOp::create(b, sequence, b.constIndex(perSequence));
  Value own = b.slice(result, 0, first, b.getIndexAttr(perSequence));
  own = b.parallelRows(perSequence, own, [&](LinalgEmitter &e, Value i) {
    Value token = e.add(first, i);
    Value visible = e.add(e.toIndex(e.extract(cache.positions, token)), e.constIndex(1));
    visible = arith::MaxSIOp::create(e, e.constIndex(0), arith::MinSIOp::create(e, visible, length));
    return attend(e, token, visible);
  });
  return b.insertSlice(own, result, 0, first);
}

template <typename Op> struct AttentionPattern : public OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    FailureOr<Value> memref = cacheMemRef(op.getCache());
    if (failed(memref))
      return rewriter.notifyMatchFailure(op, "the cache is no cast from a memref");
    LinalgEmitter b(op.getLoc(), rewriter);
    PagedCache cache{*memref, int64_t(op.getLayer()), op.getPositions(), op.getBlockTable()};
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> sizes = getAsIndexOpFoldResult(rewriter.getContext(), type.getShape());
    int64_t rope = b.typeOf(op.getQRope()).getDimSize(2);
    int64_t latent = cast<MemRefType>(memref->getType()).getDimSize(3) - rope;
    Value qRope = b.cast(op.getQRope(), b.getF32Type());
    Value result =
        b.loop(cache.sequences(), b.empty(sizes, b.getF32Type()), [&](LinalgEmitter &e, Value s, ValueRange in) {
          Value length = emitSequenceLength(e, cache, s);
          Value records = emitGatherRecords(e, cache, s, e.constIndex(0), length);
          Value latents = e.slice(records, 1, e.getIndexAttr(0), e.getIndexAttr(latent));
          Value keys = e.slice(records, 1, e.getIndexAttr(latent), e.getIndexAttr(rope));
          return SmallVector<Value>{
              attendSequence(e, op, cache, s, length, normalizeLatents(e, op, latents), keys, qRope, in[0])};
        })[0];
    rewriter.replaceOp(op, b.cast(result, type.getElementType()));
    return success();
  }

private:
  static Value attendSequence(LinalgEmitter &b, MlaAbsorbedOp op, const PagedCache &cache, Value sequence, Value length,
                              Value latents, Value ropeKeys, Value qRope, Value result) {
    Value query = b.cast(op.getQLatent(), b.getF32Type());
    return forTokens(b, cache, sequence, length, result, [&](LinalgEmitter &e, Value t, Value visible) {
      OpFoldResult zero = e.getIndexAttr(0);
      Value seen = e.slice(latents, 0, zero, visible);
      AttentionTerm terms[] = {{e.row(query, t), seen}, {e.row(qRope, t), e.slice(ropeKeys, 0, zero, visible)}};
      return emitAttendToken(e, terms, seen, op.getScale().convertToDouble());
    });
  }

  static Value attendSequence(LinalgEmitter &b, MlaOp op, const PagedCache &cache, Value sequence, Value length,
                              Value latents, Value ropeKeys, Value qRope, Value result) {
    auto type = cast<RankedTensorType>(op.getType());
    int64_t heads = type.getDimSize(1), value = type.getDimSize(2), nope = b.typeOf(op.getQNope()).getDimSize(2);
    Value flat;
    if (auto scaled = dyn_cast<BlockScaledType>(op.getKvB().getType())) {
      ScaledTensor quantized = b.quantize(latents, 1, 128, scaled.getScaleFormat() == ScaleFormat::UE8M0);
      flat = b.scaledLinear(quantized, unpackScaled(b, op.getKvB()));
    } else {
      flat = b.linear(latents, op.getKvB());
    }
    auto kvType = RankedTensorType::get({ShapedType::kDynamic, heads, nope + value}, b.getF32Type());
    SmallVector<OpFoldResult> kvSizes{length, b.getIndexAttr(heads), b.getIndexAttr(nope + value)};
    Value kv = tensor::ExpandShapeOp::create(b, kvType, flat, SmallVector<ReassociationIndices>{{0}, {1, 2}}, kvSizes);
    Value query = b.cast(op.getQNope(), b.getF32Type());
    return forTokens(b, cache, sequence, length, result, [&](LinalgEmitter &e, Value t, Value visible) {
      OpFoldResult zero = e.getIndexAttr(0);
      Value seen = e.slice(kv, 0, zero, visible);
      AttentionTerm terms[] = {{e.row(query, t), e.slice(seen, 2, zero, e.getIndexAttr(nope))},
                               {e.row(qRope, t), e.slice(ropeKeys, 0, zero, visible)}};
      return emitAttendToken(e, terms, e.slice(seen, 2, e.getIndexAttr(nope), e.getIndexAttr(value)),
                             op.getScale().convertToDouble());
    });
  }
};

void mlir::deepseek::populateMlaToLinalgPatterns(RewritePatternSet &patterns) {
  addEmitter<RopeAnglesOp>(patterns, emitRopeAngles);
  addEmitter<RopeOp>(patterns, emitRope);
  patterns.add<AppendPattern, AttentionPattern<MlaOp>, AttentionPattern<MlaAbsorbedOp>>(patterns.getContext());
}
