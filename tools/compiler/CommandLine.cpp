#include "tools/compiler/CommandLine.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "passes/graph/FusionNames.h"
#include "tools/compiler/Driver.h"
#include "tools/compiler/Error.h"
#include "tools/compiler/Explain.h"
#include "tools/compiler/Pipelines.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::compiler;
namespace cl = llvm::cl;

namespace {

/// The options, alive while the command line is parsed.
struct Flags {
  cl::OptionCategory category{"Options of deepseek-compile"};
  cl::opt<std::string> input{cl::Positional, cl::Required, cl::desc("DIR_OR_CONFIG_OR_MLIR"), cl::cat(category)};
  cl::opt<std::string> output{"o", cl::desc("Artefact to write; with --compile-to the IR (default: -, stdout)"),
                              cl::value_desc("file"), cl::cat(category)};
  cl::opt<std::string> target{"target", cl::desc("cpu or sm_90a (default: cpu)"), cl::init("cpu"), cl::cat(category)};
  cl::opt<std::string> activation{
      "activation",
      cl::desc("f32 or bf16: type of activations and latent cache (default: f32 on the CPU, bf16 on GPUs)"),
      cl::cat(category)};
  // Numbers are read as text: cl's own message about a bad one is not ours to word.
  cl::opt<std::string> maxContext{"max-context",
                                  cl::desc("Longest sequence, in tokens (default: the model's, at most 4096)"),
                                  cl::value_desc("tokens"), cl::cat(category)};
  cl::list<std::string> decodeBuckets{"decode-buckets", cl::CommaSeparated,
                                      cl::desc("Batch sizes of decode entries (default: 1,2,4,8)"),
                                      cl::value_desc("sizes"), cl::cat(category)};
  cl::list<std::string> prefillBuckets{"prefill-buckets", cl::CommaSeparated,
                                       cl::desc("Chunk sizes of prefill entries (default: 16,128)"),
                                       cl::value_desc("sizes"), cl::cat(category)};
  cl::opt<std::string> absorb{"absorb",
                              cl::desc("auto, always or never: absorbed form of MLA (default: auto, by cost)"),
                              cl::init("auto"), cl::cat(category)};
  cl::opt<std::string> level{
      "level", cl::desc("deepseek or kernel: the IR level that the CPU path lowers from (default: deepseek)"),
      cl::init("deepseek"), cl::cat(category)};
  cl::opt<std::string> quantize{
      "quantize",
      cl::desc("none, fp8 or fp8-ue8m0: compute plain projections in block-scaled FP8, with weights quantised at load "
               "(default: none)"),
      cl::init("none"), cl::cat(category)};
  cl::list<std::string> disableFusion{"disable-fusion", cl::CommaSeparated,
                                      cl::desc("Fusions to leave out, by name, or all"), cl::value_desc("names"),
                                      cl::cat(category)};
  cl::list<std::string> enableFusion{"enable-fusion", cl::CommaSeparated,
                                     cl::desc("Fusions to keep in spite of --disable-fusion=all"),
                                     cl::value_desc("names"), cl::cat(category)};
  cl::opt<bool> explain{
      "explain",
      cl::desc("Print each entry's kernels with their predicted time, and the compiler's decisions, on stderr"),
      cl::cat(category)};
  cl::opt<std::string> explainContext{"explain-context",
                                      cl::desc("Length of the sequences that --explain assumes (default: 4096)"),
                                      cl::value_desc("tokens"), cl::cat(category)};
  cl::opt<std::string> compileTo{"compile-to", cl::desc("Stop after this phase and write its IR"),
                                 cl::value_desc("phase"), cl::cat(category)};
  cl::opt<std::string> compileFrom{"compile-from",
                                   cl::desc("The input is the IR that --compile-to of this phase wrote"),
                                   cl::value_desc("phase"), cl::cat(category)};
  cl::opt<std::string> dumpPhasesTo{"dump-phases-to", cl::desc("Write the IR after each phase"),
                                    cl::value_desc("directory"), cl::cat(category)};
  cl::opt<std::string> dumpKernelsTo{"dump-kernels-to", cl::desc("Write the code of each GPU kernel"),
                                     cl::value_desc("directory"), cl::cat(category)};
  cl::opt<std::string> cpu{"cpu",
                           cl::desc("Instruction set of the host code: x86-64-v2, -v3 or -v4 (default: x86-64-v3)"),
                           cl::value_desc("level"), cl::init("x86-64-v3"), cl::cat(category)};
  cl::opt<std::string> ptxas{"ptxas", cl::desc("ptxas to use (default: found on PATH or in the CUDA toolkit)"),
                             cl::value_desc("file"), cl::cat(category)};
};

llvm::SmallVector<llvm::StringRef> fusionNames() {
  llvm::SmallVector<llvm::StringRef> names = horizontalFusionNames();
  llvm::append_range(names, verticalFusionNames());
  llvm::append_range(names, kernelFusionNames());
  return names;
}

std::string phaseHelp() {
  std::string text = "Fusions:\n  " + llvm::join(fusionNames(), ", ") + "\nPhases:\n";
  CompileOptions options;
  for (Target target : {Target::Cpu, Target::Sm90a}) {
    options.target = target;
    text += ("  --target=" + targetName(target) + "\n").str();
    for (const Phase &phase : phasesOf(options))
      text += llvm::formatv("    {0,-12}{1}\n", phase.name, phase.summary).str();
  }
  return text;
}

/// `value` must be one of `choices`; gives its position.
llvm::Expected<int> choose(llvm::StringRef option, llvm::StringRef value,
                           std::initializer_list<llvm::StringRef> choices) {
  std::string known;
  for (auto [index, choice] : llvm::enumerate(choices)) {
    if (value == choice)
      return int(index);
    known += (index ? (index + 1 == choices.size() ? " or " : ", ") : "") + choice.str();
  }
  return makeError("--{0}={1}: expected {2}", option, value, known);
}

} // namespace

