// On the way to host code, a buffer of the table is a memref: loads become read-only tensors over it, stores write
// into it. Bufferization then places results in their buffers without a copy where it can.
#include "dialects/kernel/KernelOps.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTBUFFERSTOMEMREFPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

Value bufferMemRef(OpBuilder &builder, Location loc, FlatSymbolRefAttr buffer, RankedTensorType type) {
  auto memref = MemRefType::get(type.getShape(), type.getElementType());
  return kernel::BufferMemRefOp::create(builder, loc, memref, buffer);
}

struct ConvertBuffersToMemRefPass : public deepseek::impl::ConvertBuffersToMemRefPassBase<ConvertBuffersToMemRefPass> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) {
      OpBuilder builder(op);
      if (auto load = dyn_cast<kernel::LoadBufferOp>(op)) {
        auto type = cast<RankedTensorType>(load.getType());
        Value memref = bufferMemRef(builder, op->getLoc(), load.getBufferAttr(), type);
        // Entries never load what they store, so no other memref of the function writes this memory.
        Value tensor = bufferization::ToTensorOp::create(builder, op->getLoc(), type, memref, /*restrict=*/true);
        op->getResult(0).replaceAllUsesWith(tensor);
        op->erase();
      } else if (auto store = dyn_cast<kernel::StoreBufferOp>(op)) {
        auto type = cast<RankedTensorType>(store.getValue().getType());
        Value memref = bufferMemRef(builder, op->getLoc(), store.getBufferAttr(), type);
        bufferization::MaterializeInDestinationOp::create(builder, op->getLoc(), Type(), store.getValue(), memref,
                                                          /*restrict=*/true, /*writable=*/true);
        op->erase();
      }
    });
  }
};

} // namespace
