// Reading a config.json: which of the two dialects it is, and the checks that both share.
#include "models/ModelConfig.h"
#include "models/ConfigParsers.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cmath>

using namespace mlir::deepseek;
using namespace mlir::deepseek::models;
using nlohmann::json;

double models::yarnMagnitude(double factor, double multiplier) {
  return factor <= 1.0 ? 1.0 : 0.1 * multiplier * std::log(factor) + 1.0;
}

void models::checkExpertGroups(JsonFields &fields, const MoeFieldNames &names, const ModelConfig &config) {
  const MoeConfig &moe = config.moe;
  if (fields.failed())
    return;
  if (moe.experts * config.layers > maxExpertsOfModel)
    return fields.refuse(names.experts,
                         llvm::formatv("at most {0} in {1} layers", maxExpertsOfModel / config.layers, config.layers));
  if (moe.experts % moe.groups != 0)
    return fields.refuse(names.groups, llvm::formatv("a divisor of {0} = {1}", names.experts, moe.experts));
  if (moe.groupsPerToken > moe.groups)
    return fields.refuse(names.groupsPerToken, llvm::formatv("at most {0} = {1}", names.groups, moe.groups));
  int64_t groupSize = moe.experts / moe.groups;
  if (moe.groupScore == GroupScore::Top2Sum && groupSize < 2)
    return fields.refuse(
        names.groups,
        llvm::formatv("groups of at least 2 of the {0} experts (they are scored by their two best)", moe.experts));
  int64_t eligible = moe.groupScore == GroupScore::None ? moe.experts : groupSize * moe.groupsPerToken;
  if (moe.expertsPerToken > eligible)
    return fields.refuse(names.expertsPerToken,
                         llvm::formatv("at most the {0} experts of which a token may choose", eligible));
}

llvm::Expected<ModelConfig> models::parseModelConfig(llvm::StringRef text, llvm::StringRef path,
                                                     llvm::SmallVectorImpl<std::string> &warnings) {
  llvm::Expected<json> object = parseJsonObject(text, path);
  if (!object)
    return object.takeError();
  ModelConfig config;
  config.text = text.str();
  JsonFields fields(*object, path);
  llvm::SmallVector<std::string> found;
  bool huggingFace = fields.has("hidden_size") || fields.has("model_type"), inference = fields.has("dim");
  if (huggingFace && inference) {
    fields.refuse("dim", "either Hugging Face's 'hidden_size' and 'model_type' or DeepSeek's own 'dim', not both");
  } else if (inference) {
    parseInferenceConfig(fields, config, found);
  } else if (huggingFace) {
    parseHuggingFaceConfig(fields, path, config, found);
  } else {
    fields.refuse("hidden_size", "Hugging Face's 'hidden_size' or the 'dim' of DeepSeek's inference code");
  }
  if (fields.failed())
    return fields.takeError();
  warnings.append(found.begin(), found.end());
  return config;
}

llvm::Expected<ModelConfig> models::readModelConfig(llvm::StringRef path,
                                                    llvm::SmallVectorImpl<std::string> &warnings) {
  llvm::SmallString<128> file(path);
  if (llvm::sys::fs::is_directory(path))
    llvm::sys::path::append(file, "config.json");
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError(
        llvm::formatv("{0}: cannot be read ({1}), expected a config.json", file, buffer.getError().message()));
  return parseModelConfig((*buffer)->getBuffer(), file, warnings);
}
