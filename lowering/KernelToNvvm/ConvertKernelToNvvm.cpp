// Runs the kernel families: every kernel operation becomes a device function (shared by operations that differ in
// addresses only) and a kernel.launch.
#include "dialects/kernel/KernelOps.h"
#include "lowering/Passes.h"
#include "lowering/hopper/Kernel.h"
#include "lowering/hopper/blocks/SmemArena.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTKERNELTONVVMPASS
#include "lowering/Passes.h.inc"

namespace {

using hopper::DeviceView;
using hopper::KernelArgument;

/// A kernel argument of any operation that shares the kernel: the value is a slot (operands, then results).
struct SlotArgument {
  KernelArgument argument;
  unsigned slot;
};

struct BuiltKernel {
  StringAttr symbol;
  hopper::LaunchPlan plan;
  SmallVector<SlotArgument> arguments;
};

SmallVector<Value> slotsOf(Operation *op) {
  SmallVector<Value> slots(op->getOperands());
  llvm::append_range(slots, op->getResults());
  return slots;
}

/// All that a kernel may depend on: the operation without its addresses, the shape of every view, and which operands
/// are the same.
std::string signatureOf(Operation *op, ArrayRef<Value> slots, ArrayRef<DeviceView> views) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Operation *copy = op->clone();
  copy->removeAttr("placement");
  copy->print(os, OpPrintingFlags().printGenericOpForm().useLocalScope());
  copy->destroy();
  for (auto [index, view] : llvm::enumerate(views)) {
    size_t first = llvm::find(slots, slots[index]) - slots.begin();
    os << ";" << first << " align " << view.alignment() << (view.readOnly ? " read-only" : "") << " strides";
    for (int64_t stride : view.strides)
      os << " " << stride;
  }
  return text;
}

LogicalResult checkKernel(Operation *op, const hopper::KernelBuilder &k, const hopper::LaunchPlan &plan) {
  for (const hopper::PipelineRecord &pipeline : k.pipelines)
    if (std::string message = pipeline.check(); !message.empty())
      return op->emitError() << message;
  if (plan.sharedBytes > hopper::SmemArena::kMaxBytes)
    return op->emitError() << "the kernel wants " << plan.sharedBytes << " bytes of shared memory, a CTA has "
                           << hopper::SmemArena::kMaxBytes;
  if (plan.threads < 32 || plan.threads > 1024 || plan.threads % 32)
    return op->emitError() << "the kernel has " << plan.threads << " threads, expected a multiple of 32 up to 1024";
  constexpr int64_t mostBlocks[] = {std::numeric_limits<int32_t>::max(), 65535, 65535}; // of a launch on any GPU
  for (auto [axis, blocks, most] : llvm::zip("xyz", plan.grid, mostBlocks))
    if (blocks < 1 || blocks > most)
      return op->emitError() << "the kernel has " << blocks << " blocks along " << llvm::StringRef(&axis, 1)
                             << ", expected 1 to " << most;
  bool waits = false;
  k.function->walk(
      [&](NVVM::GriddepcontrolOp control) { waits |= control.getKind() == NVVM::GridDepActionKind::wait; });
  if (plan.programmatic && !waits)
    return op->emitError() << "the kernel is launched programmatically but never waits for the kernels before it";
  return success();
}

struct ConvertKernelToNvvmPass : impl::ConvertKernelToNvvmPassBase<ConvertKernelToNvvmPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(convertFunction(function)))
        return signalPassFailure();
  }

