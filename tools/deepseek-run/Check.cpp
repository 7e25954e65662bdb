#include "tools/deepseek-run/Check.h"

#include "runtime/session/Session.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace dsrt {

namespace {
struct Sequence {
  size_t prompt;
  SequenceId pages = 0;
  std::vector<float> logits, stepLogits; // as in the golden
  std::vector<int32_t> chosen;           // next_tokens of each step
  std::vector<float> maxLogit;           // largest |logit| of each step
  int64_t sampler = 0;
  uint64_t bits = 0xcbf29ce484222325u; // FNV-1a over all logits
};

constexpr double bf16Tolerance = 2e-2; // relative, on logits

double relativeError(const std::vector<float> &got, const std::vector<float> &want) {
  double difference = 0, norm = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    difference += (double(got[i]) - want[i]) * (double(got[i]) - want[i]);
    norm += double(want[i]) * want[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
}

void addBits(Sequence &sequence, std::span<const float> logits) {
  for (std::byte b : std::as_bytes(logits))
    sequence.bits = (sequence.bits ^ static_cast<uint8_t>(b)) * 0x100000001b3u;
}

int32_t argmax(std::span<const float> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()); // the first of equals
}

class Checker {
public:
  Checker(ModelRunner &runner, const Golden &golden, const CheckOptions &options)
      : runner(runner), golden(golden), options(options), vocab(static_cast<size_t>(runner.model().vocabSize)) {}

  // All sequences, in groups of `batch`.
  StatusOr<std::vector<Sequence>> runForced() {
    size_t count = std::max(golden.prompts.size(), static_cast<size_t>(options.batch));
    std::vector<Sequence> sequences(count);
    for (size_t i = 0; i < count; ++i)
      sequences[i].prompt = i % golden.prompts.size();
    for (size_t first = 0; first < count; first += static_cast<size_t>(options.batch)) {
      size_t size = std::min(static_cast<size_t>(options.batch), count - first);
      DSRT_RETURN_IF_ERROR(runGroup(std::span(sequences).subspan(first, size)));
    }
    return sequences;
  }

  // The tokens of each sequence as a session generates them.
  StatusOr<std::vector<std::vector<int32_t>>> runSession(const std::vector<Sequence> &sequences) {
    std::vector<std::vector<int32_t>> generated(sequences.size());
    SessionOptions sessionOptions;
    sessionOptions.prefillChunk = options.prefillChunk;
    sessionOptions.maxBatch = options.batch;
    sessionOptions.onDone = [&](const Completion &done) { generated[static_cast<size_t>(done.id)] = done.tokens; };
    DSRT_ASSIGN_OR_RETURN(auto session, Session::create(runner, sessionOptions));
    for (const Sequence &sequence : sequences) {
      Request request;
      request.prompt = promptOf(sequence).tokens;
      request.maxNewTokens = static_cast<int64_t>(promptOf(sequence).greedy.size());
      DSRT_RETURN_IF_ERROR(session->add(request).status());
    }
    DSRT_RETURN_IF_ERROR(session->run());
    return generated;
  }

  CheckRow compare(const Sequence &sequence, const std::vector<int32_t> &generated, const CheckReport &report) const {
    const GoldenPrompt &prompt = promptOf(sequence);
    const RoundingBound *rounding = report.allowsRounding && prompt.rounding ? &*prompt.rounding : nullptr;
    CheckRow row;
    row.prefillTolerance = std::max(report.tolerance, rounding ? rounding->logits : 0);
    row.stepTolerance = std::max(report.tolerance, rounding ? rounding->steps : 0);
    row.leastEqual = rounding ? rounding->equal : static_cast<int64_t>(prompt.greedy.size());
    row.prompt = sequence.prompt;
    row.prefillError = relativeError(sequence.logits, prompt.logits);
    row.stepError = relativeError(sequence.stepLogits, prompt.stepLogits);
    row.sampler = sequence.sampler;
    auto isClose = [&](size_t step) { return prompt.margins[step] <= report.tokenTolerance * sequence.maxLogit[step]; };
    for (size_t step = 0; step < prompt.greedy.size(); ++step) {
      ++row.tokens;
      if (sequence.chosen[step] == prompt.greedy[step])
        ++row.equal;
      else
        ++(isClose(step) ? row.allowed : row.missed);
    }
    for (size_t step = 0; step < prompt.greedy.size(); ++step) {
      if (step >= generated.size() || generated[step] != prompt.greedy[step]) {
        // What the forced run chose otherwise as well is counted there. A step may also have run in another bucket,
        // whose kernels round otherwise: one more differing token, within the prompt's bound.
        bool isKnown = rounding && sequence.chosen[step] != prompt.greedy[step];
        bool isBounded = rounding && row.equal - 1 >= row.leastEqual;
        row.sessionMissed = step >= generated.size() || !(isClose(step) || isKnown || isBounded);
        break;
      }
      ++row.sessionTokens;
    }
    return row;
  }

private:
  const GoldenPrompt &promptOf(const Sequence &sequence) const { return golden.prompts[sequence.prompt]; }

