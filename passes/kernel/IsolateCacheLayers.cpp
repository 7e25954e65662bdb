// The layer of a cache becomes part of an address.
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/Passes.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_ISOLATECACHELAYERSPASS
#include "passes/Passes.h.inc"

namespace {

/// One layer of a cache of `type`; the offset is dynamic so that all layers have one type.
MemRefType layerType(MemRefType type) {
  ArrayRef<int64_t> shape = type.getShape();
  const int64_t row = shape[3], page = shape[2] * row, record = shape[1] * page;
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, {record, page, row, 1});
  return MemRefType::get({ShapedType::kDynamic, 1, shape[2], row}, type.getElementType(), layout);
}

struct IsolateCacheLayersPass : impl::IsolateCacheLayersPassBase<IsolateCacheLayersPass> {
  void runOnOperation() override {
    SmallVector<Operation *> users;
    getOperation().walk([&](Operation *op) {
      if (isa<kernel::MlaDecodeOp, kernel::CacheGatherOp, kernel::RowFusionOp>(op))
        users.push_back(op);
    });
    for (Operation *op : users) {
      if (auto fusion = dyn_cast<kernel::RowFusionOp>(op))
        isolate(fusion);
      else
        for (OpOperand &operand : op->getOpOperands())
          if (auto whole = wholeCache(operand.get()))
            use(operand, whole, takeLayer(op));
    }
  }

  /// The cache of all layers behind a value, if it is one.
  static kernel::BufferMemRefOp wholeCache(Value value) {
    auto memref = value.getDefiningOp<kernel::BufferMemRefOp>();
    if (!memref || memref.getLayer() != 0 || memref.getType().getRank() != 4 || !memref.getType().getLayout().isIdentity())
      return {};
    return memref;
  }

  /// Reads the layer of an operation and sets it to 0.
  static int64_t takeLayer(Operation *op) {
    int64_t layer = op->getAttrOfType<IntegerAttr>("layer").getInt();
    op->setAttr("layer", IntegerAttr::get(IntegerType::get(op->getContext(), 64), 0));
    return layer;
  }

  static Value layerOf(OpBuilder &b, kernel::BufferMemRefOp whole, int64_t layer) {
    return kernel::BufferMemRefOp::create(b, whole.getLoc(), layerType(whole.getType()), whole.getBufferAttr(), b.getI64IntegerAttr(layer));
  }

  static void use(OpOperand &operand, kernel::BufferMemRefOp whole, int64_t layer) {
    OpBuilder b(operand.getOwner());
    operand.set(layerOf(b, whole, layer));
  }

  /// A row program names the layer inside; its stores to one cache name one layer.
  static void isolate(kernel::RowFusionOp fusion) {
    for (OpOperand &operand : fusion->getOpOperands()) {
      kernel::BufferMemRefOp whole = wholeCache(operand.get());
      if (!whole)
        continue;
      BlockArgument inside = fusion.getBody().getArgument(operand.getOperandNumber());
      std::optional<int64_t> layer;
      for (Operation *user : inside.getUsers()) {
        int64_t named = user->getAttrOfType<IntegerAttr>("layer").getInt();
        if (layer && *layer != named)
          return; // several layers in one kernel: it keeps its constants
        layer = named;
      }
      if (!layer)
        continue;
      for (Operation *user : inside.getUsers())
        takeLayer(user);
      use(operand, whole, *layer);
      inside.setType(operand.get().getType());
    }
  }
};

} // namespace
} // namespace mlir::deepseek