private:
  LogicalResult convertFunction(func::FuncOp function) {
    SmallVector<Operation *> kernels;
    WalkResult found = function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (hopper::lookupKernelFamily(op)) {
        kernels.push_back(op);
        return WalkResult::skip(); // its region is the family's
      }
      if (isa<kernel::StoreBufferOp>(op)) {
        op->emitError("the stored value was not placed in the buffer (-kernel-plan-memory)");
        return WalkResult::interrupt();
      }
      bool isData = isa<kernel::LoadBufferOp, kernel::BufferMemRefOp, kernel::LaunchOp>(op);
      if (isa<kernel::KernelDialect>(op->getDialect()) && !isData) {
        op->emitOpError("is built by no kernel family (lowering/hopper/Kernels.def)");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (found.wasInterrupted())
      return failure();
    for (Operation *op : kernels)
      if (failed(convertKernel(op)))
        return failure();
    return eraseConverted(function, kernels);
  }

  LogicalResult convertKernel(Operation *op) {
    SmallVector<Value> slots = slotsOf(op);
    SmallVector<DeviceView> views;
    for (Value slot : slots) {
      FailureOr<DeviceView> view = hopper::getDeviceView(slot);
      if (failed(view))
        return op->emitError("an operand or result has no address");
      views.push_back(*view);
    }
    std::string signature = signatureOf(op, slots, views);
    auto known = built.find(signature);
    if (known == built.end()) {
      FailureOr<BuiltKernel> kernel = buildKernel(op, slots);
      if (failed(kernel))
        return failure();
      known = built.try_emplace(signature, std::move(*kernel)).first;
    }
    createLaunch(op, known->second, views);
    return success();
  }

  FailureOr<BuiltKernel> buildKernel(Operation *op, ArrayRef<Value> slots) {
    const hopper::KernelFamily *family = hopper::lookupKernelFamily(op);
    std::string symbol;
    do // a function may be called like a kernel
      symbol = (family->name + "_" + Twine(counts[family->name]++)).str();
    while (getOperation().lookupSymbol(symbol));
    OpBuilder atEnd = OpBuilder::atBlockEnd(getOperation().getBody());
    hopper::KernelBuilder k(atEnd, op->getLoc(), symbol);
    FailureOr<hopper::LaunchPlan> plan = family->build(op, k);
    if (failed(plan))
      return op->emitError() << "no kernel was built for this operation";
    k.finish(plan->threads, plan->minBlocks, plan->cluster);
    if (failed(checkKernel(op, k, *plan)))
      return failure();
    k.function->setAttr("kernel.shared_bytes", atEnd.getI64IntegerAttr(plan->sharedBytes));
    BuiltKernel result{atEnd.getStringAttr(symbol), *plan, {}};
    for (const KernelArgument &argument : plan->arguments) {
      const Value *slot = llvm::find(slots, argument.value);
      if (argument.value && slot == slots.end())
        return op->emitError() << "a kernel argument is neither an operand nor a result";
      result.arguments.push_back({argument, static_cast<unsigned>(slot - slots.begin())});
    }
    return result;
  }

  void createLaunch(Operation *op, const BuiltKernel &kernel, ArrayRef<DeviceView> views) {
    OpBuilder b(op);
    SmallVector<Attribute> arguments;
    for (const auto &[argument, slot] : kernel.arguments) {
      if (argument.kind == KernelArgument::Kind::Integer) {
        arguments.push_back(kernel::IntArgAttr::get(&getContext(), argument.integer));
        continue;
      }
      int64_t offset = views[slot].byteOffset + argument.byteOffset;
      if (argument.kind == KernelArgument::Kind::Pointer)
        arguments.push_back(kernel::PointerArgAttr::get(&getContext(), views[slot].buffer, offset));
      else
        arguments.push_back(kernel::TensorMapArgAttr::get(
            &getContext(), views[slot].buffer, offset, argument.shape.element, argument.shape.dims,
            argument.shape.strides, argument.shape.box, argument.shape.swizzle));
    }
    const hopper::LaunchPlan &plan = kernel.plan;
    kernel::LaunchOp::create(b, op->getLoc(), FlatSymbolRefAttr::get(kernel.symbol), b.getDenseI64ArrayAttr(plan.grid),
                             b.getI64IntegerAttr(plan.threads), b.getI64IntegerAttr(plan.cluster),
                             b.getI64IntegerAttr(plan.sharedBytes), plan.programmatic ? b.getUnitAttr() : UnitAttr(),
                             b.getArrayAttr(arguments));
  }

  /// Erases the kernel operations and the views and loads that only they used.
  LogicalResult eraseConverted(func::FuncOp function, ArrayRef<Operation *> kernels) {
    SmallPtrSet<Operation *, 16> converted(kernels.begin(), kernels.end());
    SmallVector<Operation *> reversed;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op == function)
        return WalkResult::advance();
      reversed.push_back(op);
      return converted.contains(op) ? WalkResult::skip() : WalkResult::advance();
    });
    for (Operation *op : llvm::reverse(reversed)) {
      if (converted.contains(op) && !op->use_empty()) {
        InFlightDiagnostic diagnostic = op->emitError("its result is used by an operation that is no kernel");
        diagnostic.attachNote(op->getUsers().begin()->getLoc()) << "here";
        return diagnostic;
      }
      if (converted.contains(op) || isOpTriviallyDead(op))
        op->erase();
    }
    return success();
  }

  llvm::StringMap<BuiltKernel> built; // by signature
  llvm::StringMap<int64_t> counts;    // kernels of each family
};

} // namespace
} // namespace mlir::deepseek
