#include "runtime/text/StreamDecoder.h"
#include "runtime/text/Unicode.h"

#include <gtest/gtest.h>
#include <random>

using namespace dsrt;

static Tokenizer load() {
  StatusOr<Tokenizer> tokenizer = Tokenizer::load(TINY_SHAKESPEARE);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return std::move(*tokenizer);
}

TEST(StreamDecoder, HoldsBackUnfinishedCharacters) {
  Tokenizer tokenizer = load();
  StreamDecoder decoder(tokenizer, true);
  std::vector<int32_t> ids = *tokenizer.encode("😀", false);
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(decoder.push(ids[0]) + decoder.push(ids[1]) + decoder.push(ids[2]), "");
  EXPECT_EQ(decoder.push(ids[3]), "😀");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, ReplacesWhatCannotBecomeACharacter) {
  Tokenizer tokenizer = load();
  StreamDecoder decoder(tokenizer, true);
  std::vector<int32_t> ids = *tokenizer.encode("😀", false);
  EXPECT_EQ(decoder.push(ids[0]) + decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.push(42), "\uFFFDI"); // "I" ends the hope for the bytes before it
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.push(42), "I"); // usable again
}

TEST(StreamDecoder, SkipsSpecialTokensOnlyWhenAsked) {
  Tokenizer tokenizer = load();
  EXPECT_EQ(StreamDecoder(tokenizer, true).push(0), "");
  EXPECT_EQ(StreamDecoder(tokenizer, false).push(0), "<bos>");
}

TEST(StreamDecoder, AgreesWithDecode) {
  Tokenizer tokenizer = load();
  std::mt19937 random(1);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<int32_t> ids(random() % 30);
    for (int32_t &id : ids)
      id = int32_t(random() % 300); // mostly single bytes
    StreamDecoder decoder(tokenizer, false);
    std::string stream;
    for (int32_t id : ids) {
      std::string piece = decoder.push(id);
      EXPECT_EQ(findInvalidUtf8(piece), std::string::npos);
      stream += piece;
    }
    stream += decoder.finish();
    ASSERT_EQ(stream, toValidUtf8(tokenizer.decode(ids, false)));
  }
}
