// A regular expression of a pre-tokenizer, compiled to run on PCRE2 over an alphabet of character classes.
//
// A pattern tells only some characters apart: \p{L}+|\s+ sees letters, spaces and the rest. Compiling numbers these
// classes, rewrites the pattern over the numbers, and matching first maps each character of the text to its class, one
// byte each. PCRE2 then works on plain bytes, so the answer depends on our Unicode table alone, not on PCRE2's.
#pragma once

#include "runtime/core/Status.h"
#include "runtime/text/RegexParser.h"
#include "runtime/text/Unicode.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

class SplitRegex {
public:
  // A match as byte offsets into the text; end is exclusive and may equal begin.
  struct Match {
    uint32_t begin, end;
  };
  // Working memory for findAll, to be reused between calls; one per thread.
  class Scratch {
  public:
    Scratch();
    ~Scratch();

  private:
    friend class SplitRegex;
    std::vector<uint8_t> classes;  // the class of each character
    std::vector<uint32_t> offsets; // the first byte of each character, and the end of the text
    void *matchData;
  };

  // `where` opens the message of an error.
  static StatusOr<SplitRegex> compile(std::string_view pattern, const std::string &where);
  static StatusOr<SplitRegex> compile(const std::vector<RegexItem> &items, const std::string &where);
  // Matches the text itself, character for character.
  static StatusOr<SplitRegex> literal(std::string_view text, const std::string &where);

  // Every match from left to right, as Oniguruma's scan yields them: an empty match is dropped where the previous match
  // ended. `text` is valid UTF-8 of less than 4 GiB. Fails only when a match takes more than PCRE2's limits.
  Status findAll(std::string_view text, Scratch &scratch, std::vector<Match> &matches) const;

private:
  SplitRegex() = default;
  void buildClassTable(const std::vector<CodePointSet::Range> &runs, const std::vector<uint8_t> &runClasses);
  uint8_t classOf(char32_t c) const { return pages[pageOf[c >> 8]][c & 0xFF]; }

  std::string where;
  std::vector<std::array<uint8_t, 256>> pages;
  std::vector<uint16_t> pageOf; // by code point / 256
  std::shared_ptr<void> code;
};

} // namespace dsrt
