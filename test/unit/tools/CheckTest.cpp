// --check on the hand-made model, whose logits are known exactly: it passes, and each kind of difference is found.
#include "tools/deepseek-run/Check.h"

#include "test/unit/session/FakeRunner.h"

#include <cmath>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class CheckTest : public FakeRunnerTest {
protected:
  using FakeRunnerTest::FakeRunnerTest;
  Golden golden;

  void SetUp() override {
    start();
    for (int length : {1, 5, 13}) {
      GoldenPrompt prompt;
      for (int i = 0; i < length; ++i)
        prompt.tokens.push_back((i * 5 + length) % 32);
      prompt.greedy = fakeGenerate(prompt.tokens, 6, bias);
      std::vector<int32_t> tokens;
      for (int32_t token : prompt.tokens) {
        tokens.push_back(token);
        append(prompt.logits, fakeLogits(tokens, bias));
      }
      for (size_t step = 0; step < 6; ++step) {
        std::vector<float> logits = fakeLogits(tokens, bias);
        prompt.margins.push_back(margin(logits));
        if (step < 4)
          append(prompt.stepLogits, logits);
        tokens.push_back(prompt.greedy[step]);
      }
      golden.prompts.push_back(prompt);
    }
  }
  static void append(std::vector<float> &to, const std::vector<float> &from) {
    to.insert(to.end(), from.begin(), from.end());
  }
  static double margin(std::vector<float> logits) {
    std::sort(logits.begin(), logits.end());
    return logits[31] - logits[30];
  }
  CheckReport check(const CheckOptions &options = CheckOptions()) {
    auto report = checkModel(*runner, golden, options);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : CheckReport();
  }
};

TEST_F(CheckTest, PassesInEveryMode) {
  for (int64_t batch : {1, 2, 4})
    for (int64_t chunk : {0, 1, 3, 8}) {
      CheckOptions options;
      options.batch = batch;
      options.prefillChunk = chunk;
      options.repeat = 2;
      CheckReport report = check(options);
      EXPECT_TRUE(report.passed()) << report.table();
      EXPECT_EQ(report.rows.size(), static_cast<size_t>(std::max<int64_t>(batch, 3)));
      EXPECT_EQ(report.tolerance, 1e-5);
      for (const CheckRow &row : report.rows) {
        EXPECT_EQ(row.prefillError, 0);
        EXPECT_EQ(row.stepError, 0);
        EXPECT_EQ(row.equal, 6);
        EXPECT_EQ(row.sessionTokens, 6);
      }
    }
}

TEST_F(CheckTest, FindsOneWrongPrefillLogit) {
  golden.prompts[2].logits[40] += 1;
  CheckReport report = check();
  EXPECT_FALSE(report.passed());
  EXPECT_TRUE(report.rows[0].passes());
  EXPECT_FALSE(report.rows[2].passes());
  EXPECT_NE(report.table().find("MISS: prefill logits"), std::string::npos) << report.table();
}

TEST_F(CheckTest, FindsAWrongStepLogit) {
  golden.prompts[1].stepLogits[3 * 32] += 1;
  CheckReport report = check();
  EXPECT_FALSE(report.passed());
  EXPECT_NE(report.table().find("MISS: step logits"), std::string::npos) << report.table();
}

TEST_F(CheckTest, NotANumberNeverPasses) {
  golden.prompts[0].logits[0] = NAN;
  EXPECT_FALSE(check().passed());
}

// A golden token that the model does not choose is a miss where the margin is wide and allowed where it is not; the
// steps after it are compared all the same, because the golden's token is fed.
TEST_F(CheckTest, WrongTokensAreMissedUnlessTheMarginIsSmall) {
  GoldenPrompt &prompt = golden.prompts[1];
  prompt.greedy.back() = (prompt.greedy.back() + 1) % 32;
  prompt.margins.back() = 1;
  CheckReport report = check();
  EXPECT_EQ(report.rows[1].missed, 1);
  EXPECT_EQ(report.rows[1].equal, 5);
  EXPECT_TRUE(report.rows[1].sessionMissed);
  EXPECT_FALSE(report.passed());
  prompt.margins.back() = 1e-7;
  report = check();
  EXPECT_EQ(report.rows[1].allowed, 1);
  EXPECT_EQ(report.rows[1].sessionTokens, 5);
  EXPECT_TRUE(report.passed()) << report.table();
}

TEST_F(CheckTest, FeedsTheGoldenTokenAfterADivergence) {
  GoldenPrompt &prompt = golden.prompts[1];
  std::vector<int32_t> tokens = prompt.tokens;
  prompt.greedy[0] = (prompt.greedy[0] + 3) % 32;
  prompt.margins[0] = 0; // an allowed divergence
  tokens.push_back(prompt.greedy[0]);
  std::vector<int32_t> rest = fakeGenerate(tokens, 5, bias);
  std::copy(rest.begin(), rest.end(), prompt.greedy.begin() + 1);
  for (size_t step = 1; step < 6; ++step) {
    std::vector<float> logits = fakeLogits(tokens, bias);
    prompt.margins[step] = margin(logits);
    if (step < 4)
      std::copy(logits.begin(), logits.end(), prompt.stepLogits.begin() + static_cast<ptrdiff_t>(step * 32));
    tokens.push_back(prompt.greedy[step]);
  }
  CheckReport report = check();
  EXPECT_TRUE(report.passed()) << report.table();
  EXPECT_EQ(report.rows[1].allowed, 1);
  EXPECT_EQ(report.rows[1].equal, 5);
}

