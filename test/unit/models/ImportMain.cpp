// Prints the graph of a model's config: import-model CONFIG [--bf16] [--inference-names] [--decode=N,..]
// [--prefill=N,..]
#include "models/Importer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::deepseek::models;

static bool parseSizes(StringRef text, SmallVectorImpl<int64_t> &sizes) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  sizes.clear();
  for (StringRef part : parts)
    if (part.getAsInteger(10, sizes.emplace_back()))
      return false;
  return true;
}

int main(int argc, char **argv) {
  StringRef path;
  ImportOptions options;
  bool quiet = false;
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    bool valid = true;
    if (argument == "--bf16")
      options.activation = ActivationType::BF16;
    else if (argument == "--inference-names")
      options.tensorNames = TensorNames::Inference;
    else if (argument == "--quiet")
      quiet = true;
    else if (argument.consume_front("--decode="))
      valid = parseSizes(argument, options.decodeBuckets);
    else if (argument.consume_front("--prefill="))
      valid = parseSizes(argument, options.prefillBuckets);
    else if (argument.consume_front("--max-context="))
      valid = !argument.getAsInteger(10, options.maxContext);
    else
      path = argument;
    if (!valid)
      return llvm::errs() << "error: bad number in " << argv[i] << "\n", 2;
  }
  SmallVector<std::string> warnings;
  llvm::Expected<ModelConfig> config = readModelConfig(path, warnings);
  for (const std::string &warning : warnings)
    llvm::errs() << "warning: " << warning << "\n";
  if (!config)
    return llvm::errs() << "error: " << toString(config.takeError()) << "\n", 1;
  MLIRContext context;
  llvm::Expected<OwningOpRef<ModuleOp>> module = importModel(context, *config, options);
  if (!module)
    return llvm::errs() << "error: " << toString(module.takeError()) << "\n", 1;
  if (!quiet)
    (*module)->print(llvm::outs(), OpPrintingFlags().printNameLocAsPrefix());
  return 0;
}
