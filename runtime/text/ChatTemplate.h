// Renders a conversation as the text that a chat model was trained on, with the model's own Jinja template.
//
// Supported is the part of Jinja that chat templates use, with Hugging Face's settings (trim_blocks, lstrip_blocks,
// loop controls): if, for, set, break, continue; expressions with Python's operators; the usual filters, tests and
// methods of strings; namespace, range, dict and raise_exception. Anything else is an error that names file and line,
// found when the template is read where that is possible. Rendering is bounded in time and memory.
#pragma once

#include "runtime/core/Status.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace dsrt {

struct ChatMessage {
  std::string role; // "system", "user" or "assistant"
  std::string content;
};

class ChatTemplate {
public:
  // The template of a checkpoint directory: chat_template.jinja if it exists, else the chat_template of
  // tokenizer_config.json (of several, the one named "default"). An error if there is none.
  static StatusOr<ChatTemplate> load(const std::string &directory);

  // The same from the source; `where` (a file name) opens the messages of errors. The tokens are the template's
  // bos_token and eos_token, empty where the model has none.
  static StatusOr<ChatTemplate> parse(std::string_view source, const std::string &where, const std::string &bosToken,
                                      const std::string &eosToken);

  // The conversation as text. It contains the special tokens, so Tokenizer::encode takes it with addSpecial = false.
  // addGenerationPrompt: end with the words that begin the assistant's answer.
  // `variables`: an object with further variables of the template, such as {"thinking": true}.
  StatusOr<std::string> apply(std::span<const ChatMessage> messages, bool addGenerationPrompt,
                              const nlohmann::ordered_json &variables = nlohmann::ordered_json::object()) const;

  // The same with messages as the template sees them, for fields beyond role and content (tool_calls, prefix, ...):
  // an array of objects.
  StatusOr<std::string> apply(const nlohmann::ordered_json &messages, bool addGenerationPrompt,
                              const nlohmann::ordered_json &variables = nlohmann::ordered_json::object()) const;

private:
  struct Parsed;
  explicit ChatTemplate(std::shared_ptr<const Parsed> parsed) : parsed(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed;
};

} // namespace dsrt