TEST_F(CheckTest, RefusesWhatDoesNotFit) {
  CheckOptions options;
  options.batch = 5;
  EXPECT_EQ(checkModel(*runner, golden, options).status().message(), "the check's batch must be from 1 to 4, got 5");
  golden.prompts[0].tokens.assign(38, 1);
  EXPECT_EQ(checkModel(*runner, golden, CheckOptions()).status().message(),
            "prompt 0 of the golden needs 43 positions, the model's context holds 40");
}

// What bf16 may cost is allowed to a model with bf16 activations, and to no other.
class RoundingBoundTest : public CheckTest {
protected:
  void SetUp() override {
    artifact.replace("\"activation_dtype\": \"f32\"", "\"activation_dtype\": \"bf16\"");
    CheckTest::SetUp();
    for (float &logit : golden.prompts[2].logits)
      logit *= 1.05f;
    golden.prompts[2].greedy[5] = (golden.prompts[2].greedy[5] + 1) % 32;
    golden.prompts[2].margins[5] = 1e9;
    for (GoldenPrompt &prompt : golden.prompts)
      prompt.rounding = RoundingBound{0, 0, 6};
    golden.prompts[2].rounding = RoundingBound{0.05, 0, 5};
  }
};

TEST_F(RoundingBoundTest, WidensTheTolerance) {
  EXPECT_TRUE(check().passed()) << check().table();
  EXPECT_FALSE(check().rows[0].prefillTolerance > 2e-2);
  CheckOptions given;
  given.logitTolerance = 2e-2;
  EXPECT_FALSE(check(given).passed()) << "a tolerance from the command line is the tolerance";
  golden.prompts[0].rounding.reset();
  EXPECT_FALSE(check().passed()) << "bounds of some prompts are none";
}

TEST_F(RoundingBoundTest, IsABound) {
  golden.prompts[2].rounding->equal = 6;
  EXPECT_NE(check().table().find("MISS: greedy tokens"), std::string::npos) << check().table();
  golden.prompts[2].rounding = RoundingBound{0.04, 0, 5};
  EXPECT_NE(check().table().find("MISS: prefill logits"), std::string::npos) << check().table();
}

// A model whose bucket of four decides one close call otherwise, after position 15, which prompt 2 alone reaches. Of
// groups of two the forced run gives prompt 2 a bucket of its own; in the session it joins prompt 1, because prompt 0
// ends with its first token.
class SessionBoundTest : public CheckTest {
protected:
  SessionBoundTest() : CheckTest(FakeModelCloseCall_FILE) {}
  void SetUp() override {
    artifact.replace("\"activation_dtype\": \"f32\"", "\"activation_dtype\": \"bf16\"");
    CheckTest::SetUp();
    GoldenPrompt &first = golden.prompts[0];
    first.greedy.resize(1), first.margins.resize(1), first.stepLogits.resize(32);
    for (GoldenPrompt &prompt : golden.prompts)
      prompt.rounding = RoundingBound{0, 0, static_cast<int64_t>(prompt.greedy.size())};
    golden.prompts[2].margins[3] = 1e9; // what follows position 15
  }
  CheckReport checkPairs() {
    CheckOptions options;
    options.batch = 2;
    return check(options);
  }
};

TEST_F(SessionBoundTest, OneMoreDifferingTokenIsWithinTheBound) {
  golden.prompts[2].rounding->equal = 5;
  const CheckReport report = checkPairs();
  EXPECT_TRUE(report.passed()) << report.table();
  EXPECT_EQ(report.rows[2].equal, 6) << "the forced run has the golden's tokens";
  EXPECT_EQ(report.rows[2].sessionTokens, 3);
}

TEST_F(SessionBoundTest, IsABound) {
  const CheckReport report = checkPairs();
  EXPECT_FALSE(report.passed());
  EXPECT_EQ(report.rows[2].equal, 6);
  EXPECT_TRUE(report.rows[2].sessionMissed);
  EXPECT_NE(report.table().find("MISS: session"), std::string::npos) << report.table();
  EXPECT_TRUE(check().passed()) << "alone each prompt has one bucket";
}

TEST_F(SessionBoundTest, CountsTheForcedRunsMisses) {
  GoldenPrompt &prompt = golden.prompts[2];
  prompt.greedy[5] = (prompt.greedy[5] + 1) % 32; // one token of the forced run differs already
  prompt.margins[5] = 1e9;
  prompt.rounding->equal = 5;
  EXPECT_TRUE(checkPairs().rows[2].sessionMissed) << "a second differing token is one too many";
  prompt.rounding->equal = 4;
  EXPECT_TRUE(checkPairs().passed()) << checkPairs().table();
}

TEST_F(SessionBoundTest, BoundsOfSomePromptsAreNone) {
  golden.prompts[2].rounding->equal = 0;
  golden.prompts[0].rounding.reset();
  EXPECT_TRUE(checkPairs().rows[2].sessionMissed);
}

TEST_F(CheckTest, RoundingBoundIsNotForFloat32) {
  golden.prompts[2].logits[40] += 1;
  for (GoldenPrompt &prompt : golden.prompts)
    prompt.rounding = RoundingBound{10, 10, 0};
  EXPECT_FALSE(check().passed());
}

TEST(CheckTolerance, ComesFromTheDtypes) {
  Manifest manifest;
  manifest.model.emplace();
  manifest.model->activation = DType::F32;
  EXPECT_EQ(defaultLogitTolerance(manifest), 1e-5);
  manifest.model->activation = DType::BF16;
  EXPECT_EQ(defaultLogitTolerance(manifest), 2e-2);
  manifest.parameters.push_back({"w", DType::F8E4M3, {1}, 0, 0});
  EXPECT_EQ(defaultLogitTolerance(manifest), 0.3);
  manifest.model->activation = DType::F32;
  EXPECT_EQ(defaultLogitTolerance(manifest), 2e-2);
}
} // namespace
