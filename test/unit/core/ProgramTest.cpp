#include "runtime/core/Program.h"

#include "runtime/core/CpuInfo.h"
#include "test/unit/support/TestArtifact.h"
#include "test/unit/support/TestFiles.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class ProgramTest : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  TestArtifact functions{FakeFunctions_FILE};

  StatusOr<std::unique_ptr<Program>> load(const TestArtifact &artifact) {
    return Program::load(directory.write("a.so", artifact.sealed()), ProgramOptions());
  }
};

TEST_F(ProgramTest, CallsAnEntry) {
  auto program = load(functions);
  ASSERT_TRUE(program.ok()) << program.status().message();
  Program &p = **program;
  ASSERT_TRUE(p.allocateBuffers().ok());
  float *x = static_cast<float *>(p.address(p.manifest().findBuffer("x")));
  float *y = static_cast<float *>(p.address(p.manifest().findBuffer("y")));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(x) % 64, 0u);
  EXPECT_EQ(x[3], 0.0f); // inputs start as zeros
  x[3] = 2;
  ASSERT_TRUE(p.call(p.manifest().findEntry("scale")).ok());
  EXPECT_EQ(y[3], 6.0f);
}

TEST_F(ProgramTest, ReportsAFailingEntry) {
  auto program = load(functions);
  ASSERT_TRUE(program.ok()) << program.status().message();
  ASSERT_TRUE((*program)->allocateBuffers().ok());
  Status status = (*program)->call((*program)->manifest().findEntry("fails"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "entry fails of " + (*program)->path() + " failed: it returned code 5");
}

TEST_F(ProgramTest, GpuCallsFromACpuArtifactAreErrors) {
  auto program = load(functions);
  ASSERT_TRUE(program.ok()) << program.status().message();
  ASSERT_TRUE((*program)->allocateBuffers().ok());
  Status status = (*program)->call((*program)->manifest().findEntry("launches"));
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("dsrt_tensor_map_encode was called by an artefact for the CPU"), std::string::npos)
      << status.message();
  EXPECT_NE(dsrt_kernel_launch(nullptr, nullptr, nullptr), 0);
  EXPECT_NE(dsrt_memory_zero(nullptr, nullptr, 0), 0);
  EXPECT_NE(dsrt_tensor_map_encode(nullptr, nullptr, nullptr, nullptr), 0);
}

TEST_F(ProgramTest, RefusesAnUnknownCpuLevel) {
  functions.replace("\"x86-64\"", "\"x86-64-v9\"");
  auto program = load(functions);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().message(),
            directory.path("a.so") + " is for CPU level 'x86-64-v9', which this runtime does not know");
}

TEST_F(ProgramTest, RefusesAMissingEntrySymbol) {
  functions.replace("\"name\": \"pick\"", "\"name\": \"pack\"");
  auto program = load(functions);
  ASSERT_FALSE(program.ok());
  EXPECT_EQ(program.status().message(),
            directory.path("a.so") + " has no symbol dsrt_entry_pack, which its manifest names");
}

// On a machine without a GPU the message says so; with one, the capability of this target does not exist.
TEST_F(ProgramTest, RefusesAGpuItDoesNotHave) {
  functions.replace("\"target\": \"cpu\"", "\"target\": \"sm_39\"");
  auto program = load(functions);
  ASSERT_FALSE(program.ok());
  EXPECT_NE(program.status().message().find(" is for sm_39"), std::string::npos) << program.status().message();
}

TEST_F(ProgramTest, AllocatesTheCacheInPages) {
  auto program = load(TestArtifact(FakeModel_FILE));
  ASSERT_TRUE(program.ok()) << program.status().message();
  Program &p = **program;
  ASSERT_TRUE(p.allocateBuffers().ok());
  int32_t cache = p.manifest().findBuffer("cache");
  EXPECT_EQ(p.address(cache), nullptr);
  EXPECT_EQ(p.bytesPerPage(), 32);
  EXPECT_FALSE(p.allocateCache(0).ok());
  EXPECT_FALSE(p.allocateCache(int64_t(1) << 60).ok());
  ASSERT_TRUE(p.allocateCache(3).ok());
  EXPECT_EQ(p.bufferBytes(cache), 96);
  for (int i = 0; i < 24; ++i)
    EXPECT_EQ(static_cast<float *>(p.address(cache))[i], 0.0f);
  ASSERT_TRUE(p.poison(BufferRole::Output).ok());
  float *logits = static_cast<float *>(p.address(p.manifest().findBuffer("logits")));
  EXPECT_NE(logits[0], logits[0]); // NaN
}

TEST(CpuInfo, CountsAtLeastOneCore) {
  EXPECT_GE(physicalCores(), 1);
  EXPECT_GT(availableHostMemory(), size_t(1) << 20);
  EXPECT_TRUE(checkCpuLevel("x86-64", "a.so").ok());
}

TEST(HostThreads, AreSetOnceAndCanBeOverridden) {
  unsetenv("OMP_NUM_THREADS");
  unsetenv("OMP_DYNAMIC");
  ASSERT_TRUE(configureHostThreads(2).ok());
  EXPECT_EQ(std::getenv("OMP_DYNAMIC"), nullptr); // the caller's number is not reduced
  unsetenv("OMP_NUM_THREADS");
  ASSERT_TRUE(configureHostThreads(0).ok());
  EXPECT_STREQ(std::getenv("OMP_DYNAMIC"), "true");
  EXPECT_EQ(std::getenv("OMP_NUM_THREADS"), std::to_string(physicalCores()));
  ASSERT_TRUE(configureHostThreads(3).ok());
  ASSERT_TRUE(configureHostThreads(0).ok()); // what is set stays
  EXPECT_STREQ(std::getenv("OMP_NUM_THREADS"), "3");
  EXPECT_FALSE(configureHostThreads(-1).ok());
}
} // namespace
