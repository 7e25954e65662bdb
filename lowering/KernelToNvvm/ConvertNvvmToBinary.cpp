// Compiles every device function of a module to a kernel.binary, several at a time.
#include "dialects/kernel/KernelOps.h"
#include "lowering/KernelToNvvm/Ptx.h"
#include "lowering/KernelToNvvm/Ptxas.h"
#include "lowering/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace mlir::deepseek {
#define GEN_PASS_DEF_CONVERTNVVMTOBINARYPASS
#include "lowering/Passes.h.inc"

namespace {

struct ConvertNvvmToBinaryPass : impl::ConvertNvvmToBinaryPassBase<ConvertNvvmToBinaryPass> {
  using ConvertNvvmToBinaryPassBase::ConvertNvvmToBinaryPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    ConvertNvvmToBinaryPassBase::getDependentDialects(registry);
    registerPtxTranslations(registry);
  }

  void runOnOperation() override {
    SmallVector<LLVM::LLVMFuncOp> kernels;
    for (auto function : getOperation().getOps<LLVM::LLVMFuncOp>())
      if (function->hasAttr("nvvm.kernel"))
        kernels.push_back(function);
    if (kernels.empty())
      return;
    if (!dumpTo.empty())
      if (std::error_code error = llvm::sys::fs::create_directories(dumpTo)) {
        getOperation().emitError() << "the directory '" << dumpTo << "' cannot be made: " << error.message();
        return signalPassFailure();
      }
    if (!ptxOnly && failed(locatePtxas()))
      return signalPassFailure();
    SmallVector<Cubin> cubins(kernels.size());
    if (failed(failableParallelForEachN(&getContext(), 0, kernels.size(),
                                        [&](size_t index) { return compile(kernels[index], cubins[index]); })))
      return signalPassFailure();
    if (ptxOnly)
      return;
    for (auto [kernel, cubin] : llvm::zip(kernels, cubins))
      replaceByBinary(kernel, cubin);
    eraseDeviceMemory();
  }

private:
  LogicalResult locatePtxas() {
    llvm::Expected<std::string> found = findPtxas(ptxas);
    if (!found)
      return getOperation().emitError() << llvm::toString(found.takeError());
    ptxasPath = *found;
    return success();
  }

  LogicalResult compile(LLVM::LLVMFuncOp kernel, Cubin &result) {
    if (!dumpTo.empty()) {
      std::string text;
      llvm::raw_string_ostream(text) << kernel << "\n";
      if (failed(dump(kernel, ".mlir", text)))
        return failure();
    }
    FailureOr<PtxModule> module = translateToPtx(kernel);
    if (failed(module) || failed(dump(kernel, ".ll", module->llvmIr)) || failed(dump(kernel, ".ptx", module->ptx)))
      return failure();
    if (ptxOnly)
      return success();
    llvm::Expected<Cubin> cubin = assemble(ptxasPath, module->ptx);
    if (!cubin)
      return kernel.emitError() << "kernel '" << kernel.getName() << "': " << llvm::toString(cubin.takeError());
    result = std::move(*cubin);
    return failed(dump(kernel, ".cubin", result.bytes)) ? failure() : dump(kernel, ".ptxas", result.log);
  }

  LogicalResult dump(LLVM::LLVMFuncOp kernel, StringRef extension, StringRef contents) {
    if (dumpTo.empty())
      return success();
    SmallString<128> path(dumpTo);
    llvm::sys::path::append(path, kernel.getName() + extension);
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    if (error)
      return kernel.emitError() << "'" << path << "' cannot be written: " << error.message();
    file << contents;
    return success();
  }

  void replaceByBinary(LLVM::LLVMFuncOp kernel, const Cubin &cubin) {
    auto sharedBytes = kernel->getAttrOfType<IntegerAttr>("kernel.shared_bytes");
    remark::analysis(kernel.getLoc(), remark::RemarkOpts::name("kernel").category("convert-nvvm-to-binary"))
        << kernel.getName() << ": " << remark::metric("Registers", cubin.registers)
        << remark::metric("SharedBytes", sharedBytes ? sharedBytes.getInt() : 0)
        << remark::metric("CubinBytes", static_cast<int64_t>(cubin.bytes.size()));
    OpBuilder b(kernel);
    kernel::BinaryOp::create(b, kernel.getLoc(), kernel.getNameAttr(), b.getStringAttr(cubin.bytes),
                             sharedBytes ? sharedBytes : b.getI64IntegerAttr(0), b.getI64IntegerAttr(cubin.registers));
    kernel.erase();
  }

  /// The declarations of the dynamic shared memory and of kernels' state have no user left and no meaning in host code.
  void eraseDeviceMemory() {
    for (auto global : llvm::make_early_inc_range(getOperation().getOps<LLVM::GlobalOp>()))
      if (auto space = static_cast<NVVM::NVVMMemorySpace>(global.getAddrSpace());
          space == NVVM::NVVMMemorySpace::Shared || space == NVVM::NVVMMemorySpace::Global)
        global.erase();
  }

  std::string ptxasPath;
};

} // namespace
} // namespace mlir::deepseek
