// UTF-8, and sets of code points with the character classes of the reference tokenizer.
//
// The classes come from a table (UnicodeData.inc) made from the reference package itself. Neither the C++ library nor
// PCRE2 is asked: each brings a Unicode version of its own, and a code point assigned in between would split text
// differently from the tokenizer that the model was trained with.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

inline constexpr char32_t maxCodePoint = 0x10FFFF;

// One decoded character: its code point and its length in bytes.
struct Utf8Char {
  char32_t codePoint;
  uint32_t length;
};

// The character at text[pos]. The text must be valid UTF-8 and pos a character's first byte.
Utf8Char decodeUtf8(std::string_view text, size_t pos);

// The offset of the first byte that is not part of well-formed UTF-8, or npos.
size_t findInvalidUtf8(std::string_view text);

// How the bytes at the start of `text` read: a whole character, the beginning of one that the end of `text` cuts off,
// or bytes that no continuation can make valid. `length` counts the bytes concerned (for Invalid: the longest prefix
// that could have begun a character, at least 1; each such prefix becomes one U+FFFD).
struct Utf8Prefix {
  enum Kind { Complete, Incomplete, Invalid } kind;
  uint32_t length;
};
Utf8Prefix scanUtf8(std::string_view text);

// `bytes` with every ill-formed part replaced by U+FFFD.
std::string toValidUtf8(std::string_view bytes);

void appendUtf8(std::string &text, char32_t codePoint);

// A set of code points, as sorted, disjoint and non-adjacent closed ranges.
class CodePointSet {
public:
  struct Range {
    char32_t first, last;
    auto operator<=>(const Range &) const = default;
  };

  CodePointSet() = default;
  static CodePointSet of(char32_t c) { return ofRange(c, c); }
  static CodePointSet ofRange(char32_t first, char32_t last);
  // Any ranges, in any order.
  static CodePointSet ofRanges(std::vector<Range> ranges);

  CodePointSet operator|(const CodePointSet &other) const;
  CodePointSet operator&(const CodePointSet &other) const;
  CodePointSet operator~() const;
  bool contains(char32_t c) const;
  const std::vector<Range> &ranges() const { return sorted; }
  auto operator<=>(const CodePointSet &) const = default;

private:
  std::vector<Range> sorted;
};

// The code points of a general category, by its one- or two-letter name ("L", "Lu"); nothing for another name.
std::optional<CodePointSet> generalCategory(std::string_view name);

// \s, and Rust's char::is_whitespace.
const CodePointSet &whiteSpaceSet();
// \w of Oniguruma, which Split patterns use.
const CodePointSet &onigurumaWordSet();
// \w of Rust's regex crate, which the Whitespace pre-tokenizer and added tokens use.
const CodePointSet &rustWordSet();
// Rust's char::is_numeric, which the Digits pre-tokenizer uses.
const CodePointSet &numericSet();

} // namespace dsrt
