#include "runtime/session/Session.h"

#include "test/unit/session/FakeRunner.h"

#include <map>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class SessionTest : public FakeRunnerTest {
protected:
  std::map<RequestId, Completion> done;
  std::vector<std::pair<RequestId, int32_t>> stream;

  std::unique_ptr<Session> session(SessionOptions options = SessionOptions()) {
    options.onDone = [this](const Completion &completion) { done[completion.id] = completion; };
    options.onToken = [this](RequestId id, int32_t token) { stream.emplace_back(id, token); };
    auto created = Session::create(*runner, options);
    EXPECT_TRUE(created.ok()) << created.status().message();
    return created.ok() ? std::move(*created) : nullptr;
  }
  static Request request(std::vector<int32_t> prompt, int64_t maxNewTokens = 6) {
    Request r;
    r.prompt = std::move(prompt);
    r.maxNewTokens = maxNewTokens;
    return r;
  }
  static std::vector<int32_t> prompt(int length) {
    std::vector<int32_t> tokens;
    for (int i = 0; i < length; ++i)
      tokens.push_back((i * 11 + length) % 32);
    return tokens;
  }
};

// Every length around the chunk and page boundaries, alone, with every chunk size.
TEST_F(SessionTest, OneRequestOfAnyLength) {
  start();
  for (int64_t chunk : {1, 3, 4, 5, 8})
    for (int length = 1; length <= 26; ++length) {
      SessionOptions options;
      options.prefillChunk = chunk;
      auto s = session(options);
      auto id = s->add(request(prompt(length)));
      ASSERT_TRUE(id.ok()) << id.status().message();
      ASSERT_TRUE(s->run().ok());
      EXPECT_EQ(done[*id].tokens, fakeGenerate(prompt(length), 6, bias)) << chunk << " " << length;
      EXPECT_EQ(done[*id].reason, FinishReason::Length);
      EXPECT_EQ(done[*id].promptTokens, length);
      EXPECT_EQ(runner->cache().freePages(), 40);
      done.clear();
    }
}

// Many requests of different lengths, more than fit the batch: each returns what it would return alone.
TEST_F(SessionTest, ManyRequestsDoNotDisturbEachOther) {
  start();
  auto s = session();
  std::map<RequestId, std::vector<int32_t>> expected;
  for (int i = 0; i < 11; ++i) {
    Request r = request(prompt(1 + i * 3 % 17), 1 + i * 5 % 9);
    r.sampling.temperature = i % 2 ? 0.7f : 0.0f;
    r.sampling.seed = i;
    auto tokens = fakeGenerate(r.prompt, static_cast<size_t>(r.maxNewTokens), bias, i % 2 == 0, i);
    auto id = s->add(std::move(r));
    ASSERT_TRUE(id.ok()) << id.status().message();
    expected[*id] = tokens;
  }
  ASSERT_TRUE(s->run().ok());
  ASSERT_EQ(done.size(), expected.size());
  for (auto &[id, tokens] : expected)
    EXPECT_EQ(done[id].tokens, tokens) << id;
  std::map<RequestId, std::vector<int32_t>> streamed;
  for (auto [id, token] : stream)
    streamed[id].push_back(token);
  EXPECT_EQ(streamed, expected);
}

// The cache has room for one request at a time; the others wait for their turn.
TEST_F(SessionTest, WaitsForRoomInTheCache) {
  start(/*cacheTokens=*/16);
  auto s = session();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(s->add(request(prompt(8 + i))).ok());
  ASSERT_TRUE(s->run().ok());
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(done[i].tokens, fakeGenerate(prompt(8 + i), 6, bias));
}

TEST_F(SessionTest, RefusesARequestThatCanNeverRun) {
  start(/*cacheTokens=*/16);
  auto s = session();
  auto errorOf = [&](Request r) {
    auto id = s->add(std::move(r));
    return id.ok() ? "" : id.status().message();
  };
  EXPECT_EQ(errorOf(request({})), "the prompt is empty");
  EXPECT_EQ(errorOf(request(prompt(41))), "the prompt has 41 tokens, the model's context holds 40");
  EXPECT_EQ(errorOf(request({1, 2, 32})),
            "token 32 at position 2 of the prompt is outside the model's vocabulary of 32");
  EXPECT_EQ(errorOf(request({-1})), "token -1 at position 0 of the prompt is outside the model's vocabulary of 32");
  EXPECT_EQ(errorOf(request({1}, 0)), "at least one new token must be asked for, got 0");
  EXPECT_EQ(errorOf(request(prompt(12))),
            "the cache is too small: the request may need 5 pages of 4 tokens, the cache has 4");
  Request hot = request({1});
  hot.sampling.temperature = -2;
  EXPECT_EQ(errorOf(hot), "the temperature must be a number that is not negative, got -2.000000");
  // The others go on.
  auto id = s->add(request({1, 2, 3}));
  ASSERT_TRUE(id.ok());
  ASSERT_TRUE(s->run().ok());
  EXPECT_EQ(done[*id].tokens, fakeGenerate({1, 2, 3}, 6, bias));
}

TEST_F(SessionTest, StopsAtAStopToken) {
  start();
  std::vector<int32_t> all = fakeGenerate(prompt(5), 8, bias);
  auto first = std::find(all.begin(), all.end(), all[3]); // it may occur before
  Request r = request(prompt(5), 8);
  r.stopTokens = {all[3]};
  auto s = session();
  ASSERT_TRUE(s->add(r).ok());
  ASSERT_TRUE(s->run().ok());
  EXPECT_EQ(done[0].tokens, std::vector<int32_t>(all.begin(), first));
  EXPECT_EQ(done[0].reason, FinishReason::Stop);
}

// A sequence ends when its context is full: position 39 is the last, and the token it predicts is the last one.
TEST_F(SessionTest, StopsWhenTheContextIsFull) {
  start();
  auto s = session();
  ASSERT_TRUE(s->add(request(prompt(37), 100)).ok());
  ASSERT_TRUE(s->add(request(prompt(40), 100)).ok());
  ASSERT_TRUE(s->run().ok());
  EXPECT_EQ(done[0].tokens, fakeGenerate(prompt(37), 4, bias));
  EXPECT_EQ(done[0].reason, FinishReason::Context);
  EXPECT_EQ(done[1].tokens, fakeGenerate(prompt(40), 1, bias));
}

TEST_F(SessionTest, OptionsAreChecked) {
  start();
  SessionOptions options;
  options.prefillChunk = 9;
  auto s = Session::create(*runner, options);
  ASSERT_FALSE(s.ok());
  EXPECT_EQ(s.status().message(), "the prefill chunk must be from 1 to 8, got 9");
  options.prefillChunk = 0;
  options.maxBatch = 5;
  EXPECT_EQ(Session::create(*runner, options).status().message(), "the batch must be from 1 to 4, got 5");
}

TEST_F(SessionTest, SmallerBatchesGiveTheSameTokens) {
  start();
  for (int64_t batch : {1, 2, 3}) {
    SessionOptions options;
    options.maxBatch = batch;
    auto s = session(options);
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(s->add(request(prompt(2 + 3 * i))).ok());
    ASSERT_TRUE(s->run().ok());
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(done[i].tokens, fakeGenerate(prompt(2 + 3 * i), 6, bias));
  }
}
} // namespace
