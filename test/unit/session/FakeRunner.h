// The hand-made model, loaded and ready; with another file, a variant of it.
#pragma once

#include "runtime/session/ModelRunner.h"
#include "test/unit/support/FakeModelReference.h"
#include "test/unit/support/TestArtifact.h"
#include "test/unit/support/TestFiles.h"

#include <cstring>
#include <gtest/gtest.h>

namespace dsrt::test {

class FakeRunnerTest : public ::testing::Test {
protected:
  explicit FakeRunnerTest(const char *file = FakeModel_FILE) : artifact(file) {}
  TemporaryDirectory directory;
  TestArtifact artifact;
  std::vector<float> bias;
  std::unique_ptr<Program> program;
  std::unique_ptr<ModelRunner> runner;

  void start(int64_t cacheTokens = 0) {
    for (int v = 0; v < 32; ++v)
      bias.push_back(static_cast<float>((v * 5) % 7) / 4);
    auto loaded = Program::load(directory.write("a.so", artifact.sealed()), ProgramOptions());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    program = std::move(*loaded);
    ASSERT_TRUE(program->allocateBuffers().ok());
    std::memcpy(program->address(program->manifest().findBuffer("bias")), bias.data(), 128);
    ModelOptions options;
    options.cacheTokens = cacheTokens;
    auto created = ModelRunner::create(*program, options);
    ASSERT_TRUE(created.ok()) << created.status().message();
    runner = std::move(*created);
  }
};

} // namespace dsrt::test
