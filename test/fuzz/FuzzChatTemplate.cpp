// Input: a chat template, which renders a fixed conversation.
#include "runtime/text/ChatTemplate.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace dsrt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const auto messages = nlohmann::ordered_json::parse(
      R"([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a \u00e9 1"},
          {"role": "assistant", "content": null, "tool_calls": [{"type": "f", "function": {"name": "n"}}]},
          {"role": "tool", "content": "<think>x</think>"}])");
  static const auto variables = nlohmann::ordered_json::parse(
      R"({"n": 3, "x": 2.5, "s": "Hello, W\u00f6rld", "l": [1, 2, "a", [null]], "d": {"a": 1, "b": {"c": true}}})");
  std::string_view source(reinterpret_cast<const char *>(data), size);
  StatusOr<ChatTemplate> chat = ChatTemplate::parse(source, "fuzz", "<bos>", "<eos>");
  if (!chat.ok()) {
    if (!chat.status().message().starts_with("fuzz"))
      abort(); // every message says where
    return 0;
  }
  StatusOr<std::string> text = chat->apply(messages, /*addGenerationPrompt=*/true, variables);
  if (!text.ok() && !text.status().message().starts_with("fuzz:"))
    abort();
  return 0;
}
