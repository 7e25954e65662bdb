// The two tools as processes: exit codes, messages, output.
#include "test/unit/support/FakeModelReference.h"
#include "test/unit/support/TestArtifact.h"
#include "test/unit/support/TestFiles.h"

#include <gtest/gtest.h>

using namespace dsrt::test;

namespace {
class ToolTest : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  std::string model = directory.write("model.so", TestArtifact(FakeModel_FILE).sealed());
  std::string functions = directory.write("functions.so", TestArtifact(FakeFunctions_FILE).sealed());
  std::vector<float> bias = std::vector<float>(32, 0.0f);

  void SetUp() override {
    directory.write("model.safetensors",
                    safetensors("{\"model.bias\":{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128]},"
                                "\"unused\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[128,128]}}",
                                rawBytes(bias)));
  }
  CommandResult run(const std::string &arguments) { return runCommand(std::string(DEEPSEEK_RUN) + " " + arguments); }
  CommandResult bench(const std::string &arguments) {
    return runCommand(std::string(DEEPSEEK_BENCH) + " " + arguments);
  }
  std::string withWeights() { return model + " --weights " + directory.directory(); }
  static std::string list(const std::vector<int32_t> &tokens) {
    std::string text;
    for (int32_t token : tokens)
      text += (text.empty() ? "" : ",") + std::to_string(token);
    return text;
  }
  // The greedy continuation up to the end-of-sequence token 1.
  std::string expected(const std::vector<int32_t> &prompt, size_t count) {
    std::vector<int32_t> tokens = fakeGenerate(prompt, count, bias);
    tokens.erase(std::find(tokens.begin(), tokens.end(), 1), tokens.end());
    return list(tokens);
  }
};

TEST_F(ToolTest, HelpAndVersion) {
  for (const char *tool : {DEEPSEEK_RUN, DEEPSEEK_BENCH}) {
    CommandResult result = runCommand(std::string(tool) + " --help");
    EXPECT_EQ(result.code, 0);
    EXPECT_EQ(result.output.compare(0, 15, "usage: deepseek"), 0) << result.output;
    EXPECT_EQ(runCommand(std::string(tool) + " --version").code, 0);
  }
}

TEST_F(ToolTest, ContinuesTokens) {
  CommandResult result = run(withWeights() + " --tokens 3,1,4 --max-new-tokens 9");
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.output, "deepseek-run: warning: " + directory.directory() +
                               " has 1 tensors that the artefact does not use: unused\n" + expected({3, 1, 4}, 9) +
                               "\n");
}

TEST_F(ToolTest, SeveralPrompts) {
  CommandResult result = run(withWeights() + " --tokens 3,1,4 --tokens 99 --tokens 2 --max-new-tokens 3 2>/dev/null");
  EXPECT_EQ(result.code, 1); // the second is refused, the others are not
  std::string first = "[0]\n" + expected({3, 1, 4}, 3) + "\n", third = "[2]\n" + expected({2}, 3) + "\n";
  EXPECT_TRUE(result.output.find(first) != std::string::npos && result.output.find(third) != std::string::npos)
      << result.output;
  result = run(withWeights() + " --tokens 99");
  EXPECT_NE(result.output.find("error: prompt 0: token 99 at position 0 of the prompt is outside"), std::string::npos);
}

TEST_F(ToolTest, RandomWeightsAndStats) {
  CommandResult result = run(model + " --weights random:7 --tokens 5 --max-new-tokens 4 --stats --threads 1");
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("decode      "), std::string::npos) << result.output;
  EXPECT_EQ(run(model + " --weights random:x --tokens 5").output,
            "deepseek-run: error: the seed of --weights random:SEED must be an integer from 0 to 9223372036854775807, "
            "got 'x'\n");
}

TEST_F(ToolTest, EveryMistakeIsOneSentence) {
  auto message = [&](const std::string &arguments) {
    CommandResult result = run(arguments);
    EXPECT_EQ(result.code, 1) << result.output;
    return result.output;
  };
  EXPECT_EQ(message(""), "deepseek-run: error: no artefact given; see --help\n");
  EXPECT_EQ(message("--frobnicate"), "deepseek-run: error: unknown option --frobnicate; see --help\n");
  EXPECT_EQ(message("/nowhere.so"), "deepseek-run: error: cannot open /nowhere.so: No such file or directory\n");
  EXPECT_EQ(message(functions + " --tokens 1"),
            "deepseek-run: error: " + functions + " holds plain functions, not a model\n");
  EXPECT_EQ(message(model + " --tokens 1"),
            "deepseek-run: error: " + model + " has parameters: give --weights DIR or --weights random:SEED\n");
  EXPECT_EQ(message(withWeights()),
            "deepseek-run: error: nothing to do: give --prompt TEXT, --prompt-file FILE, --tokens \"1,2,3\" or --check "
            "FILE\n");
  EXPECT_EQ(message(withWeights() + " --prompt hello"),
            "deepseek-run: error: text prompts need a tokenizer: give --tokenizer DIR, or --tokens \"1,2,3\"\n");
  EXPECT_EQ(message(model + " --weights /nowhere --tokens 1"),
            "deepseek-run: error: cannot open /nowhere: No such file or directory\n");
}

