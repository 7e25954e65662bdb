#include "tools/deepseek-run/Run.h"

#include "tools/deepseek-run/Check.h"
#include "tools/deepseek-run/Output.h"
#include "tools/deepseek-run/Prompts.h"
#include "tools/runner/LoadModel.h"
#include "tools/runner/Watchdog.h"

#include <cstdio>

namespace dsrt {

namespace {
constexpr const char *tool = "deepseek-run";
constexpr const char *usage = "deepseek-run MODEL.so --weights DIR --prompt TEXT [options]";
constexpr const char *intro =
    "Runs a compiled model. The text that follows one prompt is streamed; of several prompts each one's text is "
    "printed\n"
    "when it is complete, after a line with its number. Exits with 1 on an error or a miss of --check.";

struct RunOptions {
  LoadOptions load;
  PromptOptions prompts;
  CheckOptions check;
  std::string golden;
  int64_t maxNewTokens = 256, prefillChunk = 0, batch = 0, topK = 0, seed = 0;
  double temperature = 0, topP = 1;
  bool stats = false, ignoreEos = false;
};

void declare(CommandLine &line, RunOptions &options) {
  line.positional("artefact", options.load.artifact);
  line.heading("Prompts (each may be repeated):");
  line.texts("prompt", "TEXT", options.prompts.texts, "text to continue");
  line.texts("prompt-file", "FILE", options.prompts.files, "text to continue, from a file");
  line.texts("tokens", "LIST", options.prompts.tokenLists, "token ids to continue, as 1,2,3");
  line.text("tokenizer", "DIR", options.prompts.tokenizer,
            "directory with tokenizer.json (default: that of --weights); without one, token ids are printed");
  line.flag("chat", options.prompts.chat, "each text is a user's message: apply the tokenizer's chat template");
  line.text("system", "TEXT", options.prompts.system, "the system message of --chat");
  line.heading("Generation:");
  line.integer("max-new-tokens", "N", options.maxNewTokens, 1, INT32_MAX, "tokens to generate (default 256)");
  line.real("temperature", "T", options.temperature, 0, 1e4, "0 takes the most probable token (default 0)");
  line.integer("top-k", "K", options.topK, 0, INT32_MAX, "sample from the K most probable tokens (default 0: all)");
  line.real("top-p", "P", options.topP, 0, 1, "and from the smallest set of them with this probability (default 1)");
  line.integer("seed", "S", options.seed, INT64_MIN, INT64_MAX, "of the sampling; prompt i uses S + i (default 0)");
  line.flag("ignore-eos", options.ignoreEos, "go on after the end-of-sequence token");
  line.heading("Running:");
  options.load.declare(line);
  line.integer("prefill-chunk", "N", options.prefillChunk, 1, 1 << 24, "most tokens of a prompt in one step");
  line.integer("batch", "N", options.batch, 1, 1 << 24, "most sequences at once (default: the artefact's largest)");
  line.flag("stats", options.stats, "print times, tokens per second and memory to stderr");
  line.heading("Checking:");
  line.text("check", "GOLDEN", options.golden, "compare logits and greedy tokens with golden.json, golden.safetensors");
  line.real("logit-tolerance", "T", options.check.logitTolerance, 0, 1e9,
            "relative, over a prompt's logits (default: f32 1e-5, bf16 2e-2 or what rounding.json beside the golden "
            "allows; with fp8 weights 2e-2, and 0.3 for bf16 without rounding.json)");
  line.real("token-tolerance", "T", options.check.tokenTolerance, 0, 1e9,
            "greedy tokens must be equal where the golden margin exceeds T * max|logit| (default: as above)");
  line.integer("check-batch", "N", options.check.batch, 1, 1 << 24, "sequences decoded together (default 1)");
  line.integer("repeat", "N", options.check.repeat, 1, 1000, "runs that must give the same bits (default 1)");
}

StatusOr<int> check(LoadedModel &loaded, RunOptions &options, EntryObserver *observer) {
  // Small files first: a mistake in them should not cost the loading of the weights.
  DSRT_ASSIGN_OR_RETURN(Golden golden, Golden::load(options.golden, loaded.program->manifest().model->vocabSize));
  DSRT_RETURN_IF_ERROR(startModel(loaded, options.load, tool, observer));
  options.check.prefillChunk = options.prefillChunk;
  DSRT_ASSIGN_OR_RETURN(CheckReport report, checkModel(*loaded.runner, golden, options.check));
  std::fputs(report.table().c_str(), stdout);
  return report.passed() ? 0 : 1;
}

std::vector<int32_t> stopTokens(const ModelInfo &model, const std::optional<Tokenizer> &tokenizer) {
  std::vector<int32_t> stops(model.eosTokens.begin(), model.eosTokens.end());
  if (stops.empty() && tokenizer && tokenizer->eosId())
    stops.push_back(*tokenizer->eosId());
  return stops;
}

void printStats(const LoadedModel &loaded, const Session &session, const std::vector<Completion> &done,
                double seconds) {
  int64_t prompt = 0, generated = 0;
  for (const Completion &completion : done) {
    prompt += completion.promptTokens;
    generated += static_cast<int64_t>(completion.tokens.size());
  }
  auto rate = [](int64_t count, double time) { return time > 0 ? static_cast<double>(count) / time : 0.0; };
  std::fprintf(stderr, "load        %.2f s for %.3f GB of weights, initialize %.2f s\n", loaded.loadSeconds,
               loaded.weightBytes / 1e9, loaded.initializeSeconds);
  std::fprintf(stderr, "memory      %.3f GB, cache for %lld tokens\n", loaded.program->bytesAllocated() / 1e9,
               static_cast<long long>(loaded.program->pages() * loaded.runner->model().pageSize));
  std::fprintf(stderr, "prefill     %lld tokens in %.3f s, %.1f tokens/s\n", static_cast<long long>(prompt),
               session.prefillSeconds(), rate(prompt, session.prefillSeconds()));
  std::fprintf(stderr, "decode      %lld tokens in %.3f s, %.1f tokens/s\n",
               static_cast<long long>(session.decodedTokens()), session.decodeSeconds(),
               rate(session.decodedTokens(), session.decodeSeconds()));
  std::fprintf(stderr, "total       %lld tokens in %.3f s, %.1f tokens/s\n", static_cast<long long>(generated), seconds,
               rate(generated, seconds));
  for (const Completion &completion : done)
    std::fprintf(stderr, "request %-3lld %lld + %zu tokens, first after %.1f ms, all after %.1f ms, ended by %s\n",
                 static_cast<long long>(completion.id), static_cast<long long>(completion.promptTokens),
                 completion.tokens.size(), completion.secondsToFirstToken * 1e3, completion.seconds * 1e3,
                 std::string(finishReasonName(completion.reason)).c_str());
}

StatusOr<int> generate(LoadedModel &loaded, const RunOptions &options, EntryObserver *observer) {
  const ModelInfo &model = *loaded.program->manifest().model;
  DSRT_ASSIGN_OR_RETURN(TextTools tools, loadTextTools(options.prompts, options.load.weights, model));
  DSRT_ASSIGN_OR_RETURN(auto prompts, makePrompts(options.prompts, tools));
  DSRT_RETURN_IF_ERROR(startModel(loaded, options.load, tool, observer));
  Output output(tools.tokenizer, /*streams=*/prompts.size() == 1);
  std::vector<Completion> done;
  SessionOptions sessionOptions;
  sessionOptions.prefillChunk = options.prefillChunk;
  sessionOptions.maxBatch = options.batch;
  sessionOptions.onToken = [&](RequestId id, int32_t token) { output.token(id, token); };
  sessionOptions.onDone = [&](const Completion &completion) {
    output.done(completion);
    done.push_back(completion);
  };
  DSRT_ASSIGN_OR_RETURN(auto session, Session::create(*loaded.runner, sessionOptions));
  int code = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    Request request;
    request.prompt = prompts[i];
    request.maxNewTokens = options.maxNewTokens;
    request.sampling = {static_cast<float>(options.temperature), static_cast<int32_t>(options.topK),
                        static_cast<float>(options.topP),
                        static_cast<int64_t>(static_cast<uint64_t>(options.seed) + i)};
    if (!options.ignoreEos)
      request.stopTokens = stopTokens(model, tools.tokenizer);
    auto id = session->add(std::move(request));
    if (id.ok()) {
      output.expect(*id, i);
      continue;
    }
    std::fprintf(stderr, "%s: error: prompt %zu: %s\n", tool, i, id.status().message().c_str());
    code = 1; // the others still run
  }
  auto start = std::chrono::steady_clock::now();
  DSRT_RETURN_IF_ERROR(session->run());
  if (options.stats)
    printStats(loaded, *session, done, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return code;
}

StatusOr<int> run(int argc, const char *const *argv) {
  RunOptions options;
  CommandLine line(tool, usage, intro);
  declare(line, options);
  DSRT_ASSIGN_OR_RETURN(bool goesOn, line.parse(argc, argv));
  if (!goesOn)
    return 0;
  Watchdog watchdog(tool, options.load.timeout);
  DSRT_ASSIGN_OR_RETURN(LoadedModel loaded, openProgram(options.load));
  if (!loaded.program->manifest().model)
    return Status::error(options.load.artifact + " holds plain functions, not a model");
  return options.golden.empty() ? generate(loaded, options, &watchdog) : check(loaded, options, &watchdog);
}
} // namespace

int runMain(int argc, const char *const *argv) {
  return exitCode(tool, run(argc, argv));
}

} // namespace dsrt
