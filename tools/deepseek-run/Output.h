// Prints what requests return: one prompt's text as it is generated; of several prompts each one's text when it is
// complete, under a line with its number. Without a tokenizer, token ids.
#pragma once

#include "runtime/session/Session.h"
#include "runtime/text/StreamDecoder.h"

#include <map>
#include <optional>

namespace dsrt {

class Output {
public:
  Output(const std::optional<Tokenizer> &tokenizer, bool streams) : tokenizer(tokenizer), streams(streams) {}

  // Request `id` is prompt number `prompt`.
  void expect(RequestId id, size_t prompt);
  void token(RequestId id, int32_t token);
  void done(const Completion &completion);

private:
  struct Request {
    size_t prompt = 0;
    std::optional<StreamDecoder> decoder;
    std::string text;
    bool isFirst = true;
  };
  const std::optional<Tokenizer> &tokenizer;
  bool streams;
  std::map<RequestId, Request> requests;
};

} // namespace dsrt
