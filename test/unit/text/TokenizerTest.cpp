#include "runtime/text/Tokenizer.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace dsrt;
using nlohmann::json;

using Ids = std::vector<int32_t>;

static Tokenizer load(const std::string &directory) {
  StatusOr<Tokenizer> tokenizer = Tokenizer::load(directory);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return std::move(*tokenizer);
}
static std::string data(const char *name) { return std::string(TEXT_DATA "/") + name; }

// The ids below are those of the tokenizers package.
TEST(Tokenizer, EncodesAsTheReference) {
  Tokenizer shakespeare = load(TINY_SHAKESPEARE);
  EXPECT_EQ(*shakespeare.encode("ROMEO:\nI do remember well where I should be,", true),
            (Ids{860, 27, 200, 42, 385, 906, 483, 766, 560, 712, 293, 584, 306, 13}));
  EXPECT_EQ(*shakespeare.encode("<bos>First Citizen:<eos>", false), (Ids{0, 673, 422, 939, 27, 1}));
  EXPECT_EQ(*shakespeare.encode("naïve 日本 😀", false),
            (Ids{79, 66, 129, 109, 295, 222, 164, 247, 100, 164, 252, 107, 222, 174, 255, 248, 224}));
  Tokenizer v3 = load(data("deepseek-v3"));
  EXPECT_EQ(*v3.encode("Hello 12345 世界!\r\n  x", true),
            (Ids{0, 41, 371, 77, 80, 222, 492, 20, 21, 22, 222, 340, 246, 165, 245, 236, 2, 203, 200, 222, 222, 89}));
  EXPECT_EQ(*v3.encode("<｜User｜>hi<think>", false), (Ids{1000, 529, 1002}));
  EXPECT_EQ(*v3.encode("", false), Ids{});
}

TEST(Tokenizer, AddsTheTokensOfTheConfig) {
  Tokenizer v2 = load(data("deepseek-v2"));
  ASSERT_TRUE(v2.bosId() && v2.eosId());
  EXPECT_EQ(*v2.encode("", true), Ids{*v2.bosId()});
  EXPECT_EQ(*v2.encode("", false), Ids{});
  Tokenizer odd = load(data("odd"));
  EXPECT_EQ(odd.encode("a", true)->back(), *odd.eosId());
  EXPECT_FALSE(odd.bosId());
  EXPECT_FALSE(load(data("words")).eosId());
}

TEST(Tokenizer, KnowsItsTokens) {
  Tokenizer shakespeare = load(TINY_SHAKESPEARE);
  EXPECT_EQ(shakespeare.size(), 1024);
  EXPECT_EQ(shakespeare.bosId(), 0);
  EXPECT_EQ(shakespeare.idOf("<eos>"), 1);
  EXPECT_EQ(shakespeare.tokenBytes(*shakespeare.idOf("Ġthe")), " the");
  EXPECT_EQ(shakespeare.idOf("no such token"), std::nullopt);
  EXPECT_TRUE(shakespeare.isSpecial(0));
  EXPECT_FALSE(shakespeare.isSpecial(5) || shakespeare.isSpecial(-1) || shakespeare.isSpecial(99999));
  EXPECT_EQ(shakespeare.tokenBytes(-1), "");
  EXPECT_EQ(shakespeare.tokenBytes(99999), "");
}

TEST(Tokenizer, DecodesBytes) {
  Tokenizer shakespeare = load(TINY_SHAKESPEARE);
  std::string text = "naïve 日本 😀\n\t";
  Ids ids = *shakespeare.encode(text, false);
  EXPECT_EQ(shakespeare.decode(ids, false), text);
  // The first three bytes of the four of 😀.
  Ids cut = *shakespeare.encode("😀", false);
  cut.pop_back();
  EXPECT_EQ(shakespeare.decode(cut, false), "\xF0\x9F\x98");
  EXPECT_EQ(shakespeare.decode(Ids{0, 42, 1, -5, 123456}, true), "I");
  EXPECT_EQ(shakespeare.decode(Ids{0, 42, 1}, false), "<bos>I<eos>");
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  StatusOr<Ids> ids = load(TINY_SHAKESPEARE).encode("ab\xFF", false);
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.status().message(), "the text to encode is not UTF-8 at byte 2");
}

