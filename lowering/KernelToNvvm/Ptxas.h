// ptxas as a child process, and what it says about a kernel.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir::deepseek {

struct Cubin {
  std::string bytes;
  int64_t registers = 0; // of a thread
  std::string log;       // ptxas -v
};

/// Path of ptxas: `option` if not empty; else from PATH, CUDA_HOME, CUDA_PATH, /usr/local/cuda, or NVIDIA's Python
/// wheel in the virtual environment beside this program, the active one, or the user's site-packages.
llvm::Expected<std::string> findPtxas(llvm::StringRef option);

/// Assembles PTX for sm_90a. An error also if ptxas gives a performance advisory (C75xx), spills, or uses a stack
/// frame.
llvm::Expected<Cubin> assemble(llvm::StringRef ptxas, llvm::StringRef ptx);

/// The part of `assemble` that reads the log; empty if there is nothing to complain about.
std::string complaintsOf(llvm::StringRef log);

} // namespace mlir::deepseek
