// linalg on memrefs becomes loops for the host: register tiles for sums of products, vectors for what is contiguous,
// scalars for the rest.
#include "lowering/LinalgToLoops/HostLoops.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTLINALGTOHOSTLOOPSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

struct ConvertLinalgToHostLoopsPass
    : public deepseek::impl::ConvertLinalgToHostLoopsPassBase<ConvertLinalgToHostLoopsPass> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    // A copy between layouts would become a call of MLIR's own runtime.
    getOperation().walk([&](memref::CopyOp op) {
      rewriter.setInsertionPoint(op);
      rewriter.replaceOpWithNewOp<linalg::CopyOp>(op, op.getSource(), op.getTarget());
    });
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      rewriter.setInsertionPoint(op);
      if (failed(host::emitContraction(op, rewriter)) && failed(host::emitVectorLoops(op, rewriter)) &&
          failed(linalg::linalgOpToLoops(rewriter, op)))
        return op.emitError() << "'" << op->getName() << "' has no lowering to loops", signalPassFailure();
      rewriter.eraseOp(op);
    }
    host::expandExponentials(getOperation());
  }
};

} // namespace
