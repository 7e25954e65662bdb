// The conversion of parallel loops to OpenMP wraps each body in a scope for stack memory. Ours hold none, and such a
// scope may not hold branches.
#include "lowering/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_INLINEALLOCASCOPESPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

struct InlineAllocaScopesPass : public deepseek::impl::InlineAllocaScopesPassBase<InlineAllocaScopesPass> {
  void runOnOperation() override {
    getOperation().walk([](memref::AllocaScopeOp scope) {
      Block &body = scope.getBodyRegion().front();
      bool allocates = scope.walk([](memref::AllocaOp) { return WalkResult::interrupt(); }).wasInterrupted();
      if (allocates || !scope.getBodyRegion().hasOneBlock())
        return;
      Operation *terminator = body.getTerminator();
      scope->replaceAllUsesWith(terminator->getOperands());
      terminator->erase();
      scope->getBlock()->getOperations().splice(scope->getIterator(), body.getOperations());
      scope.erase();
    });
  }
};

} // namespace
