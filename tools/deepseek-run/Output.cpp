#include "tools/deepseek-run/Output.h"

#include <cstdio>

namespace dsrt {

static void print(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Output::expect(RequestId id, size_t prompt) {
  Request &request = requests[id];
  request.prompt = prompt;
  if (tokenizer)
    request.decoder.emplace(*tokenizer, /*skipSpecial=*/true);
}

void Output::token(RequestId id, int32_t token) {
  Request &request = requests[id];
  std::string piece =
      request.decoder ? request.decoder->push(token) : (request.isFirst ? "" : ",") + std::to_string(token);
  request.isFirst = false;
  if (streams)
    print(piece);
  else
    request.text += piece;
}

void Output::done(const Completion &completion) {
  Request &request = requests[completion.id];
  std::string rest = request.decoder ? request.decoder->finish() : "";
  if (streams)
    print(rest + "\n");
  else
    print("[" + std::to_string(request.prompt) + "]\n" + request.text + rest + "\n");
}

} // namespace dsrt
