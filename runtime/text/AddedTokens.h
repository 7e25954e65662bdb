// Finds added tokens (special tokens and the like) in text, before it is split into words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

// One entry of "added_tokens".
struct AddedToken {
  int32_t id;
  std::string content;
  bool singleWord = false; // only where no word character touches it
  bool lstrip = false;     // takes the white space on its left
  bool rstrip = false;     // takes the white space on its right
  bool normalized = false; // looked for only after the tokens that are not
  bool special = false;
};

// Searches for many tokens at once; the longest of those that begin at the leftmost place wins.
class AddedTokenMatcher {
public:
  // Takes tokens with distinct, non-empty contents.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  // A part of the text: an added token, or text between them (id -1).
  struct Part {
    uint32_t begin, end; // byte offsets, end exclusive
    int32_t id;
  };
  // Appends the parts of text[begin, end) to `parts`; together they cover it, except white space that a token took.
  void split(std::string_view text, uint32_t begin, uint32_t end, std::vector<Part> &parts) const;

private:
  struct Node {
    int32_t token = -1;                             // index into `tokens` where one ends here
    std::vector<std::pair<uint8_t, uint32_t>> next; // by byte: the node after it
  };
  uint32_t step(uint32_t node, uint8_t byte) const;

  std::vector<AddedToken> tokens;
  std::vector<Node> nodes; // a trie of the contents; node 0 is the root
};

} // namespace dsrt
