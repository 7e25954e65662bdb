#include "tools/compiler/CommandLine.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "tools/compiler/Driver.h"
#include "tools/compiler/Error.h"
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
  cl::opt<int64_t> maxContext{"max-context",
                              cl::desc("Longest sequence, in tokens (default: the model's, at most 4096)"), cl::init(0),
                              cl::cat(category)};
  cl::list<int64_t> decodeBuckets{"decode-buckets", cl::CommaSeparated,
                                  cl::desc("Batch sizes of decode entries (default: 1,2,4,8)"), cl::cat(category)};
  cl::list<int64_t> prefillBuckets{"prefill-buckets", cl::CommaSeparated,
                                   cl::desc("Chunk sizes of prefill entries (default: 16,128)"), cl::cat(category)};
  cl::opt<std::string> absorb{"absorb",
                              cl::desc("auto, always or never: absorbed form of MLA (default: auto, by cost)"),
                              cl::init("auto"), cl::cat(category)};
  cl::opt<std::string> level{
      "level", cl::desc("deepseek or kernel: the IR level that the CPU path lowers from (default: deepseek)"),
      cl::init("deepseek"), cl::cat(category)};
  cl::list<std::string> disableFusion{"disable-fusion", cl::CommaSeparated,
                                      cl::desc("Fusions to leave out, by name, or all"), cl::cat(category)};
  cl::list<std::string> enableFusion{"enable-fusion", cl::CommaSeparated,
                                     cl::desc("Fusions to switch on that are off by default"), cl::cat(category)};
  cl::opt<bool> explain{"explain", cl::desc("Print the compiler's decisions, with numbers, on stderr"),
                        cl::cat(category)};
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

std::string phaseHelp() {
  std::string text = "Phases:\n";
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

/// Prints each remark as one line: function, pass, decision.
class RemarkPrinter : public remark::detail::MLIRRemarkStreamerBase {
public:
  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    llvm::errs() << remark.getMsg() << "\n";
  }
};

} // namespace

static llvm::Error buckets(llvm::StringRef option, llvm::ArrayRef<int64_t> given, llvm::ArrayRef<int64_t> standard,
                           llvm::SmallVector<int64_t> &result) {
  result.assign(given.empty() ? standard.begin() : given.begin(), given.empty() ? standard.end() : given.end());
  for (int64_t size : result)
    if (size < 1 || size > (1 << 20))
      return makeError("--{0}: {1} is no bucket size; expected 1 to {2}", option, size, 1 << 20);
  llvm::sort(result);
  result.erase(llvm::unique(result), result.end());
  return llvm::Error::success();
}

static llvm::Error translate(const Flags &flags, CommandLine &commandLine) {
  CompileOptions &options = commandLine.options;
  commandLine.input = flags.input;
  commandLine.output = flags.output;
  commandLine.explain = flags.explain;
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
  if (flags.maxContext < 0)
    return makeError("--max-context={0}: expected a positive number of tokens", int64_t(flags.maxContext));
  options.import.maxContext = flags.maxContext;
  if (llvm::Error error = buckets("decode-buckets", flags.decodeBuckets, {1, 2, 4, 8}, options.import.decodeBuckets))
    return error;
  if (llvm::Error error = buckets("prefill-buckets", flags.prefillBuckets, {16, 128}, options.import.prefillBuckets))
    return error;
  options.disabledFusions.assign(flags.disableFusion.begin(), flags.disableFusion.end());
  options.enabledFusions.assign(flags.enableFusion.begin(), flags.enableFusion.end());
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
  if (commandLine.explain) {
    remark::RemarkCategories categories{".*", std::nullopt, std::nullopt, std::nullopt, std::nullopt};
    if (failed(remark::enableOptimizationRemarks(context, std::make_unique<RemarkPrinter>(),
                                                 std::make_unique<remark::RemarkEmittingPolicyAll>(), categories)))
      return makeError("cannot switch on remarks");
  }
  return compile(context, commandLine.input, commandLine.output, commandLine.options);
}
