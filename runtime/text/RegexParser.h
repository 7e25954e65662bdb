// Reads the part of Oniguruma's regular expression syntax that tokenizer.json files use.
#pragma once

#include "runtime/core/Status.h"
#include "runtime/text/Unicode.h"

#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

// A pattern as a list whose concatenation is the pattern: pieces of syntax that Oniguruma and PCRE2 read alike
// (groups, alternation, quantifiers, \A, \z) and, for everything that looks at a character, the set it accepts.
struct RegexItem {
  enum Kind { Syntax, OneOf } kind;
  std::string syntax; // Syntax
  CodePointSet set;   // OneOf
};

// Refuses what it does not know (named groups, back references, \X, scripts, case-insensitivity, ...) by name and byte
// offset; `where` opens the message.
StatusOr<std::vector<RegexItem>> parseRegex(std::string_view pattern, const std::string &where);

} // namespace dsrt
