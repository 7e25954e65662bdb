// Every kernel becomes linalg, tensor and scf, written from its own description: the numerical reference of the
// kernels, and the second road to host code.
#include "lowering/Passes.h"
#include "lowering/ToLinalg/KernelPatterns.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTKERNELTOLINALGPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

struct ConvertKernelToLinalgPass : public deepseek::impl::ConvertKernelToLinalgPassBase<ConvertKernelToLinalgPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    RewritePatternSet patterns(&getContext());
    kernel::populateMatmulToLinalgPatterns(patterns);
    kernel::populateAttentionToLinalgPatterns(patterns);
    kernel::populateRouterToLinalgPatterns(patterns);
    kernel::populateRowToLinalgPatterns(patterns);
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal(true).setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(applyPatternsGreedily(func, std::move(patterns), config)))
      return signalPassFailure();
    WalkResult left = func.walk([](Operation *op) -> WalkResult {
      if (!isa_and_nonnull<kernel::KernelDialect>(op->getDialect()) ||
          isa<kernel::LoadBufferOp, kernel::StoreBufferOp, kernel::BufferMemRefOp>(op))
        return WalkResult::advance();
      op->emitError() << "'" << op->getName() << "' has no lowering to linalg here";
      return WalkResult::interrupt();
    });
    if (left.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