static llvm::Expected<int64_t> parseCount(llvm::StringRef option, llvm::StringRef text) {
  constexpr int64_t most = 1 << 20;
  int64_t value = 0;
  if (text.getAsInteger(10, value) || value < 1 || value > most)
    return makeError("--{0}: '{1}' is no integer from 1 to {2}", option, text, most);
  return value;
}

static llvm::Error buckets(llvm::StringRef option, llvm::ArrayRef<std::string> given, llvm::ArrayRef<int64_t> standard,
                           llvm::SmallVector<int64_t> &result) {
  result.clear();
  if (given.empty())
    llvm::append_range(result, standard);
  for (llvm::StringRef text : given) {
    llvm::Expected<int64_t> size = parseCount(option, text);
    if (!size)
      return size.takeError();
    result.push_back(*size);
  }
  llvm::sort(result);
  result.erase(llvm::unique(result), result.end());
  return llvm::Error::success();
}

/// The fusions to leave out: those disabled by name, or all of them but the enabled ones.
static llvm::Error disabledFusions(llvm::ArrayRef<std::string> disabled, llvm::ArrayRef<std::string> enabled,
                                   llvm::SmallVector<std::string> &result) {
  llvm::SmallVector<llvm::StringRef> known = fusionNames();
  auto unknown = [&](llvm::StringRef option, llvm::StringRef name, llvm::StringRef others) {
    return makeError("--{0}={1} names no fusion; expected {2}{3}", option, name, llvm::join(known, ", "), others);
  };
  for (llvm::StringRef name : disabled)
    if (name != "all" && !llvm::is_contained(known, name))
      return unknown("disable-fusion", name, " or all");
  for (llvm::StringRef name : enabled) {
    if (!llvm::is_contained(known, name))
      return unknown("enable-fusion", name, "");
    if (llvm::is_contained(disabled, name))
      return makeError("fusion '{0}' is both in --enable-fusion and in --disable-fusion", name);
  }
  const bool all = llvm::is_contained(disabled, "all");
  for (llvm::StringRef name : known)
    if (llvm::is_contained(disabled, name) || (all && !llvm::is_contained(enabled, name)))
      result.push_back(name.str());
  return llvm::Error::success();
}

