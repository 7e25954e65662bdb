// Weight absorption: attention over latents instead of expanded keys and values (DeepSeek-V2 paper, section 2.1.2).
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/cost/MlaForm.h"
#include <cmath>

namespace mlir::deepseek {
#define GEN_PASS_DEF_ABSORBMLAPASS
#include "passes/Passes.h.inc"

namespace {

int64_t elementBytes(Type type) {
  if (auto scaled = dyn_cast<BlockScaledType>(type))
    return scaled.getElementType().getIntOrFloatBitWidth() / 8;
  return cast<RankedTensorType>(type).getElementType().getIntOrFloatBitWidth() / 8;
}

cost::MlaShape shapeOf(MlaOp mla, int64_t context) {
  auto nope = cast<RankedTensorType>(mla.getQNope().getType());
  auto result = cast<RankedTensorType>(mla.getType());
  auto blockTable = cast<RankedTensorType>(mla.getBlockTable().getType());
  auto cache = cast<LatentCacheType>(mla.getCache().getType());
  return {/*tokens=*/nope.getDimSize(0),
          /*sequences=*/blockTable.getDimSize(0),
          context,
          /*heads=*/nope.getDimSize(1),
          /*latent=*/cache.getLatent(),
          /*rope=*/cache.getRope(),
          /*nope=*/nope.getDimSize(2),
          /*value=*/result.getDimSize(2),
          elementBytes(mla.getKvB().getType()),
          int64_t(cache.getElement().getIntOrFloatBitWidth() / 8),
          cache.getPage()};
}

void absorb(MlaOp mla, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(mla);
  Location loc = mla.getLoc();
  auto nopeType = cast<RankedTensorType>(mla.getQNope().getType());
  auto resultType = cast<RankedTensorType>(mla.getType());
  const int64_t tokens = nopeType.getDimSize(0), heads = nopeType.getDimSize(1);
  const int64_t nope = nopeType.getDimSize(2), value = resultType.getDimSize(2);
  const int64_t latent = cast<LatentCacheType>(mla.getCache().getType()).getLatent();
  // Absorbed factors keep the weight's precision; a block-scaled weight is dequantised to the activations' type.
  Type element = resultType.getElementType();
  if (auto plain = dyn_cast<RankedTensorType>(mla.getKvB().getType()))
    element = plain.getElementType();

  auto keyType = RankedTensorType::get({heads, latent, nope}, element);
  auto valueType = RankedTensorType::get({heads, value, latent}, element);
  auto latentType = RankedTensorType::get({tokens, heads, latent}, resultType.getElementType());
  Value key = AbsorbKeyOp::create(rewriter, loc, keyType, mla.getKvB(), nope, value);
  Value qLatent = HeadLinearOp::create(rewriter, loc, latentType, mla.getQNope(), key);
  Value attended =
      MlaAbsorbedOp::create(rewriter, loc, latentType, qLatent, mla.getQRope(), mla.getCache(), mla.getLayerAttr(),
                            mla.getPositions(), mla.getBlockTable(), mla.getScaleAttr(), mla.getLatentNormAttr(),
                            mla.getNormEpsAttr(), mla.getNormWeight(), mla.getNormBias());
  Value factor = AbsorbValueOp::create(rewriter, loc, valueType, mla.getKvB(), nope, value);
  rewriter.replaceOpWithNewOp<HeadLinearOp>(mla, resultType, attended, factor);
}

struct AbsorbMlaPass : impl::AbsorbMlaPassBase<AbsorbMlaPass> {
  using AbsorbMlaPassBase::AbsorbMlaPassBase;

  void runOnOperation() override {
    if (mode != "auto" && mode != "always" && mode != "never") {
      getOperation().emitError() << "deepseek-absorb-mla: mode must be auto, always or never, got " << mode;
      return signalPassFailure();
    }
    IRRewriter rewriter(&getContext());
    SmallVector<MlaOp> candidates;
    getOperation().walk([&](MlaOp mla) { candidates.push_back(mla); });
    for (MlaOp mla : candidates)
      if (isWanted(mla))
        absorb(mla, rewriter);
  }

  bool isWanted(MlaOp mla) {
    const bool onGpu = target != "cpu";
    auto opts =
        remark::RemarkOpts::name("AbsorbMla").category("deepseek-absorb-mla").function(getOperation().getName());
    if (mode == "never")
      return false;
    if (onGpu && mla.getLatentNorm() != LatentNorm::None) {
      remark::missed(mla.getLoc(), opts) << "kept naive: the latent is normalised when the cache is read, which the "
                                            "absorbed kernel does not do";
      return false;
    }
    const cost::Machine &machine = cost::machineOf(target.getValue());
    cost::MlaShape shape = shapeOf(mla, context);
    const double naive = cost::mlaNaiveSeconds(shape, machine), absorbed = cost::mlaAbsorbedSeconds(shape, machine);
    if (std::isinf(absorbed)) {
      remark::missed(mla.getLoc(), opts)
          << llvm::formatv("kept naive: no schedule of the absorbed kernel holds records of {0} + {1} elements",
                           shape.latent, shape.rope)
                 .str();
      return false;
    }
    const bool cheaper = absorbed <= naive;
    auto text = llvm::formatv("absorbed {0:F1} us, naive {1:F1} us at T={2}, S={3}, context {4}, {5} heads{6}",
                              absorbed * 1e6, naive * 1e6, shape.tokens, shape.sequences, shape.context, shape.heads,
                              mode == "always" ? " (absorption forced)" : "");
    if (mode == "always" || cheaper)
      remark::passed(mla.getLoc(), opts) << text.str();
    else
      remark::missed(mla.getLoc(), opts) << text.str();
    return mode == "always" || cheaper;
  }
};

} // namespace
} // namespace mlir::deepseek
