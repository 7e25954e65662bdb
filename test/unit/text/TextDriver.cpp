// Tokenizes and renders what it reads, for the scripts that compare the runtime with reference implementations.
//
//   text-driver tokenizer DIR   reads lines {"text": "...", "special": true} or {"ids": [1, 2], "skip": true} and
//   answers
//                               each with {"ids": [...]} or {"text": "...", "stream": "..."}, or {"error": "..."}
//   text-driver template        reads lines {"template": "...", "messages": [...], "variables": {...},
//                               "add_generation_prompt": true} and answers with {"text": "..."} or {"error": "..."};
//                               bos_token is "<bos>" and eos_token "<eos>"
#include "runtime/core/JsonFields.h"
#include "runtime/text/ChatTemplate.h"
#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unicode.h"

#include <cstdio>
#include <iostream>
#include <string>

using namespace dsrt;
using nlohmann::json;

static json answerTokenizer(const Tokenizer &tokenizer, const json &request) {
  if (request.contains("text")) {
    StatusOr<std::vector<int32_t>> ids =
        tokenizer.encode(request["text"].get<std::string>(), request["special"] == true);
    return ids.ok() ? json{{"ids", *ids}} : json{{"error", ids.status().message()}};
  }
  StatusOr<std::vector<int64_t>> wide = jsonIntegers(request["ids"], "ids", INT32_MIN, INT32_MAX);
  if (!wide.ok())
    return {{"error", wide.status().message()}};
  std::vector<int32_t> ids(wide->begin(), wide->end());
  bool skip = request["skip"] == true;
  StreamDecoder decoder(tokenizer, skip);
  std::string stream;
  for (int32_t id : ids)
    stream += decoder.push(id);
  stream += decoder.finish();
  return {{"text", toValidUtf8(tokenizer.decode(ids, skip))}, {"stream", stream}};
}

static json answerTemplate(const nlohmann::ordered_json &request) {
  StatusOr<ChatTemplate> chat = ChatTemplate::parse(request["template"].get<std::string>(), "t", "<bos>", "<eos>");
  if (!chat.ok())
    return {{"error", chat.status().message()}};
  StatusOr<std::string> text =
      chat->apply(request["messages"], request["add_generation_prompt"] == true, request["variables"]);
  return text.ok() ? json{{"text", *text}} : json{{"error", text.status().message()}};
}

static int answerTemplates() {
  for (std::string line; std::getline(std::cin, line);)
    std::cout << answerTemplate(nlohmann::ordered_json::parse(line, nullptr, false)).dump() << '\n';
  return 0;
}

static int answerTokenizers(const std::string &directory) {
  StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "text-driver: %s\n", tokenizer.status().message().c_str());
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    StatusOr<json> request = parseJson(line, "request");
    json answer = request.ok() ? answerTokenizer(*tokenizer, *request) : json{{"error", request.status().message()}};
    std::cout << answer.dump() << '\n';
  }
  return 0;
}

int main(int argc, char **argv) {
  std::ios::sync_with_stdio(false);
  std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "template" && argc == 2)
    return answerTemplates();
  if (mode == "tokenizer" && argc == 3)
    return answerTokenizers(argv[2]);
  std::fprintf(stderr, "usage: text-driver tokenizer DIR | text-driver template\n");
  return 2;
}
