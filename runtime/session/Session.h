// Continuous batching: requests come and go while others run. Each step prefills at most one chunk of one prompt, then
// decodes one token for every sequence that is past its prompt.
// A prompt is always cut into the same chunks and a request is admitted only when the cache has room for all it may
// ever need, so what a request returns does not depend on its neighbours (as far as the kernels' batch sizes do not).
#pragma once

#include "runtime/session/ModelRunner.h"

#include <chrono>
#include <deque>
#include <functional>

namespace dsrt {

using RequestId = int64_t;

struct Request {
  std::vector<int32_t> prompt;
  int64_t maxNewTokens = 256;
  std::vector<int32_t> stopTokens; // end the request and are not part of its output
  SamplingOptions sampling;
};

enum class FinishReason : uint8_t { Stop, Length, Context };
std::string_view finishReasonName(FinishReason reason);

struct Completion {
  RequestId id = 0;
  FinishReason reason = FinishReason::Length;
  int64_t promptTokens = 0;
  std::vector<int32_t> tokens;
  double secondsToFirstToken = 0, seconds = 0; // since the request was added
};

struct SessionOptions {
  int64_t prefillChunk = 0; // tokens; 0: the artefact's largest prefill entry
  int64_t maxBatch = 0;     // sequences at once; 0: the artefact's largest decode entry
  std::function<void(RequestId, int32_t token)> onToken;
  std::function<void(const Completion &)> onDone;
};

class Session {
public:
  static StatusOr<std::unique_ptr<Session>> create(ModelRunner &runner, SessionOptions options);

  // Refuses a request that can never run, with the reason; the others are not affected.
  StatusOr<RequestId> add(Request request);
  bool isIdle() const { return waiting.empty() && active.empty(); }
  // An error here concerns every request: an entry failed.
  Status step();
  Status run();

  int64_t decodedTokens() const { return decoded; }
  double decodeSeconds() const { return secondsInDecode; }
  double prefillSeconds() const { return secondsInPrefill; }

private:
  using Clock = std::chrono::steady_clock;
  struct Sequence {
    Completion result;
    Request request;
    SequenceId pages = 0;
    int64_t cached = 0; // tokens of the prompt or the output whose records are in the cache
    bool isDone = false;
    Clock::time_point added;

    bool inPrompt() const { return cached < static_cast<int64_t>(request.prompt.size()); }
  };
  Session(ModelRunner &runner, SessionOptions options) : runner(runner), options(std::move(options)) {}
  int64_t positionsNeeded(const Request &request) const;
  void admit();
  Status prefillOne();
  Status decodeAll();
  void accept(Sequence &sequence, int32_t token);
  void finish(Sequence &sequence, FinishReason reason);

  ModelRunner &runner;
  SessionOptions options;
  std::deque<Sequence> waiting;
  std::vector<Sequence> active; // in order of arrival
  RequestId nextId = 0;
  int64_t decoded = 0;
  double secondsInDecode = 0, secondsInPrefill = 0;
};

} // namespace dsrt
