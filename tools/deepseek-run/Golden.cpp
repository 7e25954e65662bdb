#include "tools/deepseek-run/Golden.h"

#include "runtime/core/JsonFields.h"
#include "runtime/core/Manifest.h"

#include <cstring>
#include <filesystem>

namespace dsrt {

namespace {
constexpr size_t maxJsonBytes = size_t(64) << 20;

StatusOr<std::vector<int32_t>> tokenIds(const nlohmann::json &value, const std::string &where, int64_t vocabSize) {
  DSRT_ASSIGN_OR_RETURN(auto numbers, jsonIntegers(value, where, 0, vocabSize - 1));
  return std::vector<int32_t>(numbers.begin(), numbers.end());
}

StatusOr<GoldenPrompt> parsePrompt(const nlohmann::json &tokens, const nlohmann::json &greedy, const std::string &where,
                                   int64_t vocabSize) {
  GoldenPrompt prompt;
  DSRT_ASSIGN_OR_RETURN(prompt.tokens, tokenIds(tokens, where + ".prompts", vocabSize));
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(greedy, where + ".greedy"));
  DSRT_ASSIGN_OR_RETURN(const nlohmann::json *continuation, object.field("tokens"));
  DSRT_ASSIGN_OR_RETURN(prompt.greedy, tokenIds(*continuation, object.where("tokens"), vocabSize));
  DSRT_ASSIGN_OR_RETURN(const nlohmann::json *margins, object.array("margin"));
  for (const nlohmann::json &margin : *margins) {
    if (!margin.is_number())
      return Status::error(object.where("margin") + " must hold numbers, got " + describeJson(margin));
    prompt.margins.push_back(margin.get<double>());
  }
  if (prompt.tokens.empty() || prompt.greedy.empty() || prompt.margins.size() != prompt.greedy.size())
    return Status::error(where + " must have a prompt, and one margin for each greedy token");
  return prompt;
}

StatusOr<std::vector<float>> logitsOf(const SafetensorsReader &file, const std::string &name, int64_t maxRows,
                                      int64_t vocabSize) {
  const SafetensorsEntry *entry = file.find(name);
  if (!entry)
    return Status::error(file.path() + " has no tensor '" + name + "'");
  if (entry->dtype != DType::F32 || entry->shape.size() != 2 || entry->shape[0] > maxRows ||
      entry->shape[1] != vocabSize)
    return Status::error(file.path() + ": tensor '" + name + "' is " + entry->dtypeName + " " +
                         shapeText(entry->shape) + ", expected F32 [at most " + std::to_string(maxRows) + ", " +
                         std::to_string(vocabSize) + "]");
  std::span<const std::byte> data = file.data(*entry);
  std::vector<float> values(data.size() / sizeof(float));
  std::memcpy(values.data(), data.data(), data.size());
  return values;
}

// Reads rounding.json beside the golden, if it exists, into the prompts.
Status loadRounding(const std::string &path, std::vector<GoldenPrompt> &prompts) {
  if (!std::filesystem::exists(path))
    return Status();
  DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(path, maxJsonBytes));
  DSRT_ASSIGN_OR_RETURN(nlohmann::json parsed, parseJson(text, path));
  DSRT_ASSIGN_OR_RETURN(JsonObject root, JsonObject::of(parsed, path));
  DSRT_ASSIGN_OR_RETURN(const nlohmann::json *bounds, root.array("prompts"));
  if (bounds->size() != prompts.size())
    return Status::error(path + " has bounds for " + std::to_string(bounds->size()) + " prompts, the golden has " +
                         std::to_string(prompts.size()));
  for (size_t i = 0; i < prompts.size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(JsonObject object,
                          JsonObject::of((*bounds)[i], path + ": prompts[" + std::to_string(i) + "]"));
    RoundingBound bound;
    for (auto [name, value] : {std::pair("logits", &bound.logits), std::pair("steps", &bound.steps)}) {
      DSRT_ASSIGN_OR_RETURN(const nlohmann::json *number, object.field(name));
      if (!number->is_number() || !(number->get<double>() >= 0))
        return Status::error(object.where(name) + " must be a number that is not negative, got " + describeJson(*number));
      *value = number->get<double>();
    }
    DSRT_ASSIGN_OR_RETURN(bound.equal, object.integer("equal", 0, static_cast<int64_t>(prompts[i].greedy.size())));
    prompts[i].rounding = bound;
  }
  return Status();
}
} // namespace

StatusOr<Golden> Golden::load(const std::string &path, int64_t vocabSize) {
  DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(path, maxJsonBytes));
  DSRT_ASSIGN_OR_RETURN(nlohmann::json parsed, parseJson(text, path));
  DSRT_ASSIGN_OR_RETURN(JsonObject root, JsonObject::of(parsed, path));
  DSRT_ASSIGN_OR_RETURN(const nlohmann::json *prompts, root.array("prompts"));
  DSRT_ASSIGN_OR_RETURN(const nlohmann::json *greedy, root.array("greedy"));
  if (prompts->empty() || prompts->size() != greedy->size())
    return Status::error(path + " has " + std::to_string(prompts->size()) + " prompts and " +
                         std::to_string(greedy->size()) + " greedy continuations, expected as many of both");
  std::string stem =
      path.size() > 5 && path.compare(path.size() - 5, 5, ".json") == 0 ? path.substr(0, path.size() - 5) : path;
  DSRT_ASSIGN_OR_RETURN(SafetensorsReader file, SafetensorsReader::open(stem + ".safetensors"));
  Golden golden;
  for (size_t i = 0; i < prompts->size(); ++i) {
    std::string name = "prompt" + std::to_string(i);
    DSRT_ASSIGN_OR_RETURN(GoldenPrompt prompt, parsePrompt((*prompts)[i], (*greedy)[i], path + ": " + name, vocabSize));
    int64_t length = static_cast<int64_t>(prompt.tokens.size());
    DSRT_ASSIGN_OR_RETURN(prompt.logits, logitsOf(file, name + ".logits", length, vocabSize));
    DSRT_ASSIGN_OR_RETURN(prompt.stepLogits,
                          logitsOf(file, name + ".step_logits", static_cast<int64_t>(prompt.greedy.size()), vocabSize));
    if (prompt.logits.size() != static_cast<size_t>(length * vocabSize))
      return Status::error(file.path() + ": tensor '" + name + ".logits' has fewer rows than the prompt's " +
                           std::to_string(length) + " tokens");
    golden.prompts.push_back(std::move(prompt));
  }
  std::filesystem::path rounding = std::filesystem::path(path).replace_filename("rounding.json");
  DSRT_RETURN_IF_ERROR(loadRounding(rounding.string(), golden.prompts));
  return golden;
}

} // namespace dsrt
