// deepseek -> kernel: operation by operation in program order, a region of row-wise operations as one row fusion.
// Mechanical: every decision was made above (what is fused, which form of attention), or is made below (schedules).
#include "lowering/DeepSeekToKernel/RowProgram.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTDEEPSEEKTOKERNELPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

Value Lowering::reshape(Location loc, Value value, ArrayRef<int64_t> shape) {
  auto from = cast<RankedTensorType>(value.getType());
  if (from.getShape() == shape)
    return value;
  auto to = RankedTensorType::get(shape, from.getElementType());
  auto groups = getReassociationIndicesForReshape(from, to);
  if (!groups) { // through one dimension
    value = reshape(loc, value, {from.getNumElements()});
    groups = getReassociationIndicesForReshape(cast<RankedTensorType>(value.getType()), to);
  }
  if (cast<RankedTensorType>(value.getType()).getRank() > to.getRank())
    return tensor::CollapseShapeOp::create(builder, loc, to, value, *groups);
  return tensor::ExpandShapeOp::create(builder, loc, to, value, *groups);
}

Value Lowering::cacheMemRef(Location loc, Value cache) {
  if (auto cast = cache.getDefiningOp<UnrealizedConversionCastOp>())
    if (cast.getInputs().size() == 1 && isa<MemRefType>(cast.getInputs()[0].getType()))
      return cast.getInputs()[0];
  auto type = cast<LatentCacheType>(cache.getType());
  auto memref = MemRefType::get(
      {ShapedType::kDynamic, type.getLayers(), type.getPage(), type.getLatent() + type.getRope()}, type.getElement());
  return UnrealizedConversionCastOp::create(builder, loc, memref, cache).getResult(0);
}

namespace {

LogicalResult lowerPack(PackScaledOp op, Lowering &lowering) {
  lowering.replaceScaled(op.getResult(), {op.getData(), op.getScales()});
  return success();
}

LogicalResult lowerUnpack(UnpackScaledOp op, Lowering &lowering) {
  ScaledPair pair = lowering.getScaled(op.getX());
  op.getData().replaceAllUsesWith(pair.data);
  op.getScales().replaceAllUsesWith(pair.scales);
  return success();
}

LogicalResult lowerArgmax(ArgmaxOp op, Lowering &lowering) {
  int64_t rows = cast<RankedTensorType>(op.getX().getType()).getDimSize(0);
  Type element = op.getType().getElementType();
  auto topK = kernel::TopKOp::create(lowering.builder, op.getLoc(),
                                     RankedTensorType::get({rows, 1}, lowering.builder.getF32Type()),
                                     RankedTensorType::get({rows, 1}, element), op.getX(), 1, /*schedule=*/nullptr);
  op.getResult().replaceAllUsesWith(lowering.reshape(op.getLoc(), topK.getIndices(), {rows}));
  return success();
}

LogicalResult lowerTopK(TopKOp op, Lowering &lowering) {
  op.replaceAllUsesWith(kernel::TopKOp::create(lowering.builder, op.getLoc(), op.getValues().getType(),
                                               op.getIndices().getType(), op.getX(), op.getK(), /*schedule=*/nullptr)
                            .getResults());
  return success();
}

LogicalResult lowerSample(SampleOp op, Lowering &lowering) {
  op.replaceAllUsesWith(kernel::SampleOp::create(lowering.builder, op.getLoc(), op.getType(), op.getLogits(),
                                                 op.getTemperature(), op.getTopK(), op.getTopP(), op.getSeed(),
                                                 op.getPositions(), /*schedule=*/nullptr)
                            .getResult());
  return success();
}

/// Row-wise on its own, or a region of nothing else: one row fusion.
void lowerRowWise(ArrayRef<Operation *> ops, int64_t rows, ValueRange results, Location loc, Lowering &lowering) {
  RowProgram program(lowering, loc, rows);
  for (Operation *op : ops)
    addToRowProgram(op, program, lowering);
  program.finishAndReplace(results);
}

} // namespace

LogicalResult mlir::deepseek::lowerOperation(Operation *op, Lowering &lowering) {
  lowering.builder.setInsertionPoint(op);
  if (std::optional<RowWise> rowWise = getRowWise(op)) {
    lowerRowWise(op, rowWise->rows, op->getResults(), op->getLoc(), lowering);
    return success();
  }
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](LinearOp op) { return lowerLinear(op, lowering); })
      .Case([&](HeadLinearOp op) { return lowerHeadLinear(op, lowering); })
      .Case([&](GroupedLinearOp op) { return lowerGroupedLinear(op, lowering); })
      .Case([&](QuantizeOp op) { return lowerQuantizeBlocks(op, lowering); })
      .Case([&](PackScaledOp op) { return lowerPack(op, lowering); })
      .Case([&](UnpackScaledOp op) { return lowerUnpack(op, lowering); })
      .Case([&](AbsorbKeyOp op) { return lowerAbsorbKey(op, lowering); })
      .Case([&](AbsorbValueOp op) { return lowerAbsorbValue(op, lowering); })
      .Case([&](MlaOp op) { return lowerMla(op, lowering); })
      .Case([&](MlaAbsorbedOp op) { return lowerMlaAbsorbed(op, lowering); })
      .Case([&](MoeGateOp op) { return lowerMoeGate(op, lowering); })
      .Case([&](MoeDispatchOp op) { return lowerMoeDispatch(op, lowering); })
      .Case([&](ArgmaxOp op) { return lowerArgmax(op, lowering); })
      .Case([&](TopKOp op) { return lowerTopK(op, lowering); })
      .Case([&](SampleOp op) { return lowerSample(op, lowering); })
      .Case<ConcatOp, StackOp>([](auto op) {
        return op.emitOpError()
               << "of values that are not checkpoint tensors has no kernel; bind-buffers folds the others";
      })
      .Default([](Operation *op) { return op->emitOpError() << "has no kernel"; });
}

