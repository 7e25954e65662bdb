// What ArtifactFile refuses before anything of an artefact is executed.
#include "runtime/core/ArtifactFile.h"

#include "test/unit/support/TestArtifact.h"
#include "test/unit/support/TestFiles.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class ArtifactTest : public ::testing::Test {
protected:
  TemporaryDirectory directory;
  TestArtifact artifact{FakeModel_FILE};

  // The message of opening `bytes`, or nothing where it opens; the file's path is cut off the message.
  std::string open(const std::string &bytes) {
    std::string path = directory.write("a.so", bytes);
    auto file = ArtifactFile::open(path);
    if (file.ok())
      return "";
    std::string message = file.status().message();
    EXPECT_EQ(message.compare(0, path.size(), path), 0) << message << " does not start with the file";
    return message.substr(std::min(message.size(), path.size()));
  }
};

TEST_F(ArtifactTest, OpensASealedArtifact) {
  std::string path = directory.write("a.so", artifact.sealed());
  auto file = ArtifactFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->manifest().model->vocabSize, 32);
  EXPECT_EQ(file->manifest().entries.size(), 5u);
  EXPECT_TRUE(file->kernels().empty());
}

TEST_F(ArtifactTest, MissingFile) {
  auto file = ArtifactFile::open(directory.path("none.so"));
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().message(), "cannot open " + directory.path("none.so") + ": No such file or directory");
  EXPECT_FALSE(ArtifactFile::open(directory.directory()).ok());
}

TEST_F(ArtifactTest, RefusesAnotherAbi) {
  uint32_t abi = DSRT_ABI_VERSION + 1;
  std::memcpy(artifact.bytes.data() + artifact.header + offsetof(DsrtHeader, abiVersion), &abi, 4);
  EXPECT_EQ(open(artifact.sealed()), " was compiled for ABI " + std::to_string(abi) + ", this runtime has ABI " +
                                         std::to_string(DSRT_ABI_VERSION) + ": compile the model again");
}

TEST_F(ArtifactTest, RefusesBadMagic) {
  artifact.bytes[artifact.header] = 'X';
  EXPECT_EQ(open(artifact.sealed()), " is not an artefact: its header does not start with DSRTART");
}

TEST_F(ArtifactTest, RefusesAnOrdinaryLibrary) {
  std::string bytes = artifact.sealed();
  for (size_t at = 0; (at = bytes.find(".deepseek.", at)) != std::string::npos;)
    bytes[at] = '_';
  EXPECT_EQ(open(bytes), " is not an artefact: it has no section .deepseek.header");
}

TEST_F(ArtifactTest, RefusesAWrongSize) {
  std::string bytes = artifact.sealed();
  EXPECT_NE(open(bytes + "x").find("its header says " + std::to_string(bytes.size()) + ": truncated or overwritten"),
            std::string::npos);
  EXPECT_NE(open(bytes.substr(0, bytes.size() / 2)), "");
}

// A flipped bit anywhere is found by the checksum, if nothing else finds it earlier.
TEST_F(ArtifactTest, RefusesAnyFlippedBit) {
  const std::string good = artifact.sealed();
  for (size_t at = 0; at < good.size(); at += 211) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_NE(open(bytes), "") << at;
  }
  std::string bytes = good;
  bytes[artifact.manifest + 5] ^= 1;
  EXPECT_NE(open(bytes).find(" is damaged: its checksum is "), std::string::npos);
}

TEST_F(ArtifactTest, RefusesAMalformedManifest) {
  artifact.setManifest("{\"abi\": 1,");
  EXPECT_EQ(open(artifact.sealed()), ": manifest is not valid JSON");
}
} // namespace