//===- Merging
//-----------------------------------------------------------------------------------------------------===//

// A model over the letters a to d with the given merges, and every token they make.
static json modelOf(const std::vector<std::pair<std::string, std::string>> &merges) {
  json model = {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}}}, {"merges", json::array()}};
  for (const auto &[left, right] : merges) {
    model["merges"].push_back({left, right});
    if (!model["vocab"].contains(left + right))
      model["vocab"][left + right] = model["vocab"].size();
  }
  return model;
}

// What byte pair encoding means: merge the leftmost pair of the lowest rank until none is left.
static std::vector<std::string> mergeSlowly(const std::string &word,
                                            const std::vector<std::pair<std::string, std::string>> &merges) {
  std::vector<std::string> symbols;
  for (char c : word)
    symbols.emplace_back(1, c);
  while (true) {
    size_t bestRank = merges.size(), bestAt = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      auto it = std::find(merges.begin(), merges.end(), std::pair(symbols[i], symbols[i + 1]));
      if (size_t rank = size_t(it - merges.begin()); rank < bestRank) {
        bestRank = rank;
        bestAt = i;
      }
    }
    if (bestRank == merges.size())
      return symbols;
    symbols[bestAt] += symbols[bestAt + 1];
    symbols.erase(symbols.begin() + ptrdiff_t(bestAt) + 1);
  }
}

TEST(BpeModel, MergesAsTheDefinitionSays) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::string> tokens = {"a", "b", "c", "d"};
    std::vector<std::pair<std::string, std::string>> merges;
    for (int i = 0; i < 12; ++i) {
      std::pair merge(tokens[random() % tokens.size()], tokens[random() % tokens.size()]);
      if (std::find(merges.begin(), merges.end(), merge) != merges.end())
        continue;
      merges.push_back(merge);
      if (std::find(tokens.begin(), tokens.end(), merge.first + merge.second) == tokens.end())
        tokens.push_back(merge.first + merge.second);
    }
    json field = modelOf(merges);
    StatusOr<BpeModel> model = BpeModel::parse(field, "model");
    ASSERT_TRUE(model.ok()) << model.status().message();
    std::map<int32_t, std::string> byId;
    for (const auto &[token, id] : model->vocabulary())
      byId[id] = token;
    BpeModel::Scratch scratch;
    for (int i = 0; i < 20; ++i) {
      std::string word(random() % 40, 'a');
      for (char &c : word)
        c = char('a' + random() % 4);
      Ids ids;
      model->encode(word, scratch, ids);
      std::vector<std::string> got;
      for (int32_t id : ids)
        got.push_back(byId[id]);
      EXPECT_EQ(got, mergeSlowly(word, merges)) << word << " with " << field["merges"];
    }
  }
}

TEST(BpeModel, LongWordsTakeNoQuadraticTime) {
  StatusOr<BpeModel> model =
      BpeModel::parse(modelOf({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}, {"b", "a"}}), "model");
  ASSERT_TRUE(model.ok());
  BpeModel::Scratch scratch;
  Ids ids;
  auto start = std::chrono::steady_clock::now();
  model->encode(std::string(1 << 20, 'a'), scratch, ids);
  EXPECT_EQ(ids.size(), size_t(1) << 17);
  // A quadratic algorithm takes hours.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
}

//===- Damaged files
//-----------------------------------------------------------------------------------------------===//

static json minimal() {
  return json::parse(R"({
    "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
    "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
  })");
}

static std::string errorOf(const json &tokenizer, const std::string &config = "") {
  StatusOr<Tokenizer> parsed = Tokenizer::parse(tokenizer.dump(), config, "dir");
  return parsed.ok() ? "no error" : parsed.status().message();
}

