#include "runtime/weights/WeightLoader.h"

#include "test/unit/support/TestArtifact.h"
#include "test/unit/support/TestFiles.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <set>

using namespace dsrt;
using namespace dsrt::test;

namespace {
const char *oneBias = "{\"model.bias\":{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128]}}";

class WeightLoaderTest : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  TestArtifact artifact{FakeModel_FILE};
  std::vector<float> bias = std::vector<float>(32, 0.5f);
  int loaded = 0;

  std::unique_ptr<Program> load() {
    // A loaded library stays loaded under its name, so each one needs its own.
    std::string path = directory.write("a" + std::to_string(loaded++) + ".so", artifact.sealed());
    auto program = Program::load(path, ProgramOptions());
    EXPECT_TRUE(program.ok()) << program.status().message();
    EXPECT_TRUE((*program)->allocateBuffers().ok());
    return std::move(*program);
  }
  // The error of loading a checkpoint of this header and data, without the directory.
  std::string errorOf(const std::string &header, const std::string &data, LoadReport *report = nullptr) {
    auto program = load();
    auto checkpoint = Checkpoint::open(directory.write("model.safetensors", safetensors(header, data)));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    auto loaded = loadWeights(*program, *checkpoint, 2, nullptr);
    if (!loaded.ok())
      return loaded.status().message();
    if (report)
      *report = *loaded;
    return "";
  }
};

TEST_F(WeightLoaderTest, FillsParametersAndZeroesPadding) {
  auto program = load();
  int32_t buffer = program->manifest().findBuffer("bias");
  float *values = static_cast<float *>(program->address(buffer));
  std::memset(values, 0xFF, 160);
  auto checkpoint = Checkpoint::open(directory.write("model.safetensors", safetensors(oneBias, rawBytes(bias))));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  int64_t lastDone = 0, lastTotal = 0;
  auto report = loadWeights(*program, *checkpoint, 2, [&](int64_t done, int64_t total) {
    lastDone = done;
    lastTotal = total;
  });
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->bytes, 128);
  EXPECT_EQ(lastDone, 128);
  EXPECT_EQ(lastTotal, 128);
  EXPECT_EQ(values[31], 0.5f);
  EXPECT_EQ(values[32], 0.0f);
  EXPECT_EQ(values[39], 0.0f);
}

TEST_F(WeightLoaderTest, NamesWhatDoesNotFit) {
  std::string file = directory.path("model.safetensors");
  EXPECT_EQ(errorOf("{\"x\":{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128]}}", rawBytes(bias)),
            file + " has no tensor 'model.bias', which " + directory.path("a0.so") + " needs");
  EXPECT_EQ(errorOf("{\"model.bias\":{\"dtype\":\"I32\",\"shape\":[32],\"data_offsets\":[0,128]}}", rawBytes(bias)),
            file + ": tensor 'model.bias' has dtype I32, the artefact expects f32");
  EXPECT_EQ(errorOf("{\"model.bias\":{\"dtype\":\"F64\",\"shape\":[16],\"data_offsets\":[0,128]}}", rawBytes(bias)),
            file + ": tensor 'model.bias' has dtype F64, the artefact expects f32");
  EXPECT_EQ(errorOf("{\"model.bias\":{\"dtype\":\"F32\",\"shape\":[1,32],\"data_offsets\":[0,128]}}", rawBytes(bias)),
            file + ": tensor 'model.bias' has shape [1, 32], the artefact expects [32]");
}

TEST_F(WeightLoaderTest, RefusesBadScales) {
  artifact.replace("\"tensor\": \"model.bias\"", "\"tensor\": \"a.weight_scale_inv\"");
  std::string header = "{\"a.weight_scale_inv\":{\"dtype\":\"F32\",\"shape\":[32],\"data_offsets\":[0,128]}}";
  EXPECT_EQ(errorOf(header, rawBytes(bias)), "");
  std::string expected = directory.path("model.safetensors") + ": tensor 'a.weight_scale_inv' has scale ";
  bias[7] = NAN;
  EXPECT_EQ(errorOf(header, rawBytes(bias)),
            expected + "nan at index 7, expected a finite number that is not negative");
  bias[7] = INFINITY;
  EXPECT_EQ(errorOf(header, rawBytes(bias)),
            expected + "inf at index 7, expected a finite number that is not negative");
  bias[7] = -0.5f;
  EXPECT_EQ(errorOf(header, rawBytes(bias)),
            expected + "-0.500000 at index 7, expected a finite number that is not negative");
}

