// deepseek-compile DIR_OR_CONFIG_OR_MLIR -o model.so: checkpoint directory, config or IR to an artefact.
#include "tools/compiler/CommandLine.h"
#include "tools/compiler/Driver.h"
#include "tools/compiler/Pipelines.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  using namespace mlir::deepseek::compiler;
  CommandLine commandLine;
  if (llvm::Error error = parseCommandLine(argc, argv, commandLine)) {
    llvm::WithColor::error(llvm::errs(), "deepseek-compile") << llvm::toString(std::move(error)) << "\n";
    return 2;
  }
  mlir::DialectRegistry registry;
  registerCompilerDialects(registry);
  mlir::MLIRContext context(registry);
  if (llvm::Error error = run(context, commandLine)) {
    llvm::WithColor::error(llvm::errs(), "deepseek-compile") << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
