// Turns tokens into text while they are generated, one whole character at a time.
#pragma once

#include "runtime/text/Tokenizer.h"

#include <cstdint>
#include <string>

namespace dsrt {

class StreamDecoder {
public:
  // `tokenizer` must outlive this.
  StreamDecoder(const Tokenizer &tokenizer, bool skipSpecial) : tokenizer(&tokenizer), skipSpecial(skipSpecial) {}

  // The text that is certain once token `id` is known: valid UTF-8, possibly empty. A character that the tokens so far
  // have only begun is held back; bytes that can no longer become one come out as U+FFFD.
  std::string push(int32_t id);

  // What was held back, as U+FFFD, at the end of the tokens. Afterwards the decoder can be used anew.
  std::string finish();

private:
  const Tokenizer *tokenizer;
  bool skipSpecial;
  std::string pending; // the beginning of a character, at most 3 bytes between calls
};

} // namespace dsrt
