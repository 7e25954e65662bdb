// The command line of deepseek-compile.
#pragma once

#include "mlir/IR/MLIRContext.h"
#include "tools/compiler/Options.h"
#include "llvm/Support/Error.h"

namespace mlir::deepseek::compiler {

struct CommandLine {
  std::string input;
  std::string output;
  CompileOptions options;
};

/// Parses the arguments, or exits after --help. The error is one sentence that names the option.
llvm::Error parseCommandLine(int argc, char **argv, CommandLine &commandLine);

/// Does what the command line asks for.
llvm::Error run(MLIRContext &context, const CommandLine &commandLine);

} // namespace mlir::deepseek::compiler