  Status runGroup(std::span<Sequence> group) {
    // Nothing may depend on what the last call left behind.
    DSRT_RETURN_IF_ERROR(runner.owner().poison(BufferRole::Workspace));
    DSRT_RETURN_IF_ERROR(runner.owner().poison(BufferRole::Output));
    size_t steps = 0;
    for (Sequence &sequence : group) {
      const GoldenPrompt &prompt = promptOf(sequence);
      steps = std::max(steps, prompt.greedy.size());
      sequence.pages = runner.cache().createSequence();
      int64_t positions = static_cast<int64_t>(prompt.tokens.size() + prompt.greedy.size()) - 1;
      if (positions > runner.model().maxContext)
        return Status::error("prompt " + std::to_string(sequence.prompt) + " of the golden needs " +
                             std::to_string(positions) + " positions, the model's context holds " +
                             std::to_string(runner.model().maxContext));
      DSRT_RETURN_IF_ERROR(runner.cache().reserve(sequence.pages, positions));
      DSRT_RETURN_IF_ERROR(prefill(sequence));
    }
    for (size_t step = 1; step < steps; ++step)
      DSRT_RETURN_IF_ERROR(decode(group, step));
    for (Sequence &sequence : group)
      runner.cache().release(sequence.pages);
    return Status();
  }

  // The whole prompt in chunks; each chunk is run again until all of its rows of logits have been read.
  Status prefill(Sequence &sequence) {
    const std::vector<int32_t> &tokens = promptOf(sequence).tokens;
    size_t limit = static_cast<size_t>(options.prefillChunk ? options.prefillChunk : runner.model().maxPrefill);
    sequence.logits.resize(tokens.size() * vocab);
    for (size_t first = 0; first < tokens.size(); first += limit) {
      size_t count = std::min(limit, tokens.size() - first);
      const EntryInfo *entry = runner.prefillEntry(static_cast<int64_t>(count));
      size_t rowsAtOnce = static_cast<size_t>(entry ? entry->rows : 1);
      for (size_t row = 0; row < count; row += rowsAtOnce) {
        std::vector<int32_t> rows;
        for (size_t i = row; i < std::min(row + rowsAtOnce, count); ++i)
          rows.push_back(static_cast<int32_t>(i));
        PrefillChunk chunk{std::span(tokens).subspan(first, count), static_cast<int64_t>(first),
                           runner.cache().blockTable(sequence.pages), rows, SamplingOptions()};
        DSRT_RETURN_IF_ERROR(runner.prefill(chunk));
        std::span<float> out = std::span(sequence.logits).subspan((first + row) * vocab, rows.size() * vocab);
        DSRT_RETURN_IF_ERROR(runner.readLogits(0, out));
        std::vector<int32_t> next(rows.size());
        DSRT_RETURN_IF_ERROR(runner.readNextTokens(next));
        for (size_t i = 0; i < rows.size(); ++i)
          sequence.sampler += next[i] != argmax(out.subspan(i * vocab, vocab));
        if (first + row + rows.size() == tokens.size())
          addStep(sequence, out.subspan((rows.size() - 1) * vocab, vocab), next.back());
      }
    }
    addBits(sequence, sequence.logits);
    return Status();
  }

  void addStep(Sequence &sequence, std::span<const float> logits, int32_t chosen) {
    const GoldenPrompt &prompt = promptOf(sequence);
    if (sequence.stepLogits.size() < prompt.stepLogits.size())
      sequence.stepLogits.insert(sequence.stepLogits.end(), logits.begin(), logits.end());
    float largest = 0;
    for (float logit : logits)
      largest = std::max(largest, std::fabs(logit));
    sequence.chosen.push_back(chosen);
    sequence.maxLogit.push_back(largest);
  }

  // One step for every sequence of the group that has golden tokens left.
  Status decode(std::span<Sequence> group, size_t step) {
    std::vector<Sequence *> batch;
    std::vector<DecodeRow> rows;
    for (Sequence &sequence : group) {
      const GoldenPrompt &prompt = promptOf(sequence);
      if (step >= prompt.greedy.size())
        continue;
      batch.push_back(&sequence);
      rows.push_back({prompt.greedy[step - 1], static_cast<int64_t>(prompt.tokens.size() + step) - 1,
                      runner.cache().blockTable(sequence.pages), SamplingOptions()});
    }
    DSRT_RETURN_IF_ERROR(runner.decode(rows));
    std::vector<float> logits(rows.size() * vocab);
    std::vector<int32_t> next(rows.size());
    DSRT_RETURN_IF_ERROR(runner.readLogits(0, logits));
    DSRT_RETURN_IF_ERROR(runner.readNextTokens(next));
    for (size_t i = 0; i < batch.size(); ++i) {
      std::span<const float> row = std::span(logits).subspan(i * vocab, vocab);
      batch[i]->sampler += next[i] != argmax(row);
      addStep(*batch[i], row, next[i]);
      addBits(*batch[i], row);
    }
    return Status();
  }

