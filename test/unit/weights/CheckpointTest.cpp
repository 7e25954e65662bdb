#include "runtime/weights/Checkpoint.h"

#include "test/unit/support/TestFiles.h"

#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
class CheckpointTest : public ::testing::Test {
protected:
  TemporaryDirectory directory;

  static std::string oneTensor(const std::string &name) {
    return safetensors("{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "12345678");
  }
  std::string errorOf(const std::string &path) {
    auto checkpoint = Checkpoint::open(path);
    return checkpoint.ok() ? "" : checkpoint.status().message();
  }
  std::string errorOfIndex(const std::string &index) {
    directory.write("model.safetensors.index.json", index);
    std::string message = errorOf(directory.directory()), prefix = directory.path("model.safetensors.index.json");
    return message.compare(0, prefix.size(), prefix) == 0 ? message.substr(prefix.size()) : message;
  }
};

TEST_F(CheckpointTest, SingleFileAndItsDirectory) {
  std::string path = directory.write("model.safetensors", oneTensor("a"));
  for (const std::string &source : {path, directory.directory()}) {
    auto checkpoint = Checkpoint::open(source);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    ASSERT_TRUE(checkpoint->find("a"));
    EXPECT_EQ(checkpoint->find("a")->data().size(), 8u);
    EXPECT_FALSE(checkpoint->find("b"));
  }
}

TEST_F(CheckpointTest, MissingFiles) {
  EXPECT_EQ(errorOf(directory.directory()),
            directory.directory() + " holds neither model.safetensors nor model.safetensors.index.json");
  EXPECT_EQ(errorOf(directory.path("x.safetensors")),
            "cannot open " + directory.path("x.safetensors") + ": No such file or directory");
}

TEST_F(CheckpointTest, Shards) {
  directory.write("one.safetensors", oneTensor("a"));
  directory.write("two.safetensors", oneTensor("b"));
  directory.write("model.safetensors.index.json",
                  "{\"metadata\":{},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
  auto checkpoint = Checkpoint::open(directory.directory());
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->find("b")->file->path(), directory.path("two.safetensors"));
}

TEST_F(CheckpointTest, BadIndex) {
  directory.write("one.safetensors", oneTensor("a"));
  EXPECT_EQ(errorOfIndex("{"), " is not valid JSON");
  EXPECT_EQ(errorOfIndex("[]"), " must be an object, got an array of 0");
  EXPECT_EQ(errorOfIndex("{}"), " has no field 'weight_map'");
  EXPECT_EQ(errorOfIndex("{\"weight_map\":[]}"), ".weight_map must be an object, got an array of 0");
  EXPECT_EQ(errorOfIndex("{\"weight_map\":{\"a\":1}}"), ": the shard of tensor 'a' must be a file name, got 1");
  EXPECT_EQ(errorOfIndex("{\"weight_map\":{\"a\":\"../one.safetensors\"}}"),
            ": tensor 'a' names shard '../one.safetensors', expected a file name without a path");
  EXPECT_EQ(errorOfIndex("{\"weight_map\":{\"a\":\"three.safetensors\"}}"),
            ": tensor 'a' is in shard three.safetensors, which is missing from " + directory.directory());
  EXPECT_EQ(errorOfIndex("{\"weight_map\":{\"b\":\"one.safetensors\"}}"),
            ": tensor 'b' should be in shard one.safetensors, which does not hold it");
  directory.write("one.safetensors", oneTensor("a").substr(0, 30));
  EXPECT_NE(errorOfIndex("{\"weight_map\":{\"a\":\"one.safetensors\"}}").find("one.safetensors: its header should"),
            std::string::npos);
}
} // namespace
