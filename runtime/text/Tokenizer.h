// Text to token ids and back, as a Hugging Face tokenizer.json describes it (byte-level BPE).
//
// The results are those of the reference `tokenizers` package, which test/unit/text/compare_tokenizers.py checks. What
// this class cannot do exactly as the reference does, it refuses by name when the file is read.
#pragma once

#include "runtime/core/Status.h"
#include "runtime/text/AddedTokens.h"
#include "runtime/text/BpeModel.h"
#include "runtime/text/PreTokenizer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dsrt {

class Tokenizer {
public:
  // Reads DIRECTORY/tokenizer.json and, if it exists, DIRECTORY/tokenizer_config.json.
  static StatusOr<Tokenizer> load(const std::string &directory);

  // The same from the files' contents; an empty `configJson` stands for a missing file. `where` (a directory, or
  // anything that helps the reader) and the files' names open the messages of errors.
  //
  // From tokenizer.json: added_tokens, normalizer (none), pre_tokenizer, model (BPE), decoder (ByteLevel) and
  // post_processor (ByteLevel, TemplateProcessing or a Sequence of them). "truncation" and "padding" are ignored.
  // From tokenizer_config.json: bos_token, eos_token, and add_bos_token and add_eos_token, which where present override
  // the post-processor.
  static StatusOr<Tokenizer> parse(std::string_view tokenizerJson, std::string_view configJson,
                                   const std::string &where);

  // The token ids of `text`. With addSpecial, also the tokens that begin and end a sequence (usually one BOS); text
  // made by a chat template already has them. Special tokens spelled in the text are recognised in either case.
  // Fails when `text` is not UTF-8 or has 1 GiB or more. May be called from several threads at once.
  StatusOr<std::vector<int32_t>> encode(std::string_view text, bool addSpecial) const;

  // The bytes of the tokens, one after another. A token may hold part of a character, so the result need not be UTF-8;
  // toValidUtf8 (Unicode.h) makes it so. Ids outside the vocabulary yield nothing, as do special tokens if skipped.
  std::string decode(std::span<const int32_t> ids, bool skipSpecial) const;

  // The bytes of one token; empty for an id outside the vocabulary.
  std::string_view tokenBytes(int32_t id) const;
  bool isSpecial(int32_t id) const;
  // The id of a token by its text: of an added token as written, of another in the byte-level alphabet ("Ġthe").
  std::optional<int32_t> idOf(std::string_view token) const;

  // One more than the largest id. A model's logits may be wider: embeddings are often padded.
  int32_t size() const { return int32_t(tokens.size()); }
  // bos_token and eos_token of tokenizer_config.json, where given and in the vocabulary.
  std::optional<int32_t> bosId() const { return bos; }
  std::optional<int32_t> eosId() const { return eos; }

private:
  struct Token {
    uint32_t offset = 0, length = 0; // into `bytes`
    bool special = false;
  };

  Tokenizer(BpeModel model, PreTokenizer preTokenizer, std::vector<AddedToken> plain,
            std::vector<AddedToken> normalized)
      : model(std::move(model)), preTokenizer(std::move(preTokenizer)), plainTokens(std::move(plain)),
        normalizedTokens(std::move(normalized)) {}
  void setToken(int32_t id, std::string_view token, bool special);
  // One step of the post-processor: the text (nothing), or a token to insert.
  using Template = std::vector<std::optional<int32_t>>;
  static StatusOr<Template> parsePostProcessor(const nlohmann::json &field, const std::string &where, int depth);
  Status applyConfig(const nlohmann::json &config, const std::string &where);
  Status encodeText(std::string_view text, std::vector<int32_t> &ids) const;

  BpeModel model;
  PreTokenizer preTokenizer;
  // Tokens that are not normalized are looked for first, the others only in the text between them.
  AddedTokenMatcher plainTokens, normalizedTokens;
  std::unordered_map<std::string, int32_t> addedIds;
  std::vector<Token> tokens; // by id
  std::string bytes;         // of all tokens
  Template sequence = {std::nullopt};
  std::optional<int32_t> bos, eos;
};

} // namespace dsrt
