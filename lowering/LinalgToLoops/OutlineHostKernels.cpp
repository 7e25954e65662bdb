// Each computation of an entry becomes a function. Layers and buckets repeat the same computations, so equal functions
// become one: code size and compile time follow the number of different computations, not of layers.
#include "lowering/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_OUTLINEHOSTKERNELSPASS
#include "lowering/Passes.h.inc"
} // namespace mlir::deepseek

using namespace mlir;
using namespace mlir::deepseek;

namespace {

bool isComputation(Operation *op) {
  return isa<linalg::LinalgOp, memref::CopyOp, scf::ForOp, scf::IfOp, scf::ParallelOp, scf::WhileOp>(op);
}

/// Values that `op` uses from outside, in order of first use.
llvm::SetVector<Value> capturedValues(Operation *op) {
  llvm::SetVector<Value> captured;
  op->walk<WalkOrder::PreOrder>([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (!op->isAncestor(operand.getParentBlock()->getParentOp()) || operand.getParentBlock() == op->getBlock())
        captured.insert(operand);
  });
  return captured;
}

/// A name that tells what the function does: the location's name if the model gave one, else the operation's.
std::string functionName(Operation *op) {
  std::string name = "host_" + op->getName().stripDialect().str();
  return name;
}

struct OutlineHostKernelsPass : public deepseek::impl::OutlineHostKernelsPassBase<OutlineHostKernelsPass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    llvm::StringMap<func::FuncOp> known; // body -> function
    for (auto func : llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (func.isDeclaration() || func.isPrivate())
        continue;
      for (Operation &op : llvm::make_early_inc_range(func.front()))
        if (isComputation(&op))
          outline(&op, symbols, known);
    }
  }

private:
  void outline(Operation *op, SymbolTable &symbols, llvm::StringMap<func::FuncOp> &known) {
    llvm::SetVector<Value> captured = capturedValues(op);
    SmallVector<Value> arguments;
    IRMapping mapping;
    OpBuilder builder(op->getContext());
    auto function = func::FuncOp::create(op->getLoc(), "host_kernel", builder.getFunctionType({}, {}));
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    for (Value value : captured) {
      Operation *source = value.getDefiningOp();
      if (source && source->hasTrait<OpTrait::ConstantLike>()) {
        mapping.map(value, builder.clone(*source)->getResult(cast<OpResult>(value).getResultNumber()));
        continue;
      }
      arguments.push_back(value);
      mapping.map(value, body->addArgument(value.getType(), value.getLoc()));
    }
    Operation *inner = builder.clone(*op, mapping);
    func::ReturnOp::create(builder, op->getLoc(), inner->getResults());
    function.setType(builder.getFunctionType(body->getArgumentTypes(), op->getResultTypes()));
    function.setPrivate();
    // Inlining would undo the sharing.
    function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));

    std::string text;
    llvm::raw_string_ostream os(text);
    function->print(os, OpPrintingFlags().useLocalScope().printGenericOpForm());
    auto [it, isNew] = known.try_emplace(text, function);
    if (isNew) {
      function.setName(functionName(op));
      symbols.insert(function);
    } else {
      function->erase();
    }
    builder.setInsertionPoint(op);
    auto call = func::CallOp::create(builder, op->getLoc(), it->second, arguments);
    op->replaceAllUsesWith(call.getResults());
    op->erase();
  }
};

} // namespace
