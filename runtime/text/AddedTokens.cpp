#include "runtime/text/AddedTokens.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

namespace dsrt {
namespace {

// The first byte of the character that ends before `end`.
size_t previousChar(std::string_view text, size_t end) {
  do
    --end;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool touchesWord(std::string_view text, size_t begin, size_t end) {
  const CodePointSet &word = rustWordSet();
  return (begin > 0 && word.contains(decodeUtf8(text, previousChar(text, begin)).codePoint)) ||
         (end < text.size() && word.contains(decodeUtf8(text, end).codePoint));
}

} // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> list) : tokens(std::move(list)), nodes(1) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    uint32_t node = 0;
    for (char c : tokens[i].content) {
      uint32_t after = step(node, uint8_t(c));
      if (!after) {
        after = uint32_t(nodes.size());
        nodes[node].next.emplace_back(uint8_t(c), after);
        nodes.emplace_back();
      }
      node = after;
    }
    nodes[node].token = int32_t(i);
  }
}

// Zero, the root, where no token goes on.
uint32_t AddedTokenMatcher::step(uint32_t node, uint8_t byte) const {
  for (auto [b, after] : nodes[node].next) {
    if (b == byte)
      return after;
  }
  return 0;
}

void AddedTokenMatcher::split(std::string_view text, uint32_t begin, uint32_t end, std::vector<Part> &parts) const {
  text = text.substr(begin, end - begin);
  const CodePointSet &space = whiteSpaceSet();
  size_t done = 0; // the text before is in `parts`
  auto emit = [&](size_t from, size_t to, int32_t id) {
    if (from < to || id >= 0)
      parts.push_back({uint32_t(begin + from), uint32_t(begin + to), id});
  };
  for (size_t pos = 0; pos < text.size();) {
    const AddedToken *found = nullptr;
    uint32_t node = 0;
    for (size_t i = pos; i < text.size() && (node = step(node, uint8_t(text[i]))); ++i) {
      if (nodes[node].token >= 0)
        found = &tokens[nodes[node].token];
    }
    if (!found) {
      ++pos;
      continue;
    }
    size_t from = pos, to = pos + found->content.size();
    pos = to; // the search goes on behind the token itself, also where stripping takes more, as in the reference
    if (found->singleWord && touchesWord(text, from, to))
      continue;
    if (found->lstrip) {
      while (from > done && space.contains(decodeUtf8(text, previousChar(text, from)).codePoint))
        from = previousChar(text, from);
    }
    if (found->rstrip) {
      while (to < text.size()) {
        Utf8Char c = decodeUtf8(text, to);
        if (!space.contains(c.codePoint))
          break;
        to += c.length;
      }
    }
    emit(done, from, -1);
    emit(from, to, found->id);
    done = to;
  }
  emit(done, text.size(), -1);
}

} // namespace dsrt
