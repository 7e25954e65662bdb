// From a kernel's llvm.func to PTX, in process.
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <string>

namespace mlir {
class DialectRegistry;
}

namespace mlir::deepseek {

/// What translateToPtx produced; `llvmIr` (after optimisation) is for people to read.
struct PtxModule {
  std::string llvmIr, ptx;
};

/// Registers the translations that translateToPtx needs; call it from a pass's getDependentDialects.
void registerPtxTranslations(DialectRegistry &registry);

/// Compiles one device function (llvm, nvvm, arith, math, scf, cf dialects) for sm_90a. Works on a copy: several
/// threads may compile functions of one module. Reports errors at the function.
FailureOr<PtxModule> translateToPtx(LLVM::LLVMFuncOp function);

} // namespace mlir::deepseek