// Each change to a good file gives its own sentence.
TEST(TokenizerFile, SaysWhatIsWrong) {
  ASSERT_EQ(errorOf(minimal()), "no error");
  struct Case {
    const char *pointer;
    json value;
    const char *message;
  };
  const Case cases[] = {
      {"/normalizer",
       {{"type", "NFC"}},
       "dir/tokenizer.json.normalizer.type is 'NFC', but text normalization is not supported (expected null or an "
       "empty "
       "Sequence)"},
      {"/decoder/type", "Metaspace", "dir/tokenizer.json.decoder.type is 'Metaspace', expected ByteLevel"},
      {"/decoder", nullptr, "dir/tokenizer.json has no field 'decoder'"},
      {"/model/type", "Unigram", "dir/tokenizer.json.model.type is 'Unigram', expected BPE"},
      {"/model/dropout", 0.1, "dir/tokenizer.json.model.dropout is 0.1, but dropout is not supported"},
      {"/model/byte_fallback", true,
       "dir/tokenizer.json.model.byte_fallback is true, but byte fallback is not supported"},
      {"/model/vocab", {1, 2}, "dir/tokenizer.json.model.vocab must be an object of token ids, got an array of 2"},
      {"/model/vocab/a", "x", "dir/tokenizer.json.model.vocab['a'] must be an integer from 0 to 4194303, got \"x\""},
      {"/model/vocab/a", -1, "dir/tokenizer.json.model.vocab['a'] must be an integer from 0 to 4194303, got -1"},
      {"/model/vocab/a", 1e9,
       "dir/tokenizer.json.model.vocab['a'] must be an integer from 0 to 4194303, got 1000000000.0"},
      {"/model/merges/0", "a b c",
       "dir/tokenizer.json.model.merges[0] is \"a b c\", expected two tokens with one space between them"},
      {"/model/merges/0",
       {"a"},
       "dir/tokenizer.json.model.merges[0] is an array of 1, expected a string or a pair of strings"},
      {"/model/merges/0", {"a", "x"}, "dir/tokenizer.json.model.merges[0] uses 'x', which is not in the vocabulary"},
      {"/model/merges/0", {"b", "a"}, "dir/tokenizer.json.model.merges[0] uses 'ba', which is not in the vocabulary"},
      {"/model/unk_token", "<unk>", "dir/tokenizer.json.model.unk_token is '<unk>', which is not in the vocabulary"},
      {"/model/fuse_unk", 1, "dir/tokenizer.json.model.fuse_unk must be true or false, got 1"},
      {"/added_tokens", {{"id", 0}}, "dir/tokenizer.json.added_tokens must be an array, got an object of 1"},
      {"/added_tokens/0/id", 7, "dir/tokenizer.json.added_tokens[0].id of '<s>' is 7, expected 3"},
      {"/added_tokens/0/content", 7, "dir/tokenizer.json.added_tokens[0].content must be a string, got 7"},
      {"/added_tokens/0/lstrip", "yes", "dir/tokenizer.json.added_tokens[0].lstrip must be true or false, got \"yes\""},
      {"/pre_tokenizer", nullptr,
       "dir/tokenizer.json.pre_tokenizer has no ByteLevel step; only byte-level BPE tokenizers are supported"},
      {"/pre_tokenizer/type", "Metaspace",
       "dir/tokenizer.json.pre_tokenizer.type is 'Metaspace', expected Sequence, Split, Digits, Whitespace, "
       "WhitespaceSplit or ByteLevel"},
      {"/post_processor",
       {{"type", "BertProcessing"}},
       "dir/tokenizer.json.post_processor.type is 'BertProcessing', expected ByteLevel, TemplateProcessing or "
       "Sequence"},
  };
  for (const Case &c : cases) {
    json file = minimal();
    file[json::json_pointer(c.pointer)] = c.value;
    EXPECT_EQ(errorOf(file), c.message) << c.pointer;
  }
}