namespace {

struct ConvertDeepSeekToKernelPass : deepseek::impl::ConvertDeepSeekToKernelPassBase<ConvertDeepSeekToKernelPass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isDeclaration())
      return;
    WalkResult nested = func.walk([&](Operation *op) -> WalkResult {
      if (!isa_and_nonnull<DeepSeekDialect>(op->getDialect()) || op->getParentOp() == func ||
          isa<FusionOp>(op->getParentOp()))
        return WalkResult::advance();
      op->emitOpError() << "is nested in '" << op->getParentOp()->getName()
                        << "'; only straight-line functions lower to kernels";
      return WalkResult::interrupt();
    });
    if (nested.wasInterrupted())
      return signalPassFailure();
    Lowering lowering(&getContext());
    SmallVector<FusionOp> fusions(func.getOps<FusionOp>());
    for (FusionOp fusion : fusions)
      inlineUnlessRowWise(fusion);
    SmallVector<Operation *> lowered;
    for (Operation &op : llvm::make_early_inc_range(func.getBody().front())) {
      if (!isa_and_nonnull<DeepSeekDialect>(op.getDialect()) || isa<LoadParameterOp, StoreParameterOp>(op))
        continue;
      if (auto fusion = dyn_cast<FusionOp>(op))
        lowerFusion(fusion, lowering);
      else if (failed(lowerOperation(&op, lowering)))
        return signalPassFailure();
      lowered.push_back(&op);
    }
    for (Operation *op : llvm::reverse(lowered))
      op->erase();
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
      if (isa<UnrealizedConversionCastOp>(op) && op.use_empty())
        op.erase();
  }

  /// Why the operations of a region are not the program of one row; empty if they are. Sets the number of rows.
  static std::string whyNotRowWise(FusionOp fusion, int64_t &rows) {
    Block &body = fusion.getBody().front();
    rows = -1;
    for (Operation &op : body.without_terminator()) {
      std::optional<RowWise> rowWise = getRowWise(&op);
      std::string name = op.getName().getStringRef().str();
      if (!rowWise || rowWise->flattens)
        return name + " is not row-wise";
      if (rows != -1 && rows != rowWise->rows)
        return llvm::formatv("{0} has {1} rows, others have {2}", name, rowWise->rows, rows);
      rows = rowWise->rows;
      for (Value whole : rowWise->whole)
        if (whole.getParentBlock() == &body)
          return name + " needs all rows of a value of the same region";
    }
    return rows == -1 ? "it is empty" : "";
  }

  /// Moves views of outside values out of the region; if what is left is not row-wise, moves everything out.
  void inlineUnlessRowWise(FusionOp fusion) {
    Block &body = fusion.getBody().front();
    for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
      if (isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, PackScaledOp>(op) &&
          llvm::none_of(op.getOperands(), [&](Value operand) { return operand.getParentBlock() == &body; }))
        op.moveBefore(fusion);
    int64_t rows;
    std::string reason = whyNotRowWise(fusion, rows);
    if (reason.empty())
      return;
    auto opts =
        remark::RemarkOpts::name("OneKernel").category("convert-deepseek-to-kernel").function(getOperation().getName());
    remark::missed(fusion.getLoc(), opts)
        << llvm::formatv("fusion {0} becomes several kernels: {1}", fusion.getPattern(), reason).str();
    for (Operation &op : llvm::make_early_inc_range(body.without_terminator()))
      op.moveBefore(fusion);
    fusion.replaceAllUsesWith(body.getTerminator()->getOperands());
    fusion.erase();
  }

  static void lowerFusion(FusionOp fusion, Lowering &lowering) {
    lowering.builder.setInsertionPoint(fusion);
    Block &body = fusion.getBody().front();
    SmallVector<Operation *> ops;
    for (Operation &op : body.without_terminator())
      ops.push_back(&op);
    // A result is what the terminator yields: a value of the region, or one from above that only passes through.
    SmallVector<Value> computed;
    for (auto [yielded, result] : llvm::zip_equal(body.getTerminator()->getOperands(), fusion.getResults())) {
      bool inside = yielded.getParentBlock() == &body;
      if (!lowering.isScaled(result))
        result.replaceAllUsesWith(yielded);
      if (inside && !llvm::is_contained(computed, yielded))
        computed.push_back(yielded);
    }
    int64_t rows = getRowWise(ops.front())->rows;
    lowerRowWise(ops, rows, computed, fusion.getLoc(), lowering);
    for (auto [yielded, result] : llvm::zip_equal(body.getTerminator()->getOperands(), fusion.getResults()))
      if (lowering.isScaled(result))
        lowering.replaceScaled(result, lowering.getScaled(yielded));
  }
};

} // namespace
