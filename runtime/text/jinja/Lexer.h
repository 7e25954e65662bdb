// Cuts a template into tokens: text, and what stands in {{ }} and {% %}.
#pragma once

#include "runtime/core/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt::jinja {

struct Token {
  enum Kind {
    Text,          // between tags, white space already removed as the tags ask
    VariableBegin, // {{
    VariableEnd,   // }}
    BlockBegin,    // {%
    BlockEnd,      // %}
    Name,
    String, // with its escapes replaced
    Integer,
    Float,
    Operator,
    End,
  } kind;
  int line; // from 1
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

// Tokens of `source`, the last of kind End. As Hugging Face does, the newline after a block and the blanks before one
// are dropped (trim_blocks, lstrip_blocks), and so is a newline at the end of the template. Comments and raw blocks are
// resolved here. Messages read "WHERE:LINE: ...".
StatusOr<std::vector<Token>> tokenize(std::string_view source, const std::string &where);

// Whether Python's str.isspace holds for the character.
bool isPythonSpace(char32_t c);
// `text` without Python's white space at its start or end.
std::string_view stripLeft(std::string_view text);
std::string_view stripRight(std::string_view text);

} // namespace dsrt::jinja