TEST(TokenizerFile, SaysWhatIsWrongWithSteps) {
  json file = minimal();
  json byteLevel = file["pre_tokenizer"];
  auto withSteps = [&](json steps) {
    file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
    return errorOf(file);
  };
  json split = {{"type", "Split"}, {"pattern", {{"Regex", "[a"}}}, {"behavior", "Isolated"}, {"invert", false}};
  EXPECT_EQ(withSteps({split, byteLevel}), "dir/tokenizer.json.pre_tokenizer.pretokenizers[0].pattern.Regex: unmatched "
                                           "'[' at byte 0 of pattern '[a'");
  split["behavior"] = "Shredded";
  EXPECT_EQ(withSteps({split, byteLevel}),
            "dir/tokenizer.json.pre_tokenizer.pretokenizers[0].behavior is 'Shredded', expected Removed, Isolated, "
            "MergedWithPrevious, MergedWithNext or Contiguous");
  split["behavior"] = "Removed";
  split["pattern"] = json::object();
  EXPECT_EQ(withSteps({split, byteLevel}),
            "dir/tokenizer.json.pre_tokenizer.pretokenizers[0].pattern has neither 'Regex' nor 'String'");
  EXPECT_EQ(withSteps({byteLevel, byteLevel}), "dir/tokenizer.json.pre_tokenizer.pretokenizers[1]: 'ByteLevel' follows "
                                               "ByteLevel, which must be the last step");
  json nested = byteLevel;
  for (int i = 0; i < 20; ++i)
    nested = {{"type", "Sequence"}, {"pretokenizers", json::array({nested})}};
  EXPECT_NE(withSteps(nested["pretokenizers"]).find("nest deeper than 8"), std::string::npos);
  EXPECT_NE(withSteps(json(100, {{"type", "Digits"}})).find("more than 64 pre-tokenization steps"), std::string::npos);
}

TEST(TokenizerFile, SaysWhatIsWrongWithTheConfig) {
  EXPECT_EQ(errorOf(minimal(), "{"), "dir/tokenizer_config.json is not valid JSON");
  EXPECT_EQ(errorOf(minimal(), "[]"), "dir/tokenizer_config.json must be an object, got an array of 0");
  EXPECT_EQ(errorOf(minimal(), R"({"bos_token": 3})"), "dir/tokenizer_config.json.bos_token must be a string, got 3");
  EXPECT_EQ(errorOf(minimal(), R"({"bos_token": {}})"), "dir/tokenizer_config.json.bos_token.content is missing");
  EXPECT_EQ(errorOf(minimal(), R"({"add_bos_token": "yes"})"),
            "dir/tokenizer_config.json.add_bos_token must be true or false, got \"yes\"");
  EXPECT_EQ(errorOf(minimal(), R"({"add_bos_token": true, "bos_token": "<x>"})"),
            "dir/tokenizer_config.json.add_bos_token is true, but bos_token is not a token of tokenizer.json");
  json file = minimal();
  file["post_processor"] = json::parse(R"({
    "type": "TemplateProcessing", "special_tokens": {"<s>": {"ids": [9]}},
    "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]
  })");
  EXPECT_EQ(errorOf(file), "dir/tokenizer.json.post_processor adds token 9, but the vocabulary ends at 3");
}

TEST(TokenizerFile, DuplicateIdsAreRefused) {
  json file = minimal();
  file["model"]["vocab"]["b"] = 0;
  EXPECT_NE(errorOf(file).find("both have id 0"), std::string::npos);
}

TEST(TokenizerFile, MissingFileIsNamed) {
  StatusOr<Tokenizer> tokenizer = Tokenizer::load("/nonexistent");
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_NE(tokenizer.status().message().find("/nonexistent/tokenizer.json"), std::string::npos);
}

// A file cut off anywhere is refused, whatever remains of it.
TEST(TokenizerFile, TruncatedFilesAreRefused) {
  std::string text = minimal().dump();
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(Tokenizer::parse(text.substr(0, size), "", "dir").ok()) << size;
}
