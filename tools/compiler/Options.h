// Everything that a compilation can be told.
#pragma once

#include "models/Importer.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace mlir::deepseek::compiler {

enum class Target { Cpu, Sm90a };

/// The dialect from which the CPU path goes to linalg.
enum class CpuLevel { DeepSeek, Kernel };

struct CompileOptions {
  Target target = Target::Cpu;
  models::ImportOptions import;

  // Graph passes.
  std::string absorb = "auto";                    ///< auto, always or never
  std::string quantize = "none";                  ///< none, fp8 (f32 scales) or fp8-ue8m0
  llvm::SmallVector<std::string> disabledFusions; ///< names, every one known

  // CPU path.
  CpuLevel level = CpuLevel::DeepSeek;
  std::string cpu = "x86-64-v3"; ///< instruction-set level of the host code

  std::string ptxas; ///< empty: found on PATH or in the CUDA toolkit

  bool explain = false;          ///< print the plan of each entry on stderr
  int64_t explainContext = 4096; ///< context length that the plan's attention is estimated for (tokens)

  // Phases.
  std::string compileTo, compileFrom; ///< names of phases; empty for the whole pipeline
  std::string dumpPhasesTo;           ///< directory for the IR after each phase
  std::string dumpKernelsTo;          ///< directory for the code of each kernel (GPU targets)
};

inline llvm::StringRef targetName(Target target) { return target == Target::Cpu ? "cpu" : "sm_90a"; }

} // namespace mlir::deepseek::compiler