// A byte-level tokenizer of 28 tokens, and text in, text out; a token the tokenizer does not have prints nothing.
class TextTest : public ToolTest {
protected:
  void SetUp() override {
    ToolTest::SetUp();
    writeTokenizer(26);
  }
  void writeTokenizer(int letters) {
    std::string vocab = "\"<bos>\": 0, \"<eos>\": 1";
    for (int i = 0; i < letters; ++i)
      vocab += ", \"" + letter(i + 2) + "\": " + std::to_string(i + 2);
    directory.write("tokenizer.json",
                    "{\"added_tokens\": [{\"id\": 0, \"content\": \"<bos>\", \"special\": true}, {\"id\": 1, "
                    "\"content\": \"<eos>\", \"special\": true}], \"pre_tokenizer\": {\"type\": \"ByteLevel\", "
                    "\"add_prefix_space\": false, \"use_regex\": false}, \"decoder\": {\"type\": \"ByteLevel\"}, "
                    "\"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {" +
                        vocab + "}}}");
    directory.write(
        "tokenizer_config.json",
        "{\"bos_token\": \"<bos>\", \"eos_token\": \"<eos>\", \"add_bos_token\": true, \"chat_template\": "
        "\"{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}E{% endif %}\"}");
  }
  // Token 2 is "A", 3 is "B", ...
  static std::string letter(int32_t token) {
    int index = token - 2;
    return std::string(1, static_cast<char>(index < 26 ? 'A' + index : 'a' + index - 26));
  }
  std::string expectedText(std::vector<int32_t> prompt, size_t count) {
    std::string text;
    for (int32_t token : fakeGenerate(prompt, count, bias)) {
      if (token == 1)
        break;
      text += token >= 2 && token < 28 ? letter(token) : "";
    }
    return text;
  }
};

TEST_F(TextTest, ContinuesText) {
  std::string quiet = " --max-new-tokens 9 2>/dev/null";
  EXPECT_EQ(run(withWeights() + " --prompt BAD" + quiet).output, expectedText({0, 3, 2, 5}, 9) + "\n");
  std::string file = directory.write("prompt.txt", "CAB");
  EXPECT_EQ(run(withWeights() + " --prompt-file " + file + quiet).output, expectedText({0, 4, 2, 3}, 9) + "\n");
}

TEST_F(TextTest, AppliesTheChatTemplate) {
  EXPECT_EQ(run(withWeights() + " --chat --system B --prompt AD --max-new-tokens 9 2>/dev/null").output,
            expectedText({3, 2, 5, 6}, 9) + "\n");
}

TEST_F(TextTest, RefusesATokenizerThatIsTooLarge) {
  writeTokenizer(31);
  EXPECT_EQ(run(withWeights() + " --prompt A").output, "deepseek-run: error: the tokenizer in " +
                                                           directory.directory() +
                                                           " has 33 tokens, the model's vocabulary holds only 32\n");
}

class GoldenTest : public ToolTest {
protected:
  std::string golden(int32_t lastToken, const std::string &tail = "") {
    std::vector<int32_t> prompt = {3, 1, 4};
    std::vector<float> logits, steps = fakeLogits(prompt, bias);
    for (size_t length = 1; length <= 3; ++length)
      for (float logit : fakeLogits({prompt.begin(), prompt.begin() + static_cast<ptrdiff_t>(length)}, bias))
        logits.push_back(logit);
    directory.write(
        "golden.safetensors",
        safetensors("{\"prompt0.logits\":{\"dtype\":\"F32\",\"shape\":[3,32],\"data_offsets\":[0,384]},"
                    "\"prompt0.step_logits\":{\"dtype\":\"F32\",\"shape\":[1,32],\"data_offsets\":[384,512]}}",
                    rawBytes(logits) + rawBytes(steps)));
    std::vector<int32_t> greedy = fakeGenerate(prompt, 3, bias);
    greedy.back() = lastToken < 0 ? greedy.back() : lastToken;
    return directory.write("golden.json", "{\"prompts\": [[3, 1, 4]], \"greedy\": [{\"tokens\": [" + list(greedy) +
                                              "], \"margin\": [1, 1, 1]}]}" + tail);
  }
};

