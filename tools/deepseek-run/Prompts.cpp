#include "tools/deepseek-run/Prompts.h"

#include "runtime/core/MappedFile.h"
#include "tools/runner/CommandLine.h"

#include <filesystem>

namespace dsrt {

namespace fs = std::filesystem;

static constexpr size_t maxPromptBytes = size_t(1) << 28;

StatusOr<std::optional<Tokenizer>> loadTokenizer(const PromptOptions &options, const std::string &weights,
                                                 const ModelInfo &model) {
  std::string directory = options.tokenizer;
  std::error_code error;
  if (directory.empty() && fs::exists(weights + "/tokenizer.json", error))
    directory = weights;
  if (directory.empty()) {
    if (!options.texts.empty() || !options.files.empty())
      return Status::error("text prompts need a tokenizer: give --tokenizer DIR, or --tokens \"1,2,3\"");
    return std::optional<Tokenizer>();
  }
  DSRT_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::load(directory));
  // A model may have more rows than the tokenizer has tokens (padding), but not fewer.
  if (tokenizer.size() > model.vocabSize)
    return Status::error("the tokenizer in " + directory + " has " + std::to_string(tokenizer.size()) +
                         " tokens, the model's vocabulary holds only " + std::to_string(model.vocabSize));
  return std::optional<Tokenizer>(std::move(tokenizer));
}

StatusOr<std::vector<std::vector<int32_t>>> makePrompts(const PromptOptions &options,
                                                        const std::optional<Tokenizer> &tokenizer) {
  std::vector<std::string> texts = options.texts;
  for (const std::string &file : options.files) {
    DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(file, maxPromptBytes));
    texts.push_back(std::move(text));
  }
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string &text : texts) {
    DSRT_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, tokenizer->encode(text, /*addSpecial=*/true));
    prompts.push_back(std::move(tokens));
  }
  for (const std::string &list : options.tokenLists) {
    DSRT_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, parseTokenList(list, "a token of --tokens"));
    prompts.push_back(std::move(tokens));
  }
  if (prompts.empty())
    return Status::error("nothing to do: give --prompt TEXT, --prompt-file FILE, --tokens \"1,2,3\" or --check FILE");
  return prompts;
}

} // namespace dsrt
