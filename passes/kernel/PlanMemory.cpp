// Places every result of a straight-line function: in its output buffer, or in the workspace that all entries share.
#include "dialects/kernel/BufferView.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/cost/Arena.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Passes.h.inc"

namespace {

constexpr StringLiteral workspaceName = "workspace";

/// True for operations that own their results' storage.
bool isKernel(Operation *op) {
  return isa_and_nonnull<kernel::KernelDialect>(op->getDialect()) &&
         !isa<kernel::LoadBufferOp, kernel::BufferMemRefOp, kernel::StoreBufferOp>(op) &&
         isa<func::FuncOp>(op->getParentOp());
}

int64_t bytesOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.getNumElements() * llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
}

class Planner {
public:
  Planner(ModuleOp module, StringRef passName) : module(module), passName(passName) {}

  LogicalResult run() {
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration() && failed(plan(function)))
        return failure();
    if (workspaceBytes > 0)
      declareWorkspace();
    return success();
  }

private:
  LogicalResult plan(func::FuncOp function) {
    if (!function.getBody().hasOneBlock() || function.getNumArguments() || function.getNumResults())
      return function.emitError()
             << "kernel-plan-memory: expected a function of one block without arguments or results (bind-buffers), got "
             << function.getNumArguments() << " arguments and " << function.getNumResults() << " results";
    placed.clear();
    stored.clear();
    if (failed(makeViewsAddressable(function)))
      return failure();
    for (auto store : llvm::make_early_inc_range(function.getOps<kernel::StoreBufferOp>()))
      if (failed(placeStored(store)))
        return failure();
    return placeTemporaries(function);
  }

  /// A collapse_shape may join dimensions that lie apart in memory: its operand is copied, the rest are views.
  static LogicalResult makeViewsAddressable(func::FuncOp function) {
    for (auto collapse : llvm::make_early_inc_range(function.getOps<tensor::CollapseShapeOp>())) {
      if (succeeded(kernel::getBufferView(collapse.getResult())))
        continue;
      if (failed(kernel::getBufferView(collapse.getSrc())))
        return collapse.emitError() << "kernel-plan-memory: " << collapse.getSrc().getType()
                                    << " is no view of a buffer";
      OpBuilder b(collapse);
      collapse.getSrcMutable().assign(copy(b, collapse.getLoc(), collapse.getSrc()));
    }
    return success();
  }

  /// The stored value's kernel writes to the buffer itself; what has no kernel of its own is copied.
  LogicalResult placeStored(kernel::StoreBufferOp store) {
    FailureOr<kernel::BufferView> view = kernel::getBufferView(store.getValue());
    if (failed(view))
      return store.emitError() << "kernel-plan-memory: the stored value is no view of a buffer";
    auto [first, isNew] = stored.try_emplace(store.getBufferAttr(), store.getLoc());
    if (!isNew) {
      InFlightDiagnostic diag = store.emitError() << "kernel-plan-memory: " << store.getBufferAttr()
                                                  << " is stored twice by one function";
      diag.attachNote(first->second) << "stored here first";
      return diag;
    }
    Value root = view->root;
    Operation *producer = root.getDefiningOp();
    const bool whole =
        view->offset == 0 && view->isContiguous() && bytesOf(root.getType()) == bytesOf(store.getValue().getType());
    if (!producer || !isKernel(producer) || !whole || placed.contains(root)) {
      OpBuilder b(store);
      root = copy(b, store.getLoc(), store.getValue());
      while (auto view = root.getDefiningOp<tensor::CollapseShapeOp>())
        root = view.getSrc();
    }
    placed[root] = kernel::PointerArgAttr::get(store.getContext(), store.getBufferAttr(), 0);
    store.erase();
    return success();
  }

  /// A row fusion that does nothing but move the value; the copy is contiguous. A vector is one row, not a row for each
  /// element.
  static Value copy(OpBuilder &b, Location loc, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<ReassociationIndices> oneRow{{0, 1}};
    if (type.getRank() == 1) {
      auto row = RankedTensorType::get({1, type.getDimSize(0)}, type.getElementType());
      Value copied = copy(b, loc, tensor::ExpandShapeOp::create(b, loc, row, value, oneRow));
      return tensor::CollapseShapeOp::create(b, loc, type, copied, oneRow);
    }
    auto fusion =
        kernel::RowFusionOp::create(b, loc, TypeRange{type}, ValueRange{value}, /*limit=*/Value(), type.getDimSize(0),
                                    /*whole=*/ArrayRef<int64_t>(), kernel::ScheduleAttr());
    auto rowType = RankedTensorType::get(type.getShape().drop_front(), type.getElementType());
    OpBuilder::InsertionGuard guard(b);
    Block *body = b.createBlock(&fusion.getBody(), {}, {rowType}, {loc});
    kernel::RowYieldOp::create(b, loc, body->getArguments());
    return fusion.getResult(0);
  }

  LogicalResult placeTemporaries(func::FuncOp function) {
    SmallVector<Value> values;
    std::vector<cost::Lifetime> lifetimes;
    DenseMap<Value, size_t> indexOf;
    int64_t step = 0;
    for (Operation &op : function.getBody().front()) {
      if (!isKernel(&op))
        continue;
      ++step;
      for (Value operand : op.getOperands()) {
        if (!isa<RankedTensorType>(operand.getType()))
          continue;
        FailureOr<kernel::BufferView> view = kernel::getBufferView(operand);
        if (failed(view))
          return op.emitError() << "kernel-plan-memory: operand of type " << operand.getType()
                                << " is no view of a buffer";
        Operation *producer = view->root.getDefiningOp();
        if (!producer || !(isKernel(producer) || isa<kernel::LoadBufferOp>(producer))) {
          InFlightDiagnostic diag =
              op.emitError()
              << "kernel-plan-memory: an operand comes from an operation that is no kernel and has no buffer";
          diag.attachNote(view->root.getLoc()) << "it comes from here";
          return diag;
        }
        if (auto it = indexOf.find(view->root); it != indexOf.end())
          lifetimes[it->second].last = step;
      }
      for (Value result : op.getResults())
        if (!placed.contains(result)) {
          indexOf[result] = values.size();
          values.push_back(result);
          lifetimes.push_back({bytesOf(result.getType()), step, step});
        }
    }
    cost::ArenaPlan plan = cost::planArena(lifetimes);
    auto workspace = FlatSymbolRefAttr::get(function.getContext(), workspaceName);
    for (auto [value, offset] : llvm::zip(values, plan.offsets))
      placed[value] = kernel::PointerArgAttr::get(function.getContext(), workspace, offset);
    workspaceBytes = std::max(workspaceBytes, plan.bytes);
    setPlacements(function);
    auto opts = remark::RemarkOpts::name("PlanMemory").category(passName).function(function.getName());
    remark::passed(function.getLoc(), opts) << llvm::formatv("{0} results in {1} bytes of workspace, {2} without reuse",
                                                             values.size(), plan.bytes, plan.bytesWithoutReuse)
                                                   .str();
    return success();
  }

  void setPlacements(func::FuncOp function) {
    for (Operation &op : function.getBody().front()) {
      if (!isKernel(&op) || op.getNumResults() == 0)
        continue;
      SmallVector<Attribute> placements;
      for (Value result : op.getResults())
        placements.push_back(placed.lookup(result));
      op.setAttr("placement", ArrayAttr::get(op.getContext(), placements));
    }
  }

  void declareWorkspace() {
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    for (auto buffer : module.getOps<kernel::BufferOp>())
      b.setInsertionPointAfter(buffer);
    auto type = RankedTensorType::get({workspaceBytes}, b.getI8Type());
    auto role = kernel::BufferRoleAttr::get(b.getContext(), kernel::BufferRole::Workspace);
    kernel::BufferOp::create(b, module.getLoc(), b.getStringAttr(workspaceName), role, ArrayAttr(),
                             TypeAttr::get(type));
  }

  ModuleOp module;
  StringRef passName;
  // Of the present function: where results lie, and which buffers are stored to.
  DenseMap<Value, kernel::PointerArgAttr> placed;
  DenseMap<Attribute, Location> stored;
  int64_t workspaceBytes = 0;
};

struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    if (failed(Planner(getOperation(), getArgument()).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace mlir::deepseek
