// LLVM's O2 for what this compiler emits, kernels and host code.
#pragma once

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace mlir::deepseek {

/// O2 without unrolling and vectorising: hot loops come unrolled, as vectors and register tiles; LLVM would treat the
/// rest as well, ten times the code and four times the compile time for no gain that could be measured.
void optimizeLlvm(llvm::Module &module, llvm::TargetMachine &machine);

} // namespace mlir::deepseek
