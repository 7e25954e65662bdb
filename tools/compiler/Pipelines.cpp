#include "tools/compiler/Pipelines.h"
#include "dialects/deepseek/DeepSeekOps.h"
#include "dialects/kernel/KernelOps.h"
#include "lowering/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "passes/graph/FusionNames.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::compiler;

void compiler::buildGraphPipeline(OpPassManager &pm, const CompileOptions &options) {
  // First: the rewritten attention brings linear projections that later passes see.
  AbsorbMlaPassOptions absorb;
  absorb.mode = options.absorb;
  absorb.target = targetName(options.target).str();
  absorb.context = options.import.maxContext ? options.import.maxContext : absorb.context;
  pm.addNestedPass<func::FuncOp>(createAbsorbMlaPass(absorb));
  // Before projections are joined: one that decides on experts keeps its precision, and must not meet others.
  if (options.quantize != "none") {
    QuantizeFp8PassOptions quantize;
    quantize.scaleFormat = options.quantize == "fp8" ? "f32" : "ue8m0";
    pm.addNestedPass<func::FuncOp>(createQuantizeFp8Pass(quantize));
  }
  // Projections before vertical fusion, which may swallow what joins them.
  FuseProjectionsPassOptions projections;
  FusePassOptions fuse;
  for (const std::string &name : options.disabledFusions)
    if (!llvm::is_contained(kernelFusionNames(), name))
      (llvm::is_contained(horizontalFusionNames(), name) ? projections.disable : fuse.disable).push_back(name);
  pm.addNestedPass<func::FuncOp>(createFuseProjectionsPass(projections));
  pm.addPass(createCSEPass());
  // After everything that makes work on parameters, before fusion regions could hold it.
  pm.addPass(createHoistInitializePass());
  pm.addNestedPass<func::FuncOp>(createFusePass(fuse));
  pm.addPass(createCanonicalizerPass());
}

void compiler::buildBindPipeline(OpPassManager &pm, const CompileOptions &) {
  // Common loads of one parameter become one; unused ones vanish, and their buffers with them.
  pm.addPass(createCSEPass());
  pm.addPass(createBindBuffersPass());
}

void compiler::buildLinalgPipeline(OpPassManager &pm, const CompileOptions &options) {
  // Either way kernels that plain IR brought along are decomposed too.
  if (options.level == CpuLevel::Kernel)
    pm.addNestedPass<func::FuncOp>(createConvertDeepSeekToKernelPass());
  else
    pm.addNestedPass<func::FuncOp>(createConvertDeepSeekToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createConvertKernelToLinalgPass());
  pm.addNestedPass<func::FuncOp>(createConvertBuffersToMemRefPass());
  // No CSE before bufferization: one tensor of zeros with several uses would have to be copied for each.
  pm.addPass(createCanonicalizerPass());
}

void compiler::buildBufferizePipeline(OpPassManager &pm, const CompileOptions &) {
  // Results are computed in their buffers: only possible while destinations are still tensor.empty.
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addPass(bufferization::createOneShotBufferizePass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  // Parallel loops before deallocation, which does not know scf.forall.
  pm.addNestedPass<func::FuncOp>(createForallToParallelLoopPass());
  bufferization::buildBufferDeallocationPipeline(pm);
  // The pipeline frees at the end of a block; memory is reused sooner when it is freed after its last use.
  pm.addNestedPass<func::FuncOp>(bufferization::createOptimizeAllocationLivenessPass());
  pm.addPass(createConvertBufferizationToMemRefPass());
  pm.addPass(createCSEPass());
  // Last: everything before works on whole entries.
  pm.addPass(createOutlineHostKernelsPass());
}

void compiler::buildLoopsPipeline(OpPassManager &pm, const CompileOptions &) {
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToHostLoopsPass());
  pm.addPass(createCanonicalizerPass());
}

