// Any text must parse to a config whose numbers are sane, or be refused with one sentence; never a crash.
#include "models/ModelConfig.h"
#include <cmath>
#include <cstdlib>

using namespace mlir::deepseek::models;

/// What the importer relies on.
static bool isSane(const ModelConfig &config) {
  const MoeConfig &moe = config.moe;
  bool sizes = config.vocab > 0 && config.hidden > 0 && config.layers > 0 && config.heads > 0 &&
               config.kvLoraRank > 0 && config.nope > 0 && config.rope > 0 && config.rope % 2 == 0 &&
               config.value > 0 && config.qLoraRank >= 0 && config.intermediate > 0 && config.maxPositions > 0;
  bool numbers = std::isfinite(config.softmaxScale) && config.softmaxScale > 0 && config.normEps > 0 &&
                 config.latentNorm.eps > 0 && std::isfinite(config.rotary.theta) && config.rotary.theta > 1 &&
                 config.rotary.factor >= 1 && std::isfinite(config.rotary.magnitude) && config.rotary.magnitude > 0;
  bool routing = moe.experts == 0 ||
                 (moe.expertsPerToken >= 1 && moe.expertsPerToken <= moe.experts / moe.groups * moe.groupsPerToken &&
                  moe.experts % moe.groups == 0 && moe.groupsPerToken <= moe.groups && moe.intermediate > 0 &&
                  moe.sharedExperts >= 0 && moe.layerFrequency > 0 && std::isfinite(moe.scale));
  return sizes && numbers && routing;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::SmallVector<std::string> warnings;
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<ModelConfig> config = parseModelConfig(text, "config.json", warnings);
  if (config) {
    if (!isSane(*config) || config->text != text)
      std::abort();
  } else {
    std::string message = llvm::toString(config.takeError());
    if (message.find("config.json: ") != 0 || message.find('\n') != std::string::npos)
      std::abort();
  }
  for (const std::string &warning : warnings)
    if (warning.find('\n') != std::string::npos)
      std::abort();
  return 0;
}
