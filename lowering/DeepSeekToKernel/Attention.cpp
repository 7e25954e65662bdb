// Attention: the absorbed form is one kernel; the naive form gathers the cache, expands it and attends.
#include "lowering/DeepSeekToKernel/RowProgram.h"

using namespace mlir;
using namespace mlir::deepseek;

LogicalResult mlir::deepseek::lowerMlaAbsorbed(MlaAbsorbedOp op, Lowering &lowering) {
  if (op.getLatentNorm() != LatentNorm::None)
    return op.emitOpError() << "has no kernel with latent_norm " << stringifyLatentNorm(op.getLatentNorm())
                            << ": keep the naive form where latents are normalised on reading";
  auto decode =
      kernel::MlaDecodeOp::create(lowering.builder, op.getLoc(), op.getType(), /*lse=*/Type(), op.getQLatent(),
                                  op.getQRope(), lowering.cacheMemRef(op.getLoc(), op.getCache()), op.getLayer(),
                                  op.getPositions(), op.getBlockTable(), op.getScale(), /*schedule=*/nullptr);
  op.replaceAllUsesWith(decode.getResult());
  return success();
}

LogicalResult mlir::deepseek::lowerMla(MlaOp op, Lowering &lowering) {
  OpBuilder &b = lowering.builder;
  Location loc = op.getLoc();
  Value cache = lowering.cacheMemRef(loc, op.getCache());
  auto cacheType = cast<MemRefType>(cache.getType());
  ArrayRef<int64_t> table = cast<RankedTensorType>(op.getBlockTable().getType()).getShape();
  ArrayRef<int64_t> q = cast<RankedTensorType>(op.getQNope().getType()).getShape();
  int64_t sequences = table[0], rows = sequences * table[1] * cacheType.getDimSize(2);
  int64_t rope = cast<RankedTensorType>(op.getQRope().getType()).getDimSize(2), latent = cacheType.getDimSize(3) - rope;

  auto gather = kernel::CacheGatherOp::create(b, loc, RankedTensorType::get({rows, latent}, cacheType.getElementType()),
                                              RankedTensorType::get({rows, rope}, cacheType.getElementType()),
                                              RankedTensorType::get({sequences}, b.getI32Type()), cache, op.getLayer(),
                                              op.getPositions(), op.getBlockTable(), /*schedule=*/nullptr);
  Value latents = gather.getLatents(), weight = op.getKvB(), latentScales, weightScales;
  auto scaled = dyn_cast<BlockScaledType>(weight.getType());
  if (scaled || op.getLatentNorm() != LatentNorm::None) {
    RowProgram program(lowering, loc, rows);
    double eps = op.getNormEps() ? op.getNormEps()->convertToDouble() : 0.0;
    Value row = normaliseRow(program, program.rowF32(latents, 1), op.getLatentNorm(), eps, op.getNormWeight(),
                             op.getNormBias());
    if (scaled) {
      ScaledPair pair = quantizedRow(program, row, scaled.getScaleFormat());
      auto fusion = program.finish({pair.data, pair.scales}, gather.getLengths());
      std::tie(latents, latentScales) = std::tuple(fusion.getResult(0), fusion.getResult(1));
      ScaledPair weights = lowering.getScaled(weight);
      std::tie(weight, weightScales) = std::tuple(weights.data, weights.scales);
    } else {
      latents = program.finish(program.toElement(row, cacheType.getElementType()), gather.getLengths()).getResult(0);
    }
  }
  int64_t width = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  Type element = op.getType().getElementType();
  Value kv = kernel::GemmOp::create(b, loc, RankedTensorType::get({rows, width}, element), latents, weight,
                                    latentScales, weightScales, gather.getLengths(), /*schedule=*/nullptr)
                 .getResult();
  kv = lowering.reshape(loc, kv, {rows, q[1], width / q[1]});
  op.replaceAllUsesWith(kernel::MlaPrefillOp::create(b, loc, op.getType(), op.getQNope(), op.getQRope(), kv,
                                                     gather.getKeys(), op.getPositions(), sequences, op.getScale(),
                                                     /*schedule=*/nullptr)
                            .getResult());
  return success();
}
