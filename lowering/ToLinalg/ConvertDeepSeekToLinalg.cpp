// Every operation of the deepseek dialect becomes linalg, tensor and scf, written from its own description: this is the
// numerical reference of the dialect.
#include "lowering/Passes.h"
#include "lowering/ToLinalg/DeepSeekPatterns.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTDEEPSEEKTOLINALGPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

/// A fusion is executed by executing its body in place.
struct InlineFusion : public OpRewritePattern<FusionOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(FusionOp op, PatternRewriter &rewriter) const override {
    Block &body = op.getBody().front();
    auto yield = cast<YieldOp>(body.getTerminator());
    SmallVector<Value> results = llvm::to_vector(yield.getValues());
    rewriter.eraseOp(yield);
    rewriter.inlineBlockBefore(&body, op);
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct ConvertDeepSeekToLinalgPass
    : public deepseek::impl::ConvertDeepSeekToLinalgPassBase<ConvertDeepSeekToLinalgPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    RewritePatternSet patterns(&getContext());
    patterns.add<InlineFusion>(&getContext());
    populateLinearToLinalgPatterns(patterns);
    populateMlaToLinalgPatterns(patterns);
    populateMoeToLinalgPatterns(patterns);
    populateParameterToLinalgPatterns(patterns);
    populateQuantToLinalgPatterns(patterns);
    populateSamplingToLinalgPatterns(patterns);
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal(true).setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(applyPatternsGreedily(func, std::move(patterns), config)))
      return signalPassFailure();
    // Pairs of pack and unpack, and casts of the cache, have lost their users.
    WalkResult left = func.walk([](Operation *op) -> WalkResult {
      if (!isa_and_nonnull<DeepSeekDialect>(op->getDialect()))
        return WalkResult::advance();
      op->emitError() << "'" << op->getName() << "' has no lowering to linalg here";
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
