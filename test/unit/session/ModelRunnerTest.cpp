#include "test/unit/session/FakeRunner.h"

using namespace dsrt;
using namespace dsrt::test;

namespace {
using ModelRunnerTest = FakeRunnerTest;

TEST_F(ModelRunnerTest, PicksTheSmallestEntry) {
  start();
  EXPECT_EQ(runner->prefillEntry(3)->name, "prefill_4");
  EXPECT_EQ(runner->prefillEntry(4)->name, "prefill_4");
  EXPECT_EQ(runner->prefillEntry(5)->name, "prefill_8");
  EXPECT_EQ(runner->prefillEntry(9), nullptr);
  EXPECT_EQ(runner->decodeEntry(1)->name, "decode_1");
  EXPECT_EQ(runner->decodeEntry(2)->name, "decode_4");
  EXPECT_EQ(runner->decodeEntry(5), nullptr);
}

TEST_F(ModelRunnerTest, ChoosesTheCacheSize) {
  start();
  EXPECT_EQ(runner->cache().totalPages(), 4 * 10); // full context for a full batch
}

TEST_F(ModelRunnerTest, CacheSizeCanBeGiven) {
  start(/*cacheTokens=*/9);
  EXPECT_EQ(runner->cache().totalPages(), 3);
}

TEST_F(ModelRunnerTest, LogitsOfAnyRowOfAChunk) {
  start();
  std::vector<int32_t> tokens = {3, 1, 4, 1, 5, 9};
  SequenceId sequence = runner->cache().createSequence();
  ASSERT_TRUE(runner->cache().reserve(sequence, 8).ok());
  std::vector<int32_t> rows = {5, 0, 2};
  PrefillChunk chunk{tokens, 0, runner->cache().blockTable(sequence), rows, SamplingOptions()};
  ASSERT_TRUE(runner->prefill(chunk).ok());
  std::vector<int32_t> next(3);
  ASSERT_TRUE(runner->readNextTokens(next).ok());
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<int32_t> prefix(tokens.begin(), tokens.begin() + rows[i] + 1);
    std::vector<float> logits(32);
    ASSERT_TRUE(runner->readLogits(static_cast<int64_t>(i), logits).ok());
    EXPECT_EQ(logits, fakeLogits(prefix, bias));
    EXPECT_EQ(next[i], argmax(logits));
  }
}

TEST_F(ModelRunnerTest, RefusesCallsThatFitNoEntry) {
  start();
  std::vector<int32_t> tokens(9, 1), rows = {0};
  PrefillChunk chunk{tokens, 0, {}, rows, SamplingOptions()};
  EXPECT_EQ(runner->prefill(chunk).message(),
            "a prefill of 9 tokens with 1 rows of logits fits no entry of " + program->path());
  std::vector<DecodeRow> many(5);
  EXPECT_EQ(runner->decode(many).message(), "a decode step of 5 sequences fits no entry of " + program->path());
  EXPECT_FALSE(runner->decode({}).ok());
}

// Padding rows return -7 in the fake model; a session that read one would notice.
TEST_F(ModelRunnerTest, ReportsATokenOutsideTheVocabulary) {
  start();
  SequenceId sequence = runner->cache().createSequence();
  ASSERT_TRUE(runner->cache().reserve(sequence, 4).ok());
  std::vector<DecodeRow> rows(2, DecodeRow{1, 0, runner->cache().blockTable(sequence), SamplingOptions()});
  ASSERT_TRUE(runner->decode(rows).ok());
  std::vector<int32_t> next(3);
  Status status = runner->readNextTokens(next);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("the model returned token -7, vocab_size is 32"), std::string::npos);
}

TEST(Sampling, OptionsAreChecked) {
  SamplingOptions sampling;
  EXPECT_TRUE(checkSampling(sampling).ok());
  sampling.temperature = -1;
  EXPECT_FALSE(checkSampling(sampling).ok());
  sampling = SamplingOptions();
  sampling.topK = -1;
  EXPECT_FALSE(checkSampling(sampling).ok());
  sampling = SamplingOptions();
  sampling.topP = 0;
  EXPECT_FALSE(checkSampling(sampling).ok());
}
} // namespace
