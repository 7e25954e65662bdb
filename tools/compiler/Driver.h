// From a checkpoint directory, a config or IR to an artefact or to the IR after a phase.
#pragma once

#include "mlir/IR/MLIRContext.h"
#include "tools/compiler/Options.h"
#include "llvm/Support/Error.h"

namespace mlir::deepseek::compiler {

/// Compiles `input` into `output`. Warnings and diagnostics go to stderr; the error is one sentence.
llvm::Error compile(MLIRContext &context, llvm::StringRef input, llvm::StringRef output, const CompileOptions &options);

} // namespace mlir::deepseek::compiler
