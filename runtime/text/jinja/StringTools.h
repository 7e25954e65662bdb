// Python's operations on strings, counted in characters where Python counts so.
#pragma once

#include "runtime/core/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt::jinja {

// str.split and str.rsplit. Without a separator, runs of white space separate; a negative `most` is no limit.
std::vector<std::string_view> splitText(std::string_view text, const std::string *separator, int64_t most,
                                        bool fromRight);
std::vector<std::string_view> splitLines(std::string_view text);

// str.strip: without `characters`, white space.
std::string_view stripText(std::string_view text, const std::string *characters, bool left, bool right);

// The number of characters.
int64_t lengthOf(std::string_view text);
// str.find: a position in characters, or -1.
int64_t findText(std::string_view text, std::string_view sought);
int64_t countText(std::string_view text, std::string_view sought);

// str.upper, lower, capitalize or title, of ASCII only: other characters change case by rules that this runtime lacks.
StatusOr<std::string> changeCase(const std::string &text, const std::string &how);

} // namespace dsrt::jinja
