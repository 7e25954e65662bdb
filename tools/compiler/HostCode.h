// Host code: a module of the LLVM dialect becomes an object file.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

namespace mlir::deepseek::compiler {

struct HostCodeOptions {
  std::string cpu;      ///< x86-64-v2, x86-64-v3, x86-64-v4, or a CPU name that LLVM knows
  std::string dumpIrTo; ///< file for the optimised LLVM IR; empty for none
};

/// Optimises and compiles `module`; returns the bytes of an ELF object.
llvm::Expected<llvm::SmallVector<char, 0>> compileHostCode(ModuleOp module, const HostCodeOptions &options);

} // namespace mlir::deepseek::compiler
