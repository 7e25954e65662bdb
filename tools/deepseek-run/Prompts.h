// What the user asks, as token ids.
#pragma once

#include "runtime/core/Manifest.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/text/Tokenizer.h"

#include <optional>
#include <string>
#include <vector>

namespace dsrt {

struct PromptOptions {
  std::vector<std::string> texts, files, tokenLists; // --prompt, --prompt-file, --tokens
  std::string tokenizer;                             // directory; empty: that of the weights, if it has one
  bool chat = false;                                 // each text is a user's message
  std::string system;                                // of the chat; empty: none
};

struct TextTools {
  std::string directory;
  std::optional<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat; // with PromptOptions::chat
};

// The tokenizer, if there is one; an error where it does not suit the model or where the prompts need one and there is
// none.
StatusOr<TextTools> loadTextTools(const PromptOptions &options, const std::string &weights, const ModelInfo &model);

// All prompts: texts, then files, then token lists.
StatusOr<std::vector<std::vector<int32_t>>> makePrompts(const PromptOptions &options, const TextTools &tools);

} // namespace dsrt
