#include "runtime/text/Unicode.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace dsrt {
namespace {

enum Category : uint8_t {
  // clang-format off
  Lu, Ll, Lt, Lm, Lo, Mn, Mc, Me, Nd, Nl, No, Pc, Pd, Ps, Pe, Pi, Pf, Po, Sm, Sc, Sk, So, Zs, Zl, Zp, Cc, Cf, Co, Cn
  // clang-format on
};
constexpr char categoryNames[] = "LuLlLtLmLoMnMcMeNdNlNoPcPdPsPePiPfPoSmScSkSoZsZlZpCcCfCoCn";

struct CategoryRun {
  char32_t first;
  Category category;
};
using CodePointRange = CodePointSet::Range;

#include "runtime/text/UnicodeData.inc"

template <size_t N> CodePointSet setOf(const CodePointRange (&ranges)[N]) {
  return CodePointSet::ofRanges({std::begin(ranges), std::end(ranges)});
}

CodePointSet category(const char *name) { return *generalCategory(name); }

} // namespace

//===- UTF-8
//-------------------------------------------------------------------------------------------------------===//

Utf8Char decodeUtf8(std::string_view text, size_t pos) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[pos + i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return {lead, 1};
  if (lead < 0xE0)
    return {char32_t(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0)
    return {char32_t(lead & 0x0F) << 12 | char32_t(byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {char32_t(lead & 0x07) << 18 | char32_t(byte(1) & 0x3F) << 12 | char32_t(byte(2) & 0x3F) << 6 |
              (byte(3) & 0x3F),
          4};
}

Utf8Prefix scanUtf8(std::string_view text) {
  assert(!text.empty());
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = byte(0);
  if (lead < 0x80)
    return {Utf8Prefix::Complete, 1};
  if (lead < 0xC2 || lead > 0xF4)
    return {Utf8Prefix::Invalid, 1};
  uint32_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and code points above U+10FFFF.
  unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (uint32_t i = 1; i < length; ++i) {
    if (i == text.size())
      return {Utf8Prefix::Incomplete, i};
    if (byte(i) < low || byte(i) > high)
      return {Utf8Prefix::Invalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {Utf8Prefix::Complete, length};
}

size_t findInvalidUtf8(std::string_view text) {
  for (size_t pos = 0; pos < text.size();) {
    Utf8Prefix prefix = scanUtf8(text.substr(pos, 4));
    if (prefix.kind != Utf8Prefix::Complete)
      return pos;
    pos += prefix.length;
  }
  return std::string_view::npos;
}

std::string toValidUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t pos = 0; pos < bytes.size();) {
    Utf8Prefix prefix = scanUtf8(bytes.substr(pos, 4));
    if (prefix.kind == Utf8Prefix::Complete)
      out += bytes.substr(pos, prefix.length);
    else
      appendUtf8(out, 0xFFFD);
    pos += prefix.length;
  }
  return out;
}

void appendUtf8(std::string &text, char32_t c) {
  assert(c <= maxCodePoint);
  if (c < 0x80) {
    text += char(c);
  } else if (c < 0x800) {
    text += char(0xC0 | c >> 6);
    text += char(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    text += char(0xE0 | c >> 12);
    text += char(0x80 | (c >> 6 & 0x3F));
    text += char(0x80 | (c & 0x3F));
  } else {
    text += char(0xF0 | c >> 18);
    text += char(0x80 | (c >> 12 & 0x3F));
    text += char(0x80 | (c >> 6 & 0x3F));
    text += char(0x80 | (c & 0x3F));
  }
}

//===- CodePointSet
//------------------------------------------------------------------------------------------------===//

CodePointSet CodePointSet::ofRange(char32_t first, char32_t last) {
  assert(first <= last && last <= maxCodePoint);
  CodePointSet set;
  set.sorted.push_back({first, last});
  return set;
}

CodePointSet CodePointSet::ofRanges(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  CodePointSet set;
  for (Range range : ranges) {
    if (!set.sorted.empty() && range.first <= set.sorted.back().last + 1)
      set.sorted.back().last = std::max(set.sorted.back().last, range.last);
    else
      set.sorted.push_back(range);
  }
  return set;
}

CodePointSet CodePointSet::operator|(const CodePointSet &other) const {
  std::vector<Range> all = sorted;
  all.insert(all.end(), other.sorted.begin(), other.sorted.end());
  return ofRanges(std::move(all));
}

CodePointSet CodePointSet::operator&(const CodePointSet &other) const { return ~(~*this | ~other); }

CodePointSet CodePointSet::operator~() const {
  CodePointSet set;
  char32_t next = 0;
  for (Range range : sorted) {
    if (range.first > next)
      set.sorted.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= maxCodePoint)
    set.sorted.push_back({next, maxCodePoint});
  return set;
}

bool CodePointSet::contains(char32_t c) const {
  auto after = std::upper_bound(sorted.begin(), sorted.end(), c, [](char32_t c, Range r) { return c < r.first; });
  return after != sorted.begin() && c <= std::prev(after)->last;
}

//===- Classes of the reference tokenizer
//--------------------------------------------------------------------------===//

std::optional<CodePointSet> generalCategory(std::string_view name) {
  if (name.empty() || name.size() > 2)
    return std::nullopt;
  std::vector<CodePointRange> ranges;
  bool known = false;
  bool wanted[std::size(categoryNames) / 2];
  for (size_t i = 0; i < std::size(wanted); ++i) {
    wanted[i] = std::string_view(categoryNames + 2 * i, name.size()) == name;
    known |= wanted[i];
  }
  if (!known)
    return std::nullopt;
  for (size_t i = 0; i < std::size(categoryRuns); ++i) {
    char32_t end = i + 1 < std::size(categoryRuns) ? categoryRuns[i + 1].first : maxCodePoint + 1;
    if (wanted[categoryRuns[i].category])
      ranges.push_back({categoryRuns[i].first, end - 1});
  }
  return CodePointSet::ofRanges(std::move(ranges));
}

const CodePointSet &whiteSpaceSet() {
  static const CodePointSet set = setOf(whiteSpace);
  return set;
}

const CodePointSet &onigurumaWordSet() {
  static const CodePointSet set = category("L") | category("Nl") | setOf(otherAlphabetic) | category("M") |
                                  category("Nd") | category("Pc") | setOf(onigurumaWordOnly);
  return set;
}

const CodePointSet &rustWordSet() {
  // Join controls (ZWNJ and ZWJ) belong to Rust's \w, superscripts and fractions do not.
  static const CodePointSet set = category("L") | category("Nl") | setOf(otherAlphabetic) | category("M") |
                                  category("Nd") | category("Pc") | CodePointSet::ofRange(0x200C, 0x200D);
  return set;
}

const CodePointSet &numericSet() {
  static const CodePointSet set = category("N") | setOf(laterNumeric);
  return set;
}

} // namespace dsrt
