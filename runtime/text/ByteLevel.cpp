#include "runtime/text/ByteLevel.h"
#include "runtime/text/Unicode.h"

namespace dsrt {
namespace {

bool standsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
}

// By character, below 0x180: its byte, or -1.
std::array<int, 0x180> makeInverse() {
  std::array<int, 0x180> inverse;
  inverse.fill(-1);
  for (int byte = 0; byte < 256; ++byte)
    inverse[byteLevelAlphabet()[byte]] = byte;
  return inverse;
}

} // namespace

const std::array<char32_t, 256> &byteLevelAlphabet() {
  static const std::array<char32_t, 256> alphabet = [] {
    std::array<char32_t, 256> made;
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte)
      made[byte] = standsForItself(byte) ? char32_t(byte) : next++;
    return made;
  }();
  return alphabet;
}

std::optional<std::string> byteLevelDecode(std::string_view token) {
  static const std::array<int, 0x180> inverse = makeInverse();
  std::string bytes;
  for (size_t pos = 0; pos < token.size();) {
    Utf8Char c = decodeUtf8(token, pos);
    if (c.codePoint >= inverse.size() || inverse[c.codePoint] < 0)
      return std::nullopt;
    bytes += char(inverse[c.codePoint]);
    pos += c.length;
  }
  return bytes;
}

} // namespace dsrt
