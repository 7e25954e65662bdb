#include "tools/compiler/Driver.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "models/ModelConfig.h"
#include "tools/compiler/ArtifactWriter.h"
#include "tools/compiler/Error.h"
#include "tools/compiler/Explain.h"
#include "tools/compiler/HostCode.h"
#include "tools/compiler/Pipelines.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::compiler;

static llvm::Expected<OwningOpRef<ModuleOp>> loadInput(MLIRContext &context, llvm::StringRef input,
                                                       const CompileOptions &options) {
  if (!llvm::sys::fs::exists(input))
    return makeError("{0} does not exist; expected a checkpoint directory, a config.json or a .mlir file", input);
  if (input.ends_with(".mlir")) {
    auto module = parseSourceFile<ModuleOp>(input, ParserConfig(&context));
    if (!module)
      return makeError("{0} is no valid IR", input);
    return module;
  }
  llvm::SmallVector<std::string> warnings;
  llvm::Expected<models::ModelConfig> config = models::readModelConfig(input, warnings);
  for (const std::string &warning : warnings)
    llvm::WithColor::warning() << warning << "\n";
  if (!config)
    return config.takeError();
  return models::importModel(context, *config, options.import);
}

/// Writes `text` to `path` ("-" is stdout), complete or not at all.
static llvm::Error writeText(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write) {
  if (path == "-") {
    write(llvm::outs());
    return llvm::Error::success();
  }
  llvm::SmallString<128> temporary;
  int descriptor = -1;
  if (std::error_code error = llvm::sys::fs::createUniqueFile(path + ".%%%%%%.tmp", descriptor, temporary))
    return makeError("cannot write {0}: {1}", path, error.message());
  llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
  write(os);
  os.close();
  std::error_code error = os.error();
  os.clear_error();
  if (!error)
    error = llvm::sys::fs::rename(temporary, path);
  if (!error)
    return llvm::Error::success();
  llvm::sys::fs::remove(temporary);
  return makeError("cannot write {0}: {1}", path, error.message());
}

static llvm::Error writeModule(ModuleOp module, llvm::StringRef path) {
  return writeText(path, [&](llvm::raw_ostream &os) {
    module.print(os);
    os << "\n";
  });
}

/// Position of the phase `name`, or an error that lists the phases.
static llvm::Expected<size_t> findPhase(llvm::ArrayRef<Phase> phases, llvm::StringRef option, llvm::StringRef name) {
  std::string known;
  for (auto [index, phase] : llvm::enumerate(phases)) {
    if (phase.name == name)
      return index;
    known += (index ? ", " : "") + phase.name.str();
  }
  return makeError("--{0}={1} names no phase; expected one of {2}", option, name, known);
}

/// Runs phases first..last over `module`, dumping the IR after each if asked.
/// Kernels have schedules and still are operations after one phase only.
static void explain(ModuleOp module, const Phase &done, const CompileOptions &options) {
  if (options.explain && done.name == "kernel")
    printPlan(module, options.explainContext, llvm::errs());
}

static llvm::Error runPhases(ModuleOp module, llvm::ArrayRef<Phase> phases, size_t first, size_t last,
                             const CompileOptions &options) {
  for (size_t index = first; index <= last && index < phases.size(); ++index) {
    const Phase &phase = phases[index];
    if (phase.build) {
      PassManager pm(module.getContext());
      if (llvm::failed(applyPassManagerCLOptions(pm)))
        return makeError("bad pass manager options");
      applyDefaultTimingPassManagerCLOptions(pm); // one report for each phase
      phase.build(pm, options);
      if (llvm::failed(pm.run(module)))
        return makeError("phase '{0}' failed", phase.name);
    }
    explain(module, phase, options);
    if (!options.dumpPhasesTo.empty())
      if (llvm::Error error =
              writeModule(module, llvm::formatv("{0}/{1}-{2}.mlir", options.dumpPhasesTo, index, phase.name).str()))
        return error;
  }
  return llvm::Error::success();
}

static llvm::Error makeDirectory(llvm::StringRef path) {
  if (path.empty())
    return llvm::Error::success();
  if (std::error_code error = llvm::sys::fs::create_directories(path))
    return makeError("cannot make directory {0}: {1}", path, error.message());
  return llvm::Error::success();
}

/// A result that could not be written is found out before minutes are spent on it.
static llvm::Error checkOutput(llvm::StringRef path) {
  if (path == "-")
    return llvm::Error::success();
  if (llvm::sys::fs::is_directory(path))
    return makeError("cannot write {0}: it is a directory, expected the name of a file", path);
  llvm::StringRef directory = llvm::sys::path::parent_path(path);
  if (!directory.empty() && !llvm::sys::fs::is_directory(directory))
    return makeError("cannot write {0}: there is no directory {1}", path, directory);
  return llvm::Error::success();
}

llvm::Error compiler::compile(MLIRContext &context, llvm::StringRef input, llvm::StringRef output,
                              const CompileOptions &options) {
  llvm::SmallVector<Phase> phases = phasesOf(options);
  size_t first = 0, last = phases.size() - 1;
  if (!options.compileFrom.empty()) {
    llvm::Expected<size_t> done = findPhase(phases, "compile-from", options.compileFrom);
    if (!done)
      return done.takeError();
    if (!input.ends_with(".mlir"))
      return makeError("--compile-from needs the .mlir file that --compile-to={0} wrote, got {1}", options.compileFrom,
                       input);
    first = *done + 1;
  }
  if (!options.compileTo.empty()) {
    llvm::Expected<size_t> wanted = findPhase(phases, "compile-to", options.compileTo);
    if (!wanted)
      return wanted.takeError();
    last = *wanted;
    if (last < first)
      return makeError("--compile-to={0} comes before --compile-from={1}", options.compileTo, options.compileFrom);
  }
  if (llvm::Error error = checkOutput(output))
    return error;
  if (llvm::Error error = makeDirectory(options.dumpPhasesTo))
    return error;
  if (llvm::Error error = makeDirectory(options.dumpKernelsTo))
    return error;

  auto module = loadInput(context, input, options);
  if (!module)
    return module.takeError();
  if (first > 0)
    explain(**module, phases[first - 1], options);
  if (llvm::Error error = runPhases(**module, phases, first, last, options))
    return error;
  if (!options.compileTo.empty())
    return writeModule(**module, output);

  HostCodeOptions host;
  host.cpu = options.cpu;
  if (!options.dumpPhasesTo.empty())
    host.dumpIrTo = options.dumpPhasesTo + "/host.ll";
  auto object = compileHostCode(**module, host);
  if (!object)
    return object.takeError();
  return writeArtifact(*object, output);
}
