// Encoding and decoding. TokenizerFile.cpp reads the files.
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unicode.h"

namespace dsrt {

namespace {
constexpr size_t maxTextBytes = 1 << 30;
}

std::string_view Tokenizer::tokenBytes(int32_t id) const {
  if (id < 0 || id >= size())
    return {};
  return std::string_view(bytes).substr(tokens[id].offset, tokens[id].length);
}

bool Tokenizer::isSpecial(int32_t id) const { return id >= 0 && id < size() && tokens[id].special; }

std::optional<int32_t> Tokenizer::idOf(std::string_view token) const {
  for (const auto *ids : {&addedIds, &model.vocabulary()}) {
    if (auto it = ids->find(std::string(token)); it != ids->end())
      return it->second;
  }
  return std::nullopt;
}

StatusOr<std::vector<int32_t>> Tokenizer::encode(std::string_view text, bool addSpecial) const {
  if (text.size() >= maxTextBytes)
    return Status::error("the text to encode has " + std::to_string(text.size()) + " bytes, expected less than " +
                         std::to_string(maxTextBytes));
  if (size_t bad = findInvalidUtf8(text); bad != std::string_view::npos)
    return Status::error("the text to encode is not UTF-8 at byte " + std::to_string(bad));
  std::vector<int32_t> ids;
  for (std::optional<int32_t> special : sequence) {
    if (!special)
      DSRT_RETURN_IF_ERROR(encodeText(text, ids));
    else if (addSpecial)
      ids.push_back(*special);
  }
  return ids;
}

Status Tokenizer::encodeText(std::string_view text, std::vector<int32_t> &ids) const {
  std::vector<AddedTokenMatcher::Part> outer, parts;
  plainTokens.split(text, 0, uint32_t(text.size()), outer);
  for (const AddedTokenMatcher::Part &part : outer) {
    if (part.id >= 0)
      parts.push_back(part);
    else
      normalizedTokens.split(text, part.begin, part.end, parts);
  }
  PreTokenizer::Scratch scratch;
  BpeModel::Scratch bpe;
  for (const AddedTokenMatcher::Part &part : parts) {
    if (part.id >= 0) {
      ids.push_back(part.id);
      continue;
    }
    DSRT_ASSIGN_OR_RETURN(const Pieces *words,
                          preTokenizer.split(text.substr(part.begin, part.end - part.begin), scratch));
    uint32_t start = 0;
    for (uint32_t end : words->ends) {
      model.encode(std::string_view(words->text).substr(start, end - start), bpe, ids);
      start = end;
    }
  }
  return {};
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skipSpecial) const {
  std::string text;
  for (int32_t id : ids) {
    if (!skipSpecial || !isSpecial(id))
      text += tokenBytes(id);
  }
  return text;
}

} // namespace dsrt