void compiler::buildKernelPipeline(OpPassManager &pm, const CompileOptions &options) {
  pm.addNestedPass<func::FuncOp>(createConvertDeepSeekToKernelPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Before row fusions are merged: one of a product alone can be its epilogue.
  if (llvm::none_of(options.disabledFusions, [](StringRef name) { return name == "epilogue" || name == "all"; }))
    pm.addNestedPass<func::FuncOp>(createFuseEpiloguePass());
  pm.addNestedPass<func::FuncOp>(createFuseRoutingPass());
  pm.addNestedPass<func::FuncOp>(createMergeRowFusionsPass());
  // Before schedules and memory: layers that differ in an address only are one kernel.
  pm.addNestedPass<func::FuncOp>(createIsolateCacheLayersPass());
  pm.addNestedPass<func::FuncOp>(createChooseSchedulePass());
  // Last: it places every result of every kernel, the partial ones of split kernels too.
  pm.addPass(createPlanMemoryPass());
}

void compiler::buildNvvmPipeline(OpPassManager &pm, const CompileOptions &) {
  pm.addPass(createConvertKernelToNvvmPass());
}

void compiler::buildBinaryPipeline(OpPassManager &pm, const CompileOptions &options) {
  ConvertNvvmToBinaryPassOptions binary;
  binary.ptxas = options.ptxas;
  binary.dumpTo = options.dumpKernelsTo;
  pm.addPass(createConvertNvvmToBinaryPass(binary));
}

void compiler::buildLlvmPipeline(OpPassManager &pm, const CompileOptions &options) {
  // bf16 and f8 have no arithmetic on x86: their conversions become integer arithmetic while types are still known.
  pm.addNestedPass<func::FuncOp>(createExpandFloat8Pass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addNestedPass<func::FuncOp>(arith::createArithExpandOpsPass(expand));
  // Entries get their signature while memrefs still are memrefs.
  ConvertHostToLlvmPassOptions host;
  host.target = targetName(options.target).str();
  host.cpu = options.cpu;
  pm.addPass(createConvertHostToLlvmPass(host));
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  // Parallel loops before the other loops, which become branches.
  pm.addPass(createConvertSCFToOpenMPPass());
  // The conversion made alloca scopes; they may not hold branches.
  pm.addNestedPass<func::FuncOp>(createInlineAllocaScopesPass());
  pm.addPass(createSCFToControlFlowPass());
  // All dialects at once, OpenMP regions too: one pass over the module instead of eight.
  pm.addPass(createConvertToLLVMPass());
  // No canonicalization: LLVM's own follows.
  pm.addPass(createReconcileUnrealizedCastsPass());
}

llvm::SmallVector<Phase> compiler::phasesOf(const CompileOptions &options) {
  llvm::SmallVector<Phase> phases{
      {"import", "the model as published, unfused", nullptr},
      {"graph", "absorbed, fused, work on parameters moved to @initialize", buildGraphPipeline},
      {"bind", "entries over the table of buffers", buildBindPipeline}};
  if (options.target == Target::Cpu) {
    phases.push_back({"linalg", "linalg on tensors", buildLinalgPipeline});
    phases.push_back({"bufferize", "linalg on memory", buildBufferizePipeline});
    phases.push_back({"loops", "loops, vectors, parallel regions", buildLoopsPipeline});
  } else {
    phases.push_back({"kernel", "kernels with schedules and places in memory", buildKernelPipeline});
    phases.push_back({"nvvm", "device functions and their launches", buildNvvmPipeline});
    phases.push_back({"binary", "cubins and their launches", buildBinaryPipeline});
  }
  phases.push_back({"llvm", "LLVM dialect with the artefact's entries and sections", buildLlvmPipeline});
  return phases;
}

void compiler::registerCompilerDialects(DialectRegistry &registry) {
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registerAllToLLVMIRTranslations(registry);
  registry.insert<DeepSeekDialect, kernel::KernelDialect>();
}
