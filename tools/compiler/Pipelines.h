// The phases of a compilation, in order, and the pass pipeline of each.
#pragma once

#include "mlir/Pass/PassManager.h"
#include "tools/compiler/Options.h"

namespace mlir {
class DialectRegistry;
}

namespace mlir::deepseek::compiler {

/// Graph -> graph: absorption, fusion, hoisting of work on parameters.
void buildGraphPipeline(OpPassManager &pm, const CompileOptions &options);
/// Entries without arguments over the table of buffers.
void buildBindPipeline(OpPassManager &pm, const CompileOptions &options);
/// deepseek or kernel dialect -> linalg on tensors.
void buildLinalgPipeline(OpPassManager &pm, const CompileOptions &options);
/// Tensors -> memrefs, every allocation freed.
void buildBufferizePipeline(OpPassManager &pm, const CompileOptions &options);
/// linalg on memrefs -> loops, vectors and parallel regions.
void buildLoopsPipeline(OpPassManager &pm, const CompileOptions &options);
/// GPU: deepseek dialect -> kernels with schedules, every result placed.
void buildKernelPipeline(OpPassManager &pm, const CompileOptions &options);
/// GPU: kernels -> device functions and launches.
void buildNvvmPipeline(OpPassManager &pm, const CompileOptions &options);
/// GPU: device functions -> cubins.
void buildBinaryPipeline(OpPassManager &pm, const CompileOptions &options);
/// Everything -> LLVM dialect, with the artefact's entry points and sections.
void buildLlvmPipeline(OpPassManager &pm, const CompileOptions &options);

struct Phase {
  llvm::StringRef name;
  llvm::StringRef summary;
  void (*build)(OpPassManager &, const CompileOptions &);
};

/// The phases of the target, in order. "import" comes first and has no pipeline.
llvm::SmallVector<Phase> phasesOf(const CompileOptions &options);

/// All dialects, interfaces and translations that the phases need.
void registerCompilerDialects(DialectRegistry &registry);

} // namespace mlir::deepseek::compiler
