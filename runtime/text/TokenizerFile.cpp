// Reads tokenizer.json and tokenizer_config.json. Nothing is skipped silently that would change a token: an option is
// either followed or refused.
#include "runtime/core/JsonFields.h"
#include "runtime/core/MappedFile.h"
#include "runtime/text/ByteLevel.h"
#include "runtime/text/Fields.h"
#include "runtime/text/Tokenizer.h"

#include <algorithm>
#include <filesystem>

namespace dsrt {

using nlohmann::json;

namespace {

// Published files have 4 to 20 MB.
constexpr size_t maxFileBytes = 256 << 20;
constexpr int maxDepth = 8;
const json jsonNull;

const json &fieldOrNull(const JsonObject &object, const char *field) {
  const json *value = object.find(field);
  return value ? *value : jsonNull;
}

// Only the normalizer that does nothing: null, or a Sequence of such.
Status checkNormalizer(const json &field, const std::string &where, int depth) {
  if (field.is_null())
    return {};
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  DSRT_ASSIGN_OR_RETURN(std::string type, object.string("type"));
  if (type != "Sequence" || depth >= maxDepth)
    return Status::error(where + ".type is '" + type +
                         "', but text normalization is not supported (expected null or "
                         "an empty Sequence)");
  DSRT_ASSIGN_OR_RETURN(const json *list, object.array("normalizers"));
  for (size_t i = 0; i < list->size(); ++i)
    DSRT_RETURN_IF_ERROR(
        checkNormalizer((*list)[i], object.where("normalizers") + "[" + std::to_string(i) + "]", depth + 1));
  return {};
}

Status checkDecoder(const json &field, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  DSRT_ASSIGN_OR_RETURN(std::string type, object.string("type"));
  if (type == "Sequence") {
    DSRT_ASSIGN_OR_RETURN(const json *list, object.array("decoders"));
    if (list->size() == 1 && (*list)[0].is_object() && (*list)[0].value("type", json()) == "ByteLevel")
      return {};
  }
  if (type != "ByteLevel")
    return Status::error(where + ".type is '" + type + "', expected ByteLevel");
  return {};
}

StatusOr<AddedToken> parseAddedToken(const json &field, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  AddedToken token;
  DSRT_ASSIGN_OR_RETURN(int64_t id, object.integer("id", 0, INT32_MAX));
  token.id = int32_t(id);
  DSRT_ASSIGN_OR_RETURN(token.content, object.string("content"));
  DSRT_ASSIGN_OR_RETURN(token.singleWord, optionalBoolean(object, "single_word", false));
  DSRT_ASSIGN_OR_RETURN(token.lstrip, optionalBoolean(object, "lstrip", false));
  DSRT_ASSIGN_OR_RETURN(token.rstrip, optionalBoolean(object, "rstrip", false));
  DSRT_ASSIGN_OR_RETURN(token.normalized, optionalBoolean(object, "normalized", false));
  DSRT_ASSIGN_OR_RETURN(token.special, optionalBoolean(object, "special", false));
  return token;
}

// The reference takes ids from the vocabulary, or counts on from its size, and ignores the file's; a file that
// disagrees was damaged or edited by hand.
StatusOr<std::vector<AddedToken>> parseAddedTokens(const json &field, const std::string &where,
                                                   const std::unordered_map<std::string, int32_t> &vocab) {
  std::vector<AddedToken> tokens;
  if (field.is_null())
    return tokens;
  if (!field.is_array())
    return Status::error(where + " must be an array, got " + describeJson(field));
  std::unordered_map<std::string, size_t> known;
  int32_t next = int32_t(vocab.size());
  for (size_t i = 0; i < field.size(); ++i) {
    std::string at = where + "[" + std::to_string(i) + "]";
    DSRT_ASSIGN_OR_RETURN(AddedToken token, parseAddedToken(field[i], at));
    if (token.content.empty())
      continue;
    auto [it, isNew] = known.try_emplace(token.content, tokens.size());
    auto inVocab = vocab.find(token.content);
    int32_t expected = !isNew ? tokens[it->second].id : inVocab != vocab.end() ? inVocab->second : next++;
    if (token.id != expected)
      return Status::error(at + ".id of '" + token.content + "' is " + std::to_string(token.id) + ", expected " +
                           std::to_string(expected));
    if (isNew)
      tokens.push_back(std::move(token));
    else
      tokens[it->second] = std::move(token);
  }
  return tokens;
}

} // namespace

void Tokenizer::setToken(int32_t id, std::string_view token, bool special) {
  if (size_t(id) >= tokens.size())
    tokens.resize(size_t(id) + 1);
  std::optional<std::string> decoded = byteLevelDecode(token);
  std::string_view plain = decoded ? std::string_view(*decoded) : token;
  tokens[id] = {uint32_t(bytes.size()), uint32_t(plain.size()), special};
  bytes += plain;
}

StatusOr<Tokenizer> Tokenizer::load(const std::string &directory) {
  DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(directory + "/tokenizer.json", maxFileBytes));
  std::string config, configPath = directory + "/tokenizer_config.json";
  std::error_code error;
  if (std::filesystem::exists(configPath, error)) {
    DSRT_ASSIGN_OR_RETURN(config, readTextFile(configPath, maxFileBytes));
    if (config.empty())
      return Status::error(configPath + " is empty, expected a JSON object");
  }
  return parse(text, config, directory);
}

