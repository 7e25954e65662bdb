// The alphabet of byte-level BPE: each byte written as one printable character, so that a vocabulary of arbitrary bytes
// can be JSON text. Printable Latin-1 bytes stand for themselves, the others for U+0100 and up, in order.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace dsrt {

// The character of each byte.
const std::array<char32_t, 256> &byteLevelAlphabet();

// The bytes that a token's text stands for, or nothing where a character is not of the alphabet.
std::optional<std::string> byteLevelDecode(std::string_view token);

} // namespace dsrt
