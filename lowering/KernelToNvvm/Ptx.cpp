// MLIR -> LLVM IR -> PTX. Everything here may run on several kernels at once, so it uses patterns instead of a nested
// pass manager.
#include "lowering/KernelToNvvm/Ptx.h"
#include "lowering/OptimizeLlvm.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

using namespace mlir;

static constexpr llvm::StringLiteral kTriple = "nvptx64-nvidia-cuda";
static constexpr llvm::StringLiteral kProcessor = "sm_90a";
// PTX 8.6 is the first with TMA loads into shared::cta.
static constexpr llvm::StringLiteral kFeatures = "+ptx86";

void deepseek::registerPtxTranslations(DialectRegistry &registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
}

/// A module with a copy of the kernel and of the globals that it names.
static OwningOpRef<ModuleOp> extractKernel(LLVM::LLVMFuncOp function) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  auto source = function->getParentOfType<ModuleOp>();
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  for (auto global : source.getOps<LLVM::GlobalOp>())
    if (!SymbolTable::symbolKnownUseEmpty(global.getSymNameAttr(), function))
      b.clone(*global);
  b.clone(*function);
  return module;
}

static void simplify(ModuleOp module) {
  MLIRContext *context = module.getContext();
  RewritePatternSet patterns(context);
  for (StringRef name : {"arith", "scf", "llvm"})
    context->getLoadedDialect(name)->getCanonicalizationPatterns(patterns);
  for (RegisteredOperationName op : context->getRegisteredOperations())
    if (StringRef name = op.getDialectNamespace(); name == "arith" || name == "scf" || name == "llvm")
      op.getCanonicalizationPatterns(patterns, context);
  (void)applyPatternsGreedily(module, std::move(patterns));
  IRRewriter rewriter(context);
  DominanceInfo dominance(module);
  eliminateCommonSubExpressions(rewriter, dominance, module);
}

static LogicalResult convertToLlvm(ModuleOp module) {
  MLIRContext *context = module.getContext();
  RewritePatternSet structured(context);
  populateSCFToControlFlowConversionPatterns(structured);
  ConversionTarget flat(*context);
  flat.addIllegalDialect<scf::SCFDialect>();
  flat.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  if (failed(applyPartialConversion(module, flat, std::move(structured))))
    return failure();

  LLVMTypeConverter converter(context);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateNVVMToLLVMConversionPatterns(patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  // NVVM operations that stand for inline PTX are rewritten, the others become intrinsics when translated.
  target.addDynamicallyLegalDialect<NVVM::NVVMDialect>([](Operation *op) {
    auto ptx = dyn_cast<NVVM::BasicPtxBuilderInterface>(op);
    return !ptx || ptx.hasIntrinsic();
  });
  return applyPartialConversion(module, target, std::move(patterns));
}

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(std::string &error) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple(kTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, kProcessor, kFeatures, options, std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

FailureOr<deepseek::PtxModule> deepseek::translateToPtx(LLVM::LLVMFuncOp function) {
  OwningOpRef<ModuleOp> module = extractKernel(function);
  if (failed(verify(*module)))
    return function.emitError() << "kernel '" << function.getName() << "' is not valid IR";
  simplify(*module);
  if (failed(convertToLlvm(*module)))
    return function.emitError() << "kernel '" << function.getName() << "' has operations without a lowering to LLVM";
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(*module, context);
  std::string error;
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(error);
  if (!llvmModule || !machine)
    return function.emitError() << "kernel '" << function.getName() << "' could not be translated to LLVM IR"
                                << (error.empty() ? "" : ": ") << error;
  llvmModule->setTargetTriple(llvm::Triple(kTriple));
  llvmModule->setDataLayout(machine->createDataLayout());
  optimizeLlvm(*llvmModule, *machine);

  PtxModule result;
  llvm::raw_string_ostream(result.llvmIr) << *llvmModule;
  llvm::SmallString<0> ptx;
  llvm::raw_svector_ostream stream(ptx);
  llvm::legacy::PassManager codegen;
  if (machine->addPassesToEmitFile(codegen, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return function.emitError() << "this LLVM cannot emit PTX";
  codegen.run(*llvmModule);
  result.ptx = ptx.str();
  return result;
}
