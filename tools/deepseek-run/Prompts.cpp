#include "tools/deepseek-run/Prompts.h"

#include "runtime/core/MappedFile.h"
#include "tools/runner/CommandLine.h"

#include <filesystem>

namespace dsrt {

namespace fs = std::filesystem;

static constexpr size_t maxPromptBytes = size_t(1) << 28;

StatusOr<TextTools> loadTextTools(const PromptOptions &options, const std::string &weights, const ModelInfo &model) {
  TextTools tools;
  tools.directory = options.tokenizer;
  std::error_code error;
  if (tools.directory.empty() && fs::exists(weights + "/tokenizer.json", error))
    tools.directory = weights;
  if (tools.directory.empty()) {
    if (!options.texts.empty() || !options.files.empty())
      return Status::error("text prompts need a tokenizer: give --tokenizer DIR, or --tokens \"1,2,3\"");
    return tools;
  }
  DSRT_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::load(tools.directory));
  // A model may have more rows than the tokenizer has tokens (padding), but not fewer.
  if (tokenizer.size() > model.vocabSize)
    return Status::error("the tokenizer in " + tools.directory + " has " + std::to_string(tokenizer.size()) +
                         " tokens, the model's vocabulary holds only " + std::to_string(model.vocabSize));
  tools.tokenizer.emplace(std::move(tokenizer));
  if (options.chat) {
    DSRT_ASSIGN_OR_RETURN(tools.chat, ChatTemplate::load(tools.directory));
  }
  return tools;
}

// A text as it is, or a conversation of one message. The template writes the special tokens itself.
static StatusOr<std::vector<int32_t>> encode(const std::string &text, const PromptOptions &options,
                                             const TextTools &tools) {
  if (!tools.chat)
    return tools.tokenizer->encode(text, /*addSpecial=*/true);
  std::vector<ChatMessage> messages;
  if (!options.system.empty())
    messages.push_back({"system", options.system});
  messages.push_back({"user", text});
  DSRT_ASSIGN_OR_RETURN(std::string rendered, tools.chat->apply(messages, /*addGenerationPrompt=*/true));
  return tools.tokenizer->encode(rendered, /*addSpecial=*/false);
}

StatusOr<std::vector<std::vector<int32_t>>> makePrompts(const PromptOptions &options, const TextTools &tools) {
  std::vector<std::string> texts = options.texts;
  for (const std::string &file : options.files) {
    DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(file, maxPromptBytes));
    texts.push_back(std::move(text));
  }
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string &text : texts) {
    DSRT_ASSIGN_OR_RETURN(std::vector<int32_t> tokens, encode(text, options, tools));
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