TEST_F(GoldenTest, PassesAndMisses) {
  CommandResult result =
      run(withWeights() + " --check " + golden(-1) + " --check-batch 4 --repeat 2 --prefill-chunk 2");
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("tolerance 1.0e-05 on logits, 1.0e-05 on margins: passed"), std::string::npos);
  result = run(withWeights() + " --check " + golden(31));
  EXPECT_EQ(result.code, 1) << result.output;
  EXPECT_NE(result.output.find("MISS: greedy tokens session"), std::string::npos) << result.output;
}

TEST_F(GoldenTest, BadRoundingBoundsAreNamed) {
  std::string path = golden(-1), bounds = directory.path("rounding.json");
  auto message = [&](const std::string &text) {
    directory.write("rounding.json", text);
    return run(withWeights() + " --check " + path).output;
  };
  EXPECT_EQ(message("{\"prompts\": []}"),
            "deepseek-run: error: " + bounds + " has bounds for 0 prompts, the golden has 1\n");
  EXPECT_EQ(message("{\"prompts\": [{\"logits\": -1, \"steps\": 0, \"equal\": 1}]}"),
            "deepseek-run: error: " + bounds + ": prompts[0].logits must be a number that is not negative, got -1\n");
  EXPECT_EQ(message("{\"prompts\": [{\"logits\": 1, \"steps\": 0, \"equal\": 4}]}"),
            "deepseek-run: error: " + bounds + ": prompts[0].equal must be an integer from 0 to 3, got 4\n");
}

TEST_F(GoldenTest, BadGoldensAreNamed) {
  auto message = [&](const std::string &file) {
    CommandResult result = run(withWeights() + " --check " + file);
    EXPECT_EQ(result.code, 1);
    return result.output;
  };
  std::string path = golden(-1, "x");
  EXPECT_EQ(message(path), "deepseek-run: error: " + path + " is not valid JSON\n");
  golden(32);
  EXPECT_EQ(message(path),
            "deepseek-run: error: " + path + ": prompt0.greedy.tokens[2] must be an integer from 0 to 31, got 32\n");
  golden(-1);
  directory.write("golden.safetensors", safetensors("{}", ""));
  EXPECT_EQ(message(path),
            "deepseek-run: error: " + directory.path("golden.safetensors") + " has no tensor 'prompt0.logits'\n");
}

TEST_F(ToolTest, BenchTimesAModel) {
  std::string json = directory.path("bench.json");
  CommandResult result =
      bench(model + " --weights random:1 --batch 3 --context 17 --steps 4 --bandwidth 10 --json " + json);
  EXPECT_EQ(result.code, 0) << result.output;
  EXPECT_NE(result.output.find("decode_4, batch 3, context 17"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("of 10 GB/s"), std::string::npos) << result.output;
  EXPECT_NE(readFile(json).find("\"step_ms\": "), std::string::npos);
  EXPECT_EQ(bench(model + " --weights random:1 --batch 5").output,
            "deepseek-bench: error: --batch must be from 1 to 4, the artefact's largest decode entry, got 5\n");
  EXPECT_EQ(bench(model + " --weights random:1 --context 41").output,
            "deepseek-bench: error: --context must be from 1 to 40, the model's, got 41\n");
}

TEST_F(ToolTest, BenchComparesFunctions) {
  std::string wrong = directory.write("wrong.so", TestArtifact(FakeFunctionsWrong_FILE).sealed());
  CommandResult result = bench(functions + " --entry scale --against " + functions + " --repeat 2");
  EXPECT_EQ(result.code, 0) << result.output;
  result = bench(wrong + " --entry scale --against " + functions);
  EXPECT_EQ(result.code, 1) << result.output;
  EXPECT_NE(result.output.find("MISS"), std::string::npos);
  result = bench(functions + " --entry all --against " + functions + " --timeout 1"); // `spins` ends it
  EXPECT_EQ(result.code, 3) << result.output;
  EXPECT_NE(result.output.find("fails: MISS: entry fails of "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("pick: picked (f32, 16 elements)"), std::string::npos) << result.output;
  EXPECT_EQ(bench(wrong + " --entry scale --range x=5").output,
            "deepseek-bench: error: --range must be NAME=LOWEST:HIGHEST, got 'x=5'\n");
}

// An entry that never returns is ended, and named.
TEST_F(ToolTest, TimeoutEndsAHungEntry) {
  CommandResult result = bench(functions + " --entry spins --timeout 0.3");
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.output, "deepseek-bench: entry spins of " + functions + " has not finished after 0.3 s\n");
}
} // namespace