TEST_F(WeightLoaderTest, ListsUnusedTensors) {
  std::string tensor = ":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[128,128]}";
  std::string header = oneBias;
  header.pop_back();
  for (const char *name : {"surprise", "model.layers.0.x", "model.layers.1.x", "model.layers.61.embed_tokens.weight",
                           "model.layers.0.self_attn.rotary_emb.inv_freq"})
    header += ",\"" + std::string(name) + "\"" + tensor;
  LoadReport report;
  EXPECT_EQ(errorOf(header + "}", rawBytes(bias), &report), "");
  // Layer 1 and later are past this model's one layer.
  EXPECT_EQ(report.unused, (std::vector<std::string>{"model.layers.0.x", "surprise"}));
}

TEST_F(WeightLoaderTest, RandomValuesDependOnTheSeedOnly) {
  auto fill = [&](uint64_t seed) {
    auto program = load();
    EXPECT_TRUE(fillRandomWeights(*program, seed, 2, nullptr).ok());
    const float *values = static_cast<const float *>(program->address(program->manifest().findBuffer("bias")));
    EXPECT_EQ(values[32], 0.0f); // padding
    return std::vector<float>(values, values + 32);
  };
  std::vector<float> one = fill(1);
  EXPECT_EQ(one, fill(1));
  EXPECT_NE(one, fill(2));
  for (float value : one)
    EXPECT_LT(std::fabs(value), 0.04f); // a bias: four standard deviations of 0.01 at most
}

TEST_F(WeightLoaderTest, RandomValuesFollowTheNameOfTheTensor) {
  auto fill = [&](const char *name, const char *dtype, DType type, const char *shape) {
    TestArtifact changed = artifact;
    changed.replace("\"name\": \"bias\", \"role\": \"parameter\", \"dtype\": \"f32\", \"shape\": [40]",
                    "\"name\": \"bias\", \"role\": \"parameter\", \"dtype\": \"f32\", \"shape\": [100000]");
    changed.replace("\"tensor\": \"model.bias\", \"dtype\": \"f32\", \"shape\": [32]",
                    std::string("\"tensor\": \"") + name + "\", \"dtype\": \"" + dtype + "\", \"shape\": " + shape);
    auto program =
        Program::load(directory.write("b" + std::to_string(loaded++) + ".so", changed.sealed()), ProgramOptions());
    EXPECT_TRUE(program.ok()) << program.status().message();
    EXPECT_TRUE((*program)->allocateBuffers().ok());
    EXPECT_TRUE(fillRandomWeights(**program, 3, 2, nullptr).ok());
    std::vector<double> values;
    for (size_t i = 0; i < 50000; ++i)
      values.push_back(loadElement(type, (*program)->address((*program)->manifest().findBuffer("bias")), i));
    return values;
  };
  auto moments = [](const std::vector<double> &values) {
    double sum = 0, squares = 0;
    for (double v : values) {
      sum += v;
      squares += v * v;
    }
    double mean = sum / values.size();
    return std::pair(mean, std::sqrt(squares / values.size() - mean * mean));
  };
  for (auto [dtype, type] : {std::pair("f32", DType::F32), std::pair("bf16", DType::BF16)}) {
    auto [mean, deviation] = moments(fill("a.weight", dtype, type, "[500, 100]"));
    EXPECT_NEAR(mean, 0, 0.0005); // five standard errors
    EXPECT_NEAR(deviation, 0.02, 0.0005);
  }
  auto [mean, deviation] = moments(fill("a.input_layernorm.weight", "f32", DType::F32, "[50000]"));
  EXPECT_NEAR(mean, 1, 0.0005);
  auto [fp8Mean, fp8Deviation] = moments(fill("a.weight", "f8E4M3FN", DType::F8E4M3, "[500, 100]"));
  EXPECT_NEAR(fp8Mean, 0, 0.05);
  EXPECT_NEAR(fp8Deviation, 2, 0.05); // also proves that no value is NaN
  for (double scale : fill("a.weight_scale_inv", "f32", DType::F32, "[500, 100]"))
    EXPECT_TRUE(scale == 0.0078125 || scale == 0.015625);
}
} // namespace
