// Input: a tokenizer.json, and behind a line "---" an optional tokenizer_config.json, and behind another a text.
#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unicode.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace dsrt;

// What stands before the next separator line; `rest` keeps what is behind it.
static std::string_view nextPart(std::string_view &rest) {
  constexpr std::string_view separator = "\n---\n";
  size_t end = rest.find(separator);
  std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + separator.size());
  return part;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view rest(reinterpret_cast<const char *>(data), size);
  std::string_view json = nextPart(rest), config = nextPart(rest);
  std::string text = toValidUtf8(rest.empty() ? "The cat's 12 mice,\r\n  不同 \u00e9<bos> \t" : rest);
  StatusOr<Tokenizer> tokenizer = Tokenizer::parse(json, config, "fuzz");
  if (!tokenizer.ok())
    return 0;
  StatusOr<std::vector<int32_t>> ids = tokenizer->encode(text, /*addSpecial=*/true);
  if (!ids.ok())
    return 0;
  StreamDecoder decoder(*tokenizer, /*skipSpecial=*/false);
  std::string stream;
  for (int32_t id : *ids) {
    if (id < 0 || id >= tokenizer->size())
      abort();
    stream += decoder.push(id);
  }
  stream += decoder.finish();
  if (stream != toValidUtf8(tokenizer->decode(*ids, /*skipSpecial=*/false)))
    abort();
  return 0;
}
