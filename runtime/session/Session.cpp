#include "runtime/session/Session.h"

#include <algorithm>

namespace dsrt {

namespace {
double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
} // namespace

std::string_view finishReasonName(FinishReason reason) {
  constexpr std::string_view names[] = {"stop token", "length", "context full"};
  return names[static_cast<size_t>(reason)];
}

StatusOr<std::unique_ptr<Session>> Session::create(ModelRunner &runner, SessionOptions options) {
  const ModelInfo &model = runner.model();
  auto check = [](const char *what, int64_t &value, int64_t limit) {
    if (value < 0 || value > limit)
      return Status::error(std::string(what) + " must be from 1 to " + std::to_string(limit) + ", got " +
                           std::to_string(value));
    value = value ? value : limit;
    return Status();
  };
  DSRT_RETURN_IF_ERROR(check("the prefill chunk", options.prefillChunk, model.maxPrefill));
  DSRT_RETURN_IF_ERROR(check("the batch", options.maxBatch, model.maxBatch));
  return std::unique_ptr<Session>(new Session(runner, std::move(options)));
}

// The last token of the output is never fed back, so it takes no place in the cache.
int64_t Session::positionsNeeded(const Request &request) const {
  return std::min(static_cast<int64_t>(request.prompt.size()) + request.maxNewTokens - 1, runner.model().maxContext);
}

StatusOr<RequestId> Session::add(Request request) {
  const ModelInfo &model = runner.model();
  int64_t length = static_cast<int64_t>(request.prompt.size());
  if (length == 0)
    return Status::error("the prompt is empty");
  if (length > model.maxContext)
    return Status::error("the prompt has " + std::to_string(length) + " tokens, the model's context holds " +
                         std::to_string(model.maxContext));
  for (int64_t i = 0; i < length; ++i)
    if (request.prompt[i] < 0 || request.prompt[i] >= model.vocabSize)
      return Status::error("token " + std::to_string(request.prompt[i]) + " at position " + std::to_string(i) +
                           " of the prompt is outside the model's vocabulary of " + std::to_string(model.vocabSize));
  if (request.maxNewTokens < 1)
    return Status::error("at least one new token must be asked for, got " + std::to_string(request.maxNewTokens));
  request.maxNewTokens = std::min(request.maxNewTokens, model.maxContext); // keeps sums below far from overflow
  DSRT_RETURN_IF_ERROR(checkSampling(request.sampling));
  int64_t pages = runner.cache().pagesFor(positionsNeeded(request));
  if (pages > runner.cache().totalPages())
    return Status::error("the cache is too small: the request may need " + std::to_string(pages) + " pages of " +
                         std::to_string(model.pageSize) + " tokens, the cache has " +
                         std::to_string(runner.cache().totalPages()));
  Sequence sequence;
  sequence.result.id = nextId;
  sequence.result.promptTokens = length;
  sequence.request = std::move(request);
  sequence.added = Clock::now();
  waiting.push_back(std::move(sequence));
  return nextId++;
}

// First come, first served: a large request is not overtaken, or it might wait forever.
void Session::admit() {
  while (!waiting.empty() && static_cast<int64_t>(active.size()) < options.maxBatch) {
    Sequence &next = waiting.front();
    next.pages = runner.cache().createSequence();
    if (!runner.cache().reserve(next.pages, positionsNeeded(next.request)).ok()) {
      runner.cache().release(next.pages);
      return;
    }
    active.push_back(std::move(next));
    waiting.pop_front();
  }
}

Status Session::step() {
  admit();
  DSRT_RETURN_IF_ERROR(prefillOne());
  DSRT_RETURN_IF_ERROR(decodeAll());
  std::erase_if(active, [](const Sequence &sequence) { return sequence.isDone; });
  return Status();
}

Status Session::run() {
  while (!isIdle())
    DSRT_RETURN_IF_ERROR(step());
  return Status();
}

Status Session::prefillOne() {
  auto it = std::find_if(active.begin(), active.end(), [](const Sequence &s) { return s.inPrompt(); });
  if (it == active.end())
    return Status();
  Clock::time_point start = Clock::now();
  Sequence &sequence = *it;
  std::span<const int32_t> prompt(sequence.request.prompt);
  size_t first = static_cast<size_t>(sequence.cached);
  size_t count = std::min(prompt.size() - first, static_cast<size_t>(options.prefillChunk));
  int32_t last = static_cast<int32_t>(count) - 1;
  PrefillChunk chunk{prompt.subspan(first, count), sequence.cached, runner.cache().blockTable(sequence.pages),
                     std::span<const int32_t>(&last, 1), sequence.request.sampling};
  DSRT_RETURN_IF_ERROR(runner.prefill(chunk));
  sequence.cached += static_cast<int64_t>(count);
  if (!sequence.inPrompt()) {
    int32_t token = 0;
    DSRT_RETURN_IF_ERROR(runner.readNextTokens(std::span<int32_t>(&token, 1)));
    sequence.result.secondsToFirstToken = secondsSince(sequence.added);
    accept(sequence, token);
  }
  secondsInPrefill += secondsSince(start);
  return Status();
}

Status Session::decodeAll() {
  std::vector<Sequence *> batch;
  std::vector<DecodeRow> rows;
  for (Sequence &sequence : active) {
    if (sequence.inPrompt() || sequence.isDone)
      continue;
    batch.push_back(&sequence);
    rows.push_back({sequence.result.tokens.back(), sequence.cached, runner.cache().blockTable(sequence.pages),
                    sequence.request.sampling});
  }
  if (batch.empty())
    return Status();
  Clock::time_point start = Clock::now();
  std::vector<int32_t> tokens(batch.size());
  DSRT_RETURN_IF_ERROR(runner.decode(rows));
  DSRT_RETURN_IF_ERROR(runner.readNextTokens(tokens));
  secondsInDecode += secondsSince(start);
  decoded += static_cast<int64_t>(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    ++batch[i]->cached;
    accept(*batch[i], tokens[i]);
  }
  return Status();
}

// Takes a token that the model returned for a sequence.
void Session::accept(Sequence &sequence, int32_t token) {
  const Request &request = sequence.request;
  if (std::find(request.stopTokens.begin(), request.stopTokens.end(), token) != request.stopTokens.end())
    return finish(sequence, FinishReason::Stop);
  sequence.result.tokens.push_back(token);
  if (options.onToken)
    options.onToken(sequence.result.id, token);
  if (static_cast<int64_t>(sequence.result.tokens.size()) >= request.maxNewTokens)
    finish(sequence, FinishReason::Length);
  else if (sequence.cached >= runner.model().maxContext) // its position would be past the last
    finish(sequence, FinishReason::Context);
}

void Session::finish(Sequence &sequence, FinishReason reason) {
  sequence.result.reason = reason;
  sequence.result.seconds = secondsSince(sequence.added);
  sequence.isDone = true;
  runner.cache().release(sequence.pages);
  if (options.onDone)
    options.onDone(sequence.result);
}

} // namespace dsrt
