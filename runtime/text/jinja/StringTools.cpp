#include "runtime/text/jinja/StringTools.h"
#include "runtime/text/Unicode.h"
#include "runtime/text/jinja/Lexer.h"

#include <algorithm>
#include <cctype>

namespace dsrt::jinja {

namespace {

// The end of the run of characters that begins at `pos` and are all white space, or all not.
size_t endOfRun(std::string_view text, size_t pos, bool space) {
  while (pos < text.size()) {
    Utf8Char c = decodeUtf8(text, pos);
    if (isPythonSpace(c.codePoint) != space)
      break;
    pos += c.length;
  }
  return pos;
}

std::vector<std::string_view> splitAtSpace(std::string_view text, size_t most, bool fromRight) {
  std::vector<std::string_view> words;
  for (size_t pos = endOfRun(text, 0, true); pos < text.size();) {
    size_t end = endOfRun(text, pos, false);
    words.push_back(text.substr(pos, end - pos));
    pos = endOfRun(text, end, true);
  }
  if (words.empty() || words.size() - 1 <= most)
    return words;
  // Beyond the limit, the words that are left over stay one.
  if (fromRight) {
    size_t last = words.size() - most - 1; // of the words that stay one; white space before them is kept
    const char *end = words[last].data() + words[last].size();
    words.erase(words.begin(), words.begin() + ptrdiff_t(last));
    words[0] = std::string_view(text.data(), size_t(end - text.data()));
  } else {
    const char *first = words[most].data();
    words.resize(most + 1);
    words[most] = std::string_view(first, size_t(text.data() + text.size() - first));
  }
  return words;
}

} // namespace

std::vector<std::string_view> splitText(std::string_view text, const std::string *separator, int64_t limit,
                                        bool fromRight) {
  size_t most = limit < 0 ? SIZE_MAX : size_t(limit);
  if (!separator)
    return splitAtSpace(text, most, fromRight);
  std::vector<std::string_view> parts;
  if (fromRight) {
    while (parts.size() < most) {
      size_t found = text.rfind(*separator);
      if (found == std::string_view::npos)
        break;
      parts.push_back(text.substr(found + separator->size()));
      text = text.substr(0, found);
    }
    parts.push_back(text);
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  while (parts.size() < most) {
    size_t found = text.find(*separator);
    if (found == std::string_view::npos)
      break;
    parts.push_back(text.substr(0, found));
    text = text.substr(found + separator->size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> splitLines(std::string_view text) {
  // What Python takes for the end of a line.
  auto endsLine = [](char32_t c) {
    return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
  };
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t pos = 0; pos < text.size();) {
    Utf8Char c = decodeUtf8(text, pos);
    size_t end = pos;
    pos += c.length;
    if (!endsLine(c.codePoint))
      continue;
    pos += c.codePoint == '\r' && text.substr(pos).starts_with('\n');
    lines.push_back(text.substr(start, end - start));
    start = pos;
  }
  if (start < text.size())
    lines.push_back(text.substr(start));
  return lines;
}

std::string_view stripText(std::string_view text, const std::string *characters, bool left, bool right) {
  if (!characters) {
    text = left ? stripLeft(text) : text;
    return right ? stripRight(text) : text;
  }
  std::vector<CodePointSet::Range> ranges;
  for (size_t pos = 0; pos < characters->size();) {
    Utf8Char c = decodeUtf8(*characters, pos);
    ranges.push_back({c.codePoint, c.codePoint});
    pos += c.length;
  }
  CodePointSet set = CodePointSet::ofRanges(std::move(ranges));
  while (left && !text.empty() && set.contains(decodeUtf8(text, 0).codePoint))
    text.remove_prefix(decodeUtf8(text, 0).length);
  while (right && !text.empty()) {
    size_t last = text.size() - 1;
    while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80)
      --last;
    if (!set.contains(decodeUtf8(text, last).codePoint))
      break;
    text = text.substr(0, last);
  }
  return text;
}

int64_t lengthOf(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

int64_t findText(std::string_view text, std::string_view sought) {
  size_t found = text.find(sought);
  return found == std::string_view::npos ? -1 : lengthOf(text.substr(0, found));
}

int64_t countText(std::string_view text, std::string_view sought) {
  if (sought.empty())
    return lengthOf(text) + 1;
  int64_t count = 0;
  for (size_t pos = 0; (pos = text.find(sought, pos)) != std::string_view::npos; pos += sought.size())
    ++count;
  return count;
}

StatusOr<std::string> changeCase(const std::string &text, const std::string &how) {
  std::string out = text;
  bool afterLetter = false; // whether a word, for capitalize the text, has begun
  for (char &c : out) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80)
      return Status::error("'" + how + "' of text that is not ASCII is not supported");
    bool up = how == "upper" || (how != "lower" && !afterLetter);
    c = char(up ? std::toupper(byte) : std::tolower(byte));
    afterLetter = how == "capitalize" || std::isalpha(byte);
  }
  return out;
}

} // namespace dsrt::jinja
