#include "tools/deepseek-bench/KernelBench.h"
#include "tools/deepseek-bench/ModelBench.h"

#include "test/unit/support/TestArtifact.h"
#include "test/unit/support/TestFiles.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class KernelBench : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  KernelBenchOptions options;

  std::unique_ptr<Program> load(const char *sharedObject, const std::string &name) {
    auto program = Program::load(directory.write(name, TestArtifact(sharedObject).sealed()), ProgramOptions());
    EXPECT_TRUE(program.ok()) << program.status().message();
    return program.ok() ? std::move(*program) : nullptr;
  }
  StatusOr<KernelBenchReport> run(const std::string &entry, const char *subject = FakeFunctions_FILE) {
    auto program = load(subject, "subject" + entry + ".so"),
         reference = load(FakeFunctions_FILE, "cpu" + entry + ".so");
    options.entry = entry;
    return benchKernel(*program, reference.get(), options, nullptr);
  }
  static const OutputComparison &output(const KernelBenchReport &report, const std::string &name) {
    for (const OutputComparison &output : report.outputs)
      if (output.name == name)
        return output;
    ADD_FAILURE() << name;
    return report.outputs[0];
  }
};

TEST_F(KernelBench, EqualArtifactsPass) {
  auto report = run("scale");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->passed()) << report->text();
  EXPECT_EQ(output(*report, "y").relativeError, 0);
  EXPECT_TRUE(output(*report, "picked").isUntouched);
}

TEST_F(KernelBench, FindsAWrongFloat) {
  auto report = run("scale", FakeFunctionsWrong_FILE);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_FALSE(report->passed());
  EXPECT_GT(output(*report, "y").relativeError, 1e-5);
  EXPECT_NE(report->text().find("scale: y (f32, 16 elements)"), std::string::npos);
  EXPECT_NE(report->text().find("MISS"), std::string::npos);
  options.tolerance = 0.1;
}

TEST_F(KernelBench, ToleranceCanBeGiven) {
  options.tolerance = 0.1;
  auto report = run("scale", FakeFunctionsWrong_FILE);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->passed()) << report->text();
}

TEST_F(KernelBench, IntegersMustBeEqual) {
  options.tolerance = 1e9;
  auto report = run("pick", FakeFunctionsWrong_FILE);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_FALSE(report->passed());
  EXPECT_EQ(output(*report, "count").mismatches, 1);
  EXPECT_TRUE(output(*report, "picked").passes());
}

TEST_F(KernelBench, SeedsChangeTheInputs) {
  auto program = load(FakeFunctions_FILE, "a.so");
  options.entry = "scale";
  auto values = [&](uint64_t seed) {
    options.seed = seed;
    EXPECT_TRUE(benchKernel(*program, nullptr, options, nullptr).ok());
    const float *x = static_cast<const float *>(program->address(program->manifest().findBuffer("x")));
    return std::vector<float>(x, x + 16);
  };
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
  options.inputs["x"].range = {3, 4};
  for (float value : values(1))
    EXPECT_TRUE(value >= 3 && value <= 4) << value;
}

TEST_F(KernelBench, TakesInputsFromAFile) {
  std::vector<float> x(16, 2);
  options.inputFile =
      directory.write("in.safetensors",
                      safetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[4,4],\"data_offsets\":[0,64]}}", rawBytes(x)));
  auto program = load(FakeFunctions_FILE, "a.so");
  options.entry = "scale";
  ASSERT_TRUE(benchKernel(*program, nullptr, options, nullptr).ok());
  EXPECT_EQ(static_cast<const float *>(program->address(program->manifest().findBuffer("y")))[7], 6.0f);
  directory.write("in.safetensors",
                  safetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[16],\"data_offsets\":[0,64]}}", rawBytes(x)));
  EXPECT_EQ(benchKernel(*program, nullptr, options, nullptr).status().message(),
            options.inputFile + ": tensor 'x' is F32 [16], the artefact's input is f32 [4, 4]");
}

TEST_F(KernelBench, RefusesWhatItCannotRun) {
  auto report = run("nothing");
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find("has no entry 'nothing', it has scale, pick, fails, launches, spins"),
            std::string::npos);
  report = run("fails");
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find("failed: it returned code 5"), std::string::npos);
  options.inputs["nope"].scale = 1;
  report = run("pick");
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find("has no input 'nope'"), std::string::npos);
}

