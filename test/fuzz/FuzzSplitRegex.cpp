// Input: a pattern, and behind the first line a text that it splits.
#include "runtime/text/SplitRegex.h"
#include "runtime/text/Unicode.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace dsrt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t line = input.find('\n');
  StatusOr<SplitRegex> regex = SplitRegex::compile(input.substr(0, line), "fuzz");
  if (!regex.ok())
    return 0;
  std::string text = toValidUtf8(line == std::string_view::npos ? "ab 12\n\n  \u00e9\u4e00!" : input.substr(line + 1));
  SplitRegex::Scratch scratch;
  std::vector<SplitRegex::Match> matches;
  if (!regex->findAll(text, scratch, matches).ok())
    return 0;
  uint32_t end = 0;
  for (SplitRegex::Match match : matches) {
    if (match.begin < end || match.end < match.begin || match.end > text.size())
      abort();
    end = match.end;
  }
  return 0;
}