  ModelRunner &runner;
  const Golden &golden;
  const CheckOptions &options;
  size_t vocab;
};
} // namespace

double defaultLogitTolerance(const Manifest &manifest) {
  bool isFloat32 = manifest.model && manifest.model->activation == DType::F32;
  for (const ParameterInfo &parameter : manifest.parameters)
    if (parameter.dtype == DType::F8E4M3)
      return isFloat32 ? 2e-2 : 0.3;
  return isFloat32 ? 1e-5 : bf16Tolerance;
}

StatusOr<CheckReport> checkModel(ModelRunner &runner, const Golden &golden, const CheckOptions &options) {
  const ModelInfo &model = runner.model();
  if (options.batch < 1 || options.batch > model.maxBatch)
    return Status::error("the check's batch must be from 1 to " + std::to_string(model.maxBatch) + ", got " +
                         std::to_string(options.batch));
  if (options.prefillChunk < 0 || options.prefillChunk > model.maxPrefill)
    return Status::error("the prefill chunk must be from 1 to " + std::to_string(model.maxPrefill) + ", got " +
                         std::to_string(options.prefillChunk));
  CheckReport report;
  report.tolerance =
      options.logitTolerance > 0 ? options.logitTolerance : defaultLogitTolerance(runner.owner().manifest());
  report.allowsRounding =
      model.activation == DType::BF16 && options.logitTolerance == 0 &&
      std::all_of(golden.prompts.begin(), golden.prompts.end(), [](const auto &prompt) { return prompt.rounding; });
  if (report.allowsRounding)
    report.tolerance = bf16Tolerance; // each prompt has its own bound beyond it, also with fp8 weights
  report.tokenTolerance = options.tokenTolerance > 0 ? options.tokenTolerance : report.tolerance;
  Checker checker(runner, golden, options);
  DSRT_ASSIGN_OR_RETURN(std::vector<Sequence> first, checker.runForced());
  DSRT_ASSIGN_OR_RETURN(auto generated, checker.runSession(first));
  for (size_t i = 0; i < first.size(); ++i)
    report.rows.push_back(checker.compare(first[i], generated[i], report));
  for (int64_t run = 1; run < options.repeat; ++run) {
    DSRT_ASSIGN_OR_RETURN(std::vector<Sequence> again, checker.runForced());
    for (size_t i = 0; i < first.size(); ++i)
      report.rows[i].bitsChanged |= again[i].bits != first[i].bits || again[i].chosen != first[i].chosen;
  }
  return report;
}

bool CheckRow::passes() const {
  // Written so that NaN does not pass.
  return prefillError <= prefillTolerance && stepError <= stepTolerance && (missed == 0 || equal >= leastEqual) &&
         sampler == 0 && !sessionMissed && !bitsChanged;
}

bool CheckReport::passed() const {
  return std::all_of(rows.begin(), rows.end(), [](const CheckRow &row) { return row.passes(); });
}

std::string CheckReport::table() const {
  std::string out = "prompt   prefill     steps    greedy  allowed   session  result\n";
  for (const CheckRow &row : rows) {
    std::string result = row.passes() ? "ok" : "MISS:";
    result += row.prefillError <= row.prefillTolerance ? "" : " prefill logits";
    result += row.stepError <= row.stepTolerance ? "" : " step logits";
    result += row.missed && row.equal < row.leastEqual ? " greedy tokens" : "";
    result += row.sampler ? " next_tokens is not the argmax of logits" : "";
    result += row.sessionMissed ? " session" : "";
    result += row.bitsChanged ? " a repeated run gave other bits" : "";
    if (std::max(row.prefillTolerance, row.stepTolerance) > tolerance) {
      char bound[128];
      std::snprintf(bound, sizeof(bound), " (bf16 may cost %.1e, %.1e, %lld tokens)", row.prefillTolerance,
                    row.stepTolerance, static_cast<long long>(row.tokens - row.leastEqual));
      result += bound;
    }
    char line[256];
    std::snprintf(line, sizeof(line), "%6zu  %8.2e  %8.2e  %4lld/%-4lld %6lld  %4lld/%-4lld  %s\n", row.prompt,
                  row.prefillError, row.stepError, static_cast<long long>(row.equal),
                  static_cast<long long>(row.tokens), static_cast<long long>(row.allowed),
                  static_cast<long long>(row.sessionTokens), static_cast<long long>(row.tokens), result.c_str());
    out += line;
  }
  char line[128];
  std::snprintf(line, sizeof(line), "tolerance %.1e on logits, %.1e on margins: %s\n", tolerance, tokenTolerance,
                passed() ? "passed" : "FAILED");
  return out + line;
}

} // namespace dsrt
