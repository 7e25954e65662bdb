// Compute independent elementwise row fusions in one kernel.
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_MERGEROWFUSIONSPASS
#include "passes/Passes.h.inc"

namespace {

/// Above this many bytes of results a launch is not what costs.
constexpr int64_t mostBytes = 1 << 20;

/// `[rows, ...]` with `rows` in place of the leading dimension, or with another dimension before the others.
RankedTensorType withRows(Type type, int64_t rows, int64_t inner) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape{rows};
  if (inner > 1)
    shape.push_back(inner);
  llvm::append_range(shape, tensor.getShape().drop_front());
  return RankedTensorType::get(shape, tensor.getElementType());
}

/// A row's type with `inner` rows in one.
RankedTensorType innerType(Type type, int64_t inner) {
  auto tensor = cast<RankedTensorType>(type);
  if (inner == 1)
    return tensor;
  SmallVector<int64_t> shape{inner};
  llvm::append_range(shape, tensor.getShape());
  return RankedTensorType::get(shape, tensor.getElementType());
}

/// {{0, 1}, {2}, ...}: between `[rows, inner, ...]` and `[rows * inner, ...]` of rank `rank`.
SmallVector<ReassociationIndices> splitOfRows(int64_t rank) {
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t dim = 1; dim < rank; ++dim)
    groups.push_back({dim + 1});
  return groups;
}

/// Every row alone, every element alone: neither operands that all rows see nor work on neighbours.
bool isElementwise(kernel::RowFusionOp fusion) {
  if (fusion.getLimit() || fusion.getSchedule() || !fusion.getWhole().empty())
    return false;
  for (Type type : fusion->getOperandTypes())
    if (cast<ShapedType>(type).getRank() < 2)
      return false; // one element a row: uniform over a row, no longer so over several
  for (Operation &op : fusion.getBody().front()) {
    if (isa<kernel::RowYieldOp>(op))
      continue;
    if (isa<kernel::KernelDialect>(op.getDialect()))
      return false;
    if (auto constant = dyn_cast<arith::ConstantOp>(op); constant && !isa<SplatElementsAttr>(constant.getValue()))
      return false;
  }
  return true;
}

int64_t resultBytes(kernel::RowFusionOp fusion) {
  int64_t bytes = 0;
  for (Type type : fusion.getResultTypes())
    bytes += cast<RankedTensorType>(type).getNumElements() *
             llvm::divideCeil(cast<RankedTensorType>(type).getElementTypeBitWidth(), 8);
  return bytes;
}

struct MergeRowFusionsPass : impl::MergeRowFusionsPassBase<MergeRowFusionsPass> {
  using MergeRowFusionsPassBase::MergeRowFusionsPassBase;

  void runOnOperation() override {
    SmallVector<kernel::RowFusionOp> fusions;
    getOperation().walk([&](kernel::RowFusionOp fusion) {
      if (isElementwise(fusion) && resultBytes(fusion) <= mostBytes)
        fusions.push_back(fusion);
    });
    for (size_t i = 0; i < fusions.size(); ++i)
      for (size_t j = i + 1; fusions[i] && j < fusions.size(); ++j)
        if (fusions[j] && canMerge(fusions[i], fusions[j])) {
          merge(fusions[i], fusions[j]);
          fusions[i] = fusions[j] = {};
        }
  }

  /// True if `second` could run where `first` does. What it reads is there already, so it reads nothing of `first`'s.
  static bool canMerge(kernel::RowFusionOp first, kernel::RowFusionOp second) {
    const int64_t more = std::max(first.getRows(), second.getRows()),
                  fewer = std::min(first.getRows(), second.getRows());
    return first->getBlock() == second->getBlock() && more % fewer == 0 &&
           llvm::all_of(second->getOperands(), [&](Value operand) {
             Operation *op = operand.getDefiningOp();
             return !op || op->getBlock() != first->getBlock() || op->isBeforeInBlock(first);
           });
  }

  void merge(kernel::RowFusionOp first, kernel::RowFusionOp second) {
    remark::passed(second.getLoc(), remark::RemarkOpts::name("MergeRowFusions")
                                        .category("kernel-merge-row-fusions")
                                        .function(getOperation().getName()))
        << llvm::formatv("{0} and {1} rows in one kernel", int64_t(first.getRows()), int64_t(second.getRows())).str();
    IRRewriter rewriter(&getContext());
    rewriter.setInsertionPoint(first);
    const int64_t rows = std::min(first.getRows(), second.getRows());
    Region region;
    Block &body = region.emplaceBlock();
    OpBuilder inside(&getContext()); // the region belongs to no operation yet
    inside.setInsertionPointToEnd(&body);
    SmallVector<Value> inputs, yielded;
    SmallVector<Type> types;
    for (kernel::RowFusionOp fusion : {first, second}) {
      const int64_t inner = fusion.getRows() / rows;
      IRMapping mapping;
      for (auto [input, argument] : llvm::zip(fusion.getInputs(), fusion.getBody().getArguments())) {
        auto type = cast<RankedTensorType>(input.getType());
        Value joined = inner == 1
                           ? input
                           : Value(tensor::ExpandShapeOp::create(rewriter, input.getLoc(), withRows(type, rows, inner),
                                                                 input, splitOfRows(type.getRank())));
        inputs.push_back(joined);
        mapping.map(argument, body.addArgument(innerType(argument.getType(), inner), argument.getLoc()));
      }
      for (Operation &op : fusion.getBody().front().without_terminator()) {
        if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
          auto splat = cast<SplatElementsAttr>(constant.getValue());
          mapping.map(
              constant.getResult(),
              arith::ConstantOp::create(inside, op.getLoc(), splat.resizeSplat(innerType(constant.getType(), inner)))
                  .getResult());
          continue;
        }
        Operation *copy = inside.clone(op, mapping);
        for (Value result : copy->getResults())
          result.setType(innerType(result.getType(), inner));
      }
      for (auto [value, result] : llvm::zip(
               cast<kernel::RowYieldOp>(fusion.getBody().front().getTerminator()).getValues(), fusion.getResults())) {
        yielded.push_back(mapping.lookup(value));
        types.push_back(withRows(result.getType(), rows, inner));
      }
    }
    kernel::RowYieldOp::create(inside, first.getLoc(), yielded);
    auto merged =
        kernel::RowFusionOp::create(rewriter, rewriter.getFusedLoc({first.getLoc(), second.getLoc()}), types, inputs,
                                    /*limit=*/Value(), rows, ArrayRef<int64_t>(), /*schedule=*/nullptr);
    merged.getBody().takeBody(region);
    auto results = merged.getResults().begin();
    for (kernel::RowFusionOp fusion : {first, second}) {
      SmallVector<Value> replacements;
      for (Type type : fusion.getResultTypes()) {
        auto tensor = cast<RankedTensorType>(type);
        Value result = *results++;
        replacements.push_back(fusion.getRows() == uint64_t(rows)
                                   ? result
                                   : Value(tensor::CollapseShapeOp::create(rewriter, fusion.getLoc(), tensor, result,
                                                                           splitOfRows(tensor.getRank()))));
      }
      rewriter.replaceOp(fusion, replacements);
    }
  }
};

} // namespace
} // namespace mlir::deepseek
