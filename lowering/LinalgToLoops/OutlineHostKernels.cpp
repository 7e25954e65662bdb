// Each computation of an entry becomes a function. Layers and buckets repeat the same computations, so equal functions
// become one: code size and compile time follow the number of different computations, not of layers. Buckets differ in
// the number of tokens, which is the outermost size of activations: where that is all, they share a function of a
// dynamic size. One token keeps code of its own.
#include "dialects/kernel/KernelOps.h"
#include "lowering/LinalgToLoops/HostLoops.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

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

/// Memory whose outermost size may follow the bucket: allocations, inputs and outputs, and views of them.
bool isActivation(Value memref) {
  while (auto view = memref.getDefiningOp<ViewLikeOpInterface>())
    memref = view.getViewSource();
  if (auto buffer = memref.getDefiningOp<kernel::BufferMemRefOp>()) {
    auto declaration = SymbolTable::lookupNearestSymbolFrom<kernel::BufferOp>(buffer, buffer.getBufferAttr());
    return declaration &&
           (declaration.getRole() == kernel::BufferRole::Input || declaration.getRole() == kernel::BufferRole::Output);
  }
  return memref.getDefiningOp<memref::AllocOp>() != nullptr;
}

/// The type of `value` with a dynamic outermost size, if `op` can do with that; else its own type. Strides do not
/// depend on the outermost size.
Type dynamicRows(Value value, Operation *op) {
  auto type = dyn_cast<MemRefType>(value.getType());
  if (!type || type.getRank() == 0 || type.isDynamicDim(0) || type.getDimSize(0) < 2 || !isActivation(value))
    return value.getType();
  for (Operation *user : value.getUsers())
    if (op->isAncestor(user) &&
        !isa<linalg::LinalgOp, memref::LoadOp, memref::StoreOp, memref::SubViewOp, memref::CopyOp, memref::DimOp>(user))
      return type;
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = ShapedType::kDynamic;
  return MemRefType::get(shape, type.getElementType(), type.getLayout(), type.getMemorySpace());
}

/// A computation, and the function that could replace it.
struct Candidate {
  Operation *op;
  func::FuncOp function;
  SmallVector<Value> arguments;
  std::string text;
};

/// The function of `op`; with `anyRows` the outermost sizes of its activations are arguments, and so is the end of
/// the loop that it is.
Candidate makeFunction(Operation *op, bool anyRows) {
  Candidate result{op, {}, {}, {}};
  OpBuilder builder(op->getContext());
  auto function = func::FuncOp::create(op->getLoc(), "host_kernel", builder.getFunctionType({}, {}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  Value bound;
  if (auto loop = dyn_cast<scf::ForOp>(op))
    bound = loop.getUpperBound();
  else if (auto parallel = dyn_cast<scf::ParallelOp>(op))
    bound = parallel.getUpperBound().front();
  IRMapping mapping;
  for (Value value : capturedValues(op)) {
    Operation *source = value.getDefiningOp();
    bool isSize = anyRows && value == bound && getConstantIntValue(value) > 1;
    if (source && source->hasTrait<OpTrait::ConstantLike>() && !isSize) {
      mapping.map(value, builder.clone(*source)->getResult(cast<OpResult>(value).getResultNumber()));
      continue;
    }
    result.arguments.push_back(value);
    Type type = anyRows ? dynamicRows(value, op) : value.getType();
    mapping.map(value, body->addArgument(type, value.getLoc()));
  }
  Operation *inner = builder.clone(*op, mapping);
  func::ReturnOp::create(builder, op->getLoc(), inner->getResults());
  function.setType(builder.getFunctionType(body->getArgumentTypes(), op->getResultTypes()));
  function.setPrivate();
  // Inlining would undo the sharing.
  function->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
  llvm::raw_string_ostream os(result.text);
  function->print(os, OpPrintingFlags().useLocalScope().printGenericOpForm());
  result.function = function;
  return result;
}

struct OutlineHostKernelsPass : public deepseek::impl::OutlineHostKernelsPassBase<OutlineHostKernelsPass> {
  void runOnOperation() override {
    // Sizes are known here: whether threads pay is decided before some become dynamic.
    host::chooseThreads(getOperation());
    SmallVector<Operation *> computations;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (!func.isDeclaration() && !func.isPrivate())
        for (Operation &op : func.front())
          if (isComputation(&op))
            computations.push_back(&op);

    // Only where several sizes meet does code for any size pay.
    struct Versions {
      Candidate anyRows, fixed;
    };
    SmallVector<Versions> versions;
    llvm::StringMap<llvm::StringSet<>> fixedOf;
    for (Operation *op : computations) {
      versions.push_back({makeFunction(op, /*anyRows=*/true), makeFunction(op, /*anyRows=*/false)});
      fixedOf[versions.back().anyRows.text].insert(versions.back().fixed.text);
    }
    SymbolTable symbols(getOperation());
    llvm::StringMap<func::FuncOp> known; // body -> function
    for (Versions &version : versions) {
      bool shared = fixedOf[version.anyRows.text].size() > 1;
      (shared ? version.fixed : version.anyRows).function.erase();
      replace(shared ? version.anyRows : version.fixed, symbols, known);
    }
  }

private:
  void replace(Candidate &candidate, SymbolTable &symbols, llvm::StringMap<func::FuncOp> &known) {
    Operation *op = candidate.op;
    auto [it, isNew] = known.try_emplace(candidate.text, candidate.function);
    if (isNew) {
      candidate.function.setName("host_" + op->getName().stripDialect().str());
      symbols.insert(candidate.function);
    } else {
      candidate.function->erase();
    }
    OpBuilder builder(op);
    for (auto [argument, type] : llvm::zip_equal(candidate.arguments, it->second.getArgumentTypes()))
      if (argument.getType() != type)
        argument = memref::CastOp::create(builder, op->getLoc(), type, argument);
    auto call = func::CallOp::create(builder, op->getLoc(), it->second, candidate.arguments);
    op->replaceAllUsesWith(call.getResults());
    op->erase();
  }
};

} // namespace