static llvm::Error translate(const Flags &flags, CommandLine &commandLine) {
  CompileOptions &options = commandLine.options;
  commandLine.input = flags.input;
  commandLine.output = flags.output;
  options.explain = flags.explain;
  if (!flags.explainContext.empty()) {
    llvm::Expected<int64_t> tokens = parseCount("explain-context", flags.explainContext);
    if (!tokens)
      return tokens.takeError();
    options.explainContext = *tokens;
  }
  llvm::Expected<int> target = choose("target", flags.target, {"cpu", "sm_90a"});
  if (!target)
    return target.takeError();
  options.target = *target == 0 ? Target::Cpu : Target::Sm90a;
  if (!flags.activation.empty()) {
    llvm::Expected<int> activation = choose("activation", flags.activation, {"f32", "bf16"});
    if (!activation)
      return activation.takeError();
    options.import.activation = *activation == 0 ? models::ActivationType::F32 : models::ActivationType::BF16;
  } else {
    options.import.activation =
        options.target == Target::Cpu ? models::ActivationType::F32 : models::ActivationType::BF16;
  }
  llvm::Expected<int> level = choose("level", flags.level, {"deepseek", "kernel"});
  if (!level)
    return level.takeError();
  options.level = *level == 0 ? CpuLevel::DeepSeek : CpuLevel::Kernel;
  llvm::Expected<int> absorb = choose("absorb", flags.absorb, {"auto", "always", "never"});
  if (!absorb)
    return absorb.takeError();
  options.absorb = flags.absorb;
  llvm::Expected<int> quantize = choose("quantize", flags.quantize, {"none", "fp8", "fp8-ue8m0"});
  if (!quantize)
    return quantize.takeError();
  options.quantize = flags.quantize;
  if (!flags.maxContext.empty()) {
    llvm::Expected<int64_t> tokens = parseCount("max-context", flags.maxContext);
    if (!tokens)
      return tokens.takeError();
    options.import.maxContext = *tokens;
  }
  if (llvm::Error error = buckets("decode-buckets", flags.decodeBuckets, {1, 2, 4, 8}, options.import.decodeBuckets))
    return error;
  if (llvm::Error error = buckets("prefill-buckets", flags.prefillBuckets, {16, 128}, options.import.prefillBuckets))
    return error;
  if (llvm::Error error = disabledFusions(flags.disableFusion, flags.enableFusion, options.disabledFusions))
    return error;
  options.cpu = flags.cpu;
  options.ptxas = flags.ptxas;
  options.compileTo = flags.compileTo;
  options.compileFrom = flags.compileFrom;
  options.dumpPhasesTo = flags.dumpPhasesTo;
  options.dumpKernelsTo = flags.dumpKernelsTo;
  if (commandLine.output.empty()) {
    if (options.compileTo.empty())
      return makeError("no output: give the artefact's name with -o");
    commandLine.output = "-";
  }
  return llvm::Error::success();
}

llvm::Error compiler::parseCommandLine(int argc, char **argv, CommandLine &commandLine) {
  // MLIR's own options (-mlir-timing, -mlir-print-ir-*) work here too; --help-hidden lists them.
  registerAsmPrinterCLOptions();
  registerMLIRContextCLOptions();
  registerPassManagerCLOptions();
  registerDefaultTimingManagerCLOptions();
  Flags flags;
  cl::HideUnrelatedOptions(flags.category);
  std::string phases = phaseHelp();
  cl::extrahelp help(phases);
  std::string message;
  llvm::raw_string_ostream os(message);
  if (!cl::ParseCommandLineOptions(argc, argv, "Compiles a DeepSeek model to an artefact for deepseek-run.\n", &os)) {
    llvm::StringRef first = llvm::StringRef(message).trim().split('\n').first;
    first.consume_front("deepseek-compile: ");
    return llvm::createStringError(first.str());
  }
  return translate(flags, commandLine);
}

llvm::Error compiler::run(MLIRContext &context, const CommandLine &commandLine) {
  if (!commandLine.options.explain)
    return compile(context, commandLine.input, commandLine.output, commandLine.options);
  auto log = std::make_shared<DecisionLog>();
  if (failed(collectDecisions(context, log)))
    return makeError("cannot switch on remarks");
  llvm::Error error = compile(context, commandLine.input, commandLine.output, commandLine.options);
  log->print(llvm::errs());
  return error;
}