StatusOr<Tokenizer> Tokenizer::parse(std::string_view tokenizerJson, std::string_view configJson,
                                     const std::string &where) {
  std::string file = where + "/tokenizer.json";
  DSRT_ASSIGN_OR_RETURN(json document, parseJson(tokenizerJson, file));
  DSRT_ASSIGN_OR_RETURN(JsonObject root, JsonObject::of(document, file));
  DSRT_RETURN_IF_ERROR(checkNormalizer(fieldOrNull(root, "normalizer"), root.where("normalizer"), 0));
  DSRT_ASSIGN_OR_RETURN(const json *decoder, root.field("decoder"));
  DSRT_RETURN_IF_ERROR(checkDecoder(*decoder, root.where("decoder")));
  DSRT_ASSIGN_OR_RETURN(const json *modelField, root.field("model"));
  DSRT_ASSIGN_OR_RETURN(BpeModel model, BpeModel::parse(*modelField, root.where("model")));
  DSRT_ASSIGN_OR_RETURN(PreTokenizer preTokenizer,
                        PreTokenizer::parse(fieldOrNull(root, "pre_tokenizer"), root.where("pre_tokenizer")));
  DSRT_ASSIGN_OR_RETURN(
      std::vector<AddedToken> added,
      parseAddedTokens(fieldOrNull(root, "added_tokens"), root.where("added_tokens"), model.vocabulary()));
  auto middle = std::partition(added.begin(), added.end(), [](const AddedToken &t) { return !t.normalized; });
  Tokenizer result(std::move(model), std::move(preTokenizer), {added.begin(), middle}, {middle, added.end()});
  for (const auto &[token, id] : result.model.vocabulary())
    result.setToken(id, token, false);
  for (const AddedToken &token : added) {
    result.setToken(token.id, token.content, token.special);
    result.addedIds.emplace(token.content, token.id);
  }
  DSRT_ASSIGN_OR_RETURN(result.sequence,
                        parsePostProcessor(fieldOrNull(root, "post_processor"), root.where("post_processor"), 0));
  for (std::optional<int32_t> id : result.sequence) {
    if (id && *id >= result.size())
      return Status::error(root.where("post_processor") + " adds token " + std::to_string(*id) +
                           ", but the vocabulary ends at " + std::to_string(result.size() - 1));
  }
  if (!configJson.empty()) {
    DSRT_ASSIGN_OR_RETURN(json config, parseJson(configJson, where + "/tokenizer_config.json"));
    DSRT_RETURN_IF_ERROR(result.applyConfig(config, where + "/tokenizer_config.json"));
  }
  return result;
}

