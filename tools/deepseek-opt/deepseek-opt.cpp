// Runs any pass on any level of IR.
#include "dialects/deepseek/DeepSeekOps.h"
#include "dialects/kernel/KernelOps.h"
#include "lowering/Passes.h"
#include "passes/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  mlir::deepseek::registerDeepSeekPasses();
  mlir::deepseek::registerDeepSeekLoweringPasses();
  registry.insert<mlir::deepseek::DeepSeekDialect, mlir::deepseek::kernel::KernelDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "DeepSeek compiler pass driver\n", registry));
}
