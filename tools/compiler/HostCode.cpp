#include "tools/compiler/HostCode.h"
#include "lowering/OptimizeLlvm.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "tools/compiler/Error.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::compiler;

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeTargetMachine(const std::string &cpu) {
  // Only the one target: artefacts are for x86-64 Linux.
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  std::string message;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return makeError("this LLVM has no x86-64 target: {0}", message);
  std::unique_ptr<llvm::MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
  if (!known || !known->isCPUStringValid(cpu))
    return makeError("--cpu={0} is not known to LLVM; expected x86-64-v2, x86-64-v3, x86-64-v4 or a CPU name", cpu);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(triple, cpu, "", llvm::TargetOptions(),
                                                                           llvm::Reloc::PIC_, llvm::CodeModel::Small,
                                                                           llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return makeError("LLVM cannot generate code for --cpu={0}", cpu);
  return machine;
}

llvm::Expected<llvm::SmallVector<char, 0>> compiler::compileHostCode(ModuleOp module, const HostCodeOptions &options) {
  auto machine = makeTargetMachine(options.cpu);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir = translateModuleToLLVMIR(module, context, "deepseek");
  if (!ir)
    return makeError("the module cannot be translated to LLVM IR");
  ir->setDataLayout((*machine)->createDataLayout());
  ir->setTargetTriple((*machine)->getTargetTriple());
  ir->setPICLevel(llvm::PICLevel::BigPIC);
  // The entries are all that the artefact exports.
  for (llvm::Function &function : *ir)
    if (!function.isDeclaration() && !function.getName().starts_with("dsrt_entry_"))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  optimizeLlvm(*ir, **machine);
  if (!options.dumpIrTo.empty()) {
    std::error_code error;
    llvm::raw_fd_ostream os(options.dumpIrTo, error);
    if (error)
      return makeError("cannot write {0}: {1}", options.dumpIrTo, error.message());
    ir->print(os, nullptr);
  }
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream os(object);
  llvm::legacy::PassManager codegen;
  if ((*machine)->addPassesToEmitFile(codegen, os, nullptr, llvm::CodeGenFileType::ObjectFile))
    return makeError("LLVM cannot write object files for --cpu={0}", options.cpu);
  codegen.run(*ir);
  return object;
}