StatusOr<Tokenizer::Template> Tokenizer::parsePostProcessor(const json &field, const std::string &where, int depth) {
  Template result = {std::nullopt};
  if (field.is_null())
    return result;
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  DSRT_ASSIGN_OR_RETURN(std::string type, object.string("type"));
  if (type == "ByteLevel") // adjusts offsets into the text only
    return result;
  if (type == "Sequence" && depth < maxDepth) {
    DSRT_ASSIGN_OR_RETURN(const json *list, object.array("processors"));
    for (size_t i = 0; i < list->size(); ++i) {
      DSRT_ASSIGN_OR_RETURN(
          Template outer,
          parsePostProcessor((*list)[i], object.where("processors") + "[" + std::to_string(i) + "]", depth + 1));
      // Each step puts what the steps before it made into the place of the text.
      Template combined;
      for (std::optional<int32_t> special : outer) {
        if (special)
          combined.push_back(special);
        else
          combined.insert(combined.end(), result.begin(), result.end());
      }
      if (combined.size() > 64)
        return Status::error(where + " makes sequences of more than 64 parts");
      result = std::move(combined);
    }
    return result;
  }
  if (type != "TemplateProcessing")
    return Status::error(where + ".type is '" + type + "', expected ByteLevel, TemplateProcessing or Sequence");

  result.clear();
  DSRT_ASSIGN_OR_RETURN(const json *single, object.array("single"));
  for (size_t i = 0; i < single->size(); ++i) {
    std::string at = object.where("single") + "[" + std::to_string(i) + "]";
    DSRT_ASSIGN_OR_RETURN(JsonObject piece, JsonObject::of((*single)[i], at));
    if (piece.find("Sequence")) {
      DSRT_ASSIGN_OR_RETURN(JsonObject text, piece.object("Sequence"));
      DSRT_ASSIGN_OR_RETURN(std::string id, text.string("id"));
      if (id != "A")
        return Status::error(text.where("id") + " is '" + id + "', expected A");
      result.push_back(std::nullopt);
      continue;
    }
    DSRT_ASSIGN_OR_RETURN(JsonObject special, piece.object("SpecialToken"));
    DSRT_ASSIGN_OR_RETURN(std::string name, special.string("id"));
    DSRT_ASSIGN_OR_RETURN(JsonObject specials, object.object("special_tokens"));
    DSRT_ASSIGN_OR_RETURN(JsonObject definition, specials.object(name.c_str()));
    DSRT_ASSIGN_OR_RETURN(std::vector<int64_t> ids, definition.integers("ids", 0, INT32_MAX));
    for (int64_t id : ids)
      result.push_back(int32_t(id));
  }
  if (result.size() > 64)
    return Status::error(where + " makes sequences of more than 64 parts");
  return result;
}

Status Tokenizer::applyConfig(const json &config, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(config, where));
  auto resolve = [&](const char *field, std::optional<int32_t> &id) -> Status {
    DSRT_ASSIGN_OR_RETURN(std::optional<std::string> token, configToken(object, field));
    if (token)
      id = idOf(*token);
    return {};
  };
  DSRT_RETURN_IF_ERROR(resolve("bos_token", bos));
  DSRT_RETURN_IF_ERROR(resolve("eos_token", eos));
  if (!object.find("add_bos_token") && !object.find("add_eos_token"))
    return {};
  DSRT_ASSIGN_OR_RETURN(bool addBos, optionalBoolean(object, "add_bos_token", false));
  DSRT_ASSIGN_OR_RETURN(bool addEos, optionalBoolean(object, "add_eos_token", false));
  if (addBos && !bos)
    return Status::error(object.where("add_bos_token") + " is true, but bos_token is not a token of tokenizer.json");
  if (addEos && !eos)
    return Status::error(object.where("add_eos_token") + " is true, but eos_token is not a token of tokenizer.json");
  sequence.clear();
  if (addBos)
    sequence.push_back(bos);
  sequence.push_back(std::nullopt);
  if (addEos)
    sequence.push_back(eos);
  return {};
}

} // namespace dsrt