TEST_F(KernelBench, IntegersNeedARange) {
  TestArtifact artifact(FakeFunctions_FILE);
  artifact.replace(", \"range\": [0, 15]", "");
  auto program = Program::load(directory.write("a.so", artifact.sealed()), ProgramOptions());
  ASSERT_TRUE(program.ok());
  options.entry = "pick";
  EXPECT_EQ(benchKernel(**program, nullptr, options, nullptr).status().message(),
            "input 'index' holds integers: give --range index=LOWEST:HIGHEST or --inputs FILE");
}

// Buffers named after another entry need no values and are not compared; those of the entry answer to their short name.
TEST_F(KernelBench, LeavesOtherFunctionsAlone) {
  TestArtifact artifact(FakeFunctions_FILE);
  artifact.replace("\"name\": \"index\"", "\"name\": \"pick.index\"");
  artifact.replace(", \"range\": [0, 15]", "");
  artifact.replace("\"name\": \"picked\"", "\"name\": \"pick.picked\"");
  auto program = Program::load(directory.write("a.so", artifact.sealed()), ProgramOptions());
  ASSERT_TRUE(program.ok());
  options.entry = "scale";
  auto report = benchKernel(**program, program->get(), options, nullptr);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->outputs.size(), 2u); // y and count, which are named after nobody
  options.entry = "pick";
  options.inputs["index"].range = {3, 3};
  report = benchKernel(**program, program->get(), options, nullptr);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->outputs.size(), 3u);
  EXPECT_EQ(*static_cast<const int32_t *>((*program)->address((*program)->manifest().findBuffer("count"))), 48);
}

// An entry that writes nothing has not been tested.
TEST_F(KernelBench, AnEntryThatWritesNothingIsAMiss) {
  KernelBenchReport report;
  report.outputs.push_back({"y", DType::F32});
  report.outputs[0].isUntouched = true;
  EXPECT_FALSE(report.passed());
}

TEST_F(KernelBench, Times) {
  options.repeat = 3;
  options.bytes = 128;
  auto report = run("scale");
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_GT(report->microseconds, 0);
  EXPECT_NE(report->text().find("us on CPU (median of 3)"), std::string::npos) << report->text();
  EXPECT_NE(report->json().find("\"passed\": true"), std::string::npos);
}

TEST_F(KernelBench, ColdNeedsAGpu) {
  options.repeat = 1;
  options.cold = true;
  auto report = run("scale");
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.status().message().find("--cold empties the cache of a GPU; "), std::string::npos);
}

TEST(TestData, FollowsItsDistribution) {
  std::vector<float> floats(20000);
  fillRandom({DType::F32, floats.data(), floats.size()}, Distribution{2.0, {}}, 1);
  double sum = 0, squares = 0;
  for (float value : floats) {
    sum += value;
    squares += double(value) * value;
  }
  EXPECT_NEAR(sum / 20000, 0, 0.07); // five standard errors
  EXPECT_NEAR(squares / 20000, 4, 0.2);
  std::vector<int32_t> integers(2000);
  fillRandom({DType::I32, integers.data(), integers.size()}, Distribution{1, {{-2, 3}}}, 1);
  EXPECT_EQ(*std::min_element(integers.begin(), integers.end()), -2);
  EXPECT_EQ(*std::max_element(integers.begin(), integers.end()), 3);
  std::vector<uint8_t> scales(2000);
  fillRandom({DType::F8E8M0, scales.data(), scales.size()}, Distribution(), 1);
  EXPECT_EQ(*std::min_element(scales.begin(), scales.end()), 124);
  EXPECT_EQ(*std::max_element(scales.begin(), scales.end()), 130);
}

TEST(ModelBench, CountsTheWeightsOfAStep) {
  Manifest manifest;
  manifest.config = "{\"n_routed_experts\": 4, \"num_experts_per_tok\": 2}";
  manifest.parameters.push_back({"model.embed_tokens.weight", DType::BF16, {100, 10}, 0, 0});
  manifest.parameters.push_back({"model.layers.1.mlp.experts.0.up_proj.weight", DType::BF16, {10, 10}, 0, 0});
  manifest.parameters.push_back({"model.layers.1.mlp.shared_experts.up_proj.weight", DType::F32, {10}, 0, 0});
  EXPECT_EQ(weightBytesPerStep(manifest, 1), 20 + 100 + 40);
  EXPECT_EQ(weightBytesPerStep(manifest, 2), 40 + 150 + 40);
  manifest.config.clear();
  EXPECT_EQ(weightBytesPerStep(manifest, 1), 20 + 200 + 40);
}
} // namespace
