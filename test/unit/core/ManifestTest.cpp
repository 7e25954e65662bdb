// Every field of the manifest, wrong in every way that has a message of its own.
#include "runtime/core/Manifest.h"

#include "test/unit/support/TestArtifact.h"

#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::test;

namespace {
const std::string &goodManifest() {
  static const std::string text = TestArtifact(FakeModel_FILE).manifestText();
  return text;
}

std::string errorOf(const std::string &text, uint64_t kernelBytes = 0) {
  auto manifest = parseManifest(text, "m.so", kernelBytes);
  return manifest.ok() ? "" : manifest.status().message();
}

// The error after replacing `from` by `to` in the good manifest.
std::string errorWith(const std::string &from, const std::string &to) {
  std::string text = goodManifest();
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? "" : errorOf(text.replace(at, from.size(), to));
}

TEST(Manifest, ParsesTheFakeModel) {
  auto manifest = parseManifest(goodManifest(), "m.so", 0);
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_FALSE(manifest->isGpu());
  EXPECT_EQ(manifest->model->eosTokens, std::vector<int64_t>{1});
  EXPECT_EQ(manifest->model->pagesPerSequence(), 10);
  const BufferInfo &cache = manifest->buffers[manifest->findBuffer("cache")];
  EXPECT_TRUE(cache.dependsOnPages());
  EXPECT_EQ(cache.bytes(3), 3 * 4 * 2 * 4);
  EXPECT_EQ(manifest->parameters[0].bytes(), 128);
  EXPECT_EQ(manifest->findEntry("decode_4"), 4);
  EXPECT_EQ(manifest->findEntry("decode_5"), -1);
}

TEST(Manifest, Target) {
  EXPECT_EQ(errorWith("\"abi\": 1", "\"abi\": 9"),
            "m.so: manifest.abi is 9, this runtime has ABI " + std::to_string(DSRT_ABI_VERSION));
  EXPECT_EQ(errorWith("\"target\": \"cpu\"", "\"target\": \"tpu\""),
            "m.so: manifest.target is 'tpu', expected cpu or sm_<capability>");
  EXPECT_EQ(errorWith("\"target\": \"cpu\",", ""), "m.so: manifest has no field 'target'");
  EXPECT_EQ(errorWith("\"cpu\": \"x86-64\"", "\"cpu\": 3"), "m.so: manifest.cpu must be a string, got 3");
  Manifest gpu;
  gpu.target = "sm_90a";
  EXPECT_EQ(gpu.capability(), 90);
  gpu.target = "sm_120";
  EXPECT_EQ(gpu.capability(), 120);
  gpu.target = "sm_9xa";
  EXPECT_EQ(gpu.capability(), 0);
}

TEST(Manifest, Model) {
  EXPECT_EQ(errorWith("\"vocab_size\": 32", "\"vocab_size\": 0"),
            "m.so: manifest.model.vocab_size must be an integer from 1 to 2147483647, got 0");
  EXPECT_EQ(errorWith("\"vocab_size\": 32", "\"vocab_size\": 1.5"),
            "m.so: manifest.model.vocab_size must be an integer from 1 to 2147483647, got 1.5");
  EXPECT_EQ(errorWith("\"vocab_size\": 32", "\"vocab_size\": 18446744073709551615"),
            "m.so: manifest.model.vocab_size must be an integer from 1 to 2147483647, got 18446744073709551615");
  EXPECT_EQ(errorWith("\"eos_token_id\": [1]", "\"eos_token_id\": [1, \"x\"]"),
            "m.so: manifest.model.eos_token_id[1] must be an integer from 0 to 2147483647, got \"x\"");
  EXPECT_EQ(errorWith("\"eos_token_id\": [1]", "\"eos_token_id\": 32"),
            "m.so: manifest.model.eos_token_id holds 32, vocab_size is 32");
  EXPECT_EQ(errorWith("\"eos_token_id\": [1]", "\"eos_token_id\": null"), "");
  EXPECT_EQ(
      errorWith("\"max_batch\": 4", "\"max_batch\": 5"),
      "m.so: manifest.model has max_prefill 8 and max_batch 5, but its largest entries are for 8 tokens of prefill "
      "and 4 of decode");
  EXPECT_EQ(errorWith("\"activation_dtype\": \"f32\"", "\"activation_dtype\": \"f31\""),
            "m.so: manifest.model.activation_dtype is 'f31', expected one of f32, f16, bf16, f8E4M3FN, f8E8M0FNU, i32, "
            "i64, u8");
}

TEST(Manifest, Buffers) {
  EXPECT_EQ(errorWith("\"name\": \"positions\"", "\"name\": \"tokens\""),
            "m.so: manifest.buffers[1].name 'tokens' occurs twice");
  EXPECT_EQ(errorWith("\"role\": \"workspace\"", "\"role\": \"scratch\""),
            "m.so: manifest.buffers[13].role is 'scratch', expected one of input, output, parameter, derived, cache, "
            "workspace");
  EXPECT_EQ(errorWith("\"shape\": [64]", "\"shape\": [-1]"),
            "m.so: manifest.buffers[13].shape [-1]: -1 is allowed only as the first dimension of a cache");
  EXPECT_EQ(errorWith("\"shape\": [64]", "\"shape\": [1099511627776, 1099511627776]"),
            "m.so: manifest.buffers[13].shape [1099511627776, 1099511627776] is larger than 70368744177664 bytes");
  EXPECT_EQ(errorWith("\"shape\": [64]", "\"shape\": [1,1,1,1,1,1,1,1,1]"),
            "m.so: manifest.buffers[13].shape has rank 9, expected at most 8");
  EXPECT_EQ(errorWith("\"shape\": [64]", "\"shape\": 64"),
            "m.so: manifest.buffers[13].shape must be an array of integers, got 64");
  EXPECT_EQ(errorWith("\"shape\": [64]", "\"shape\": [64], \"range\": [3, 2]"),
            "m.so: manifest.buffers[13].range must be two integers, lowest first");
}

TEST(Manifest, BuffersOfAModel) {
  EXPECT_EQ(errorWith("\"name\": \"top_p\"", "\"name\": \"top_q\""),
            "m.so: manifest.buffers has no buffer 'top_p', which the model's entries need");
  EXPECT_EQ(errorWith("\"tokens\", \"role\": \"input\", \"dtype\": \"i32\"",
                      "\"tokens\", \"role\": \"input\", \"dtype\": \"i64\""),
            "m.so: manifest.buffers: 'tokens' has dtype i64, expected i32");
  EXPECT_EQ(errorWith("\"tokens\", \"role\": \"input\"", "\"tokens\", \"role\": \"output\""),
            "m.so: manifest.buffers: 'tokens' has role output, expected input");
  EXPECT_EQ(errorWith("\"shape\": [4, 10]", "\"shape\": [3, 10]"),
            "m.so: manifest.buffers: 'block_table' has shape [3, 10], expected at least 40 elements");
  EXPECT_EQ(errorWith("\"shape\": [4, 10]", "\"shape\": [4, 11]"),
            "m.so: manifest.buffers: 'block_table' has shape [4, 11], expected a last dimension of 10");
  EXPECT_EQ(errorWith("\"shape\": [-1, 1, 4, 2]", "\"shape\": [-1, 2, 4, 2]"),
            "m.so: manifest.buffers: 'cache' has shape [-1, 2, 4, 2], expected [-1, 1, 4, record]");
  EXPECT_EQ(errorWith("\"name\": \"cache\"", "\"name\": \"kv\""),
            "m.so: manifest.buffers: 'cache' is missing, which the model's entries need");
}

TEST(Manifest, Parameters) {
  EXPECT_EQ(errorWith("\"buffer\": 11", "\"buffer\": 14"),
            "m.so: manifest.parameters[0].buffer must be an integer from 0 to 13, got 14");
  EXPECT_EQ(errorWith("\"buffer\": 11", "\"buffer\": 12"),
            "m.so: manifest.parameters[0].buffer is 'twice', whose role is derived, expected parameter");
  EXPECT_EQ(errorWith("\"offset\": 0", "\"offset\": 36"),
            "m.so: manifest.parameters[0] (model.bias) ends at byte 164 of buffer 'bias', which has 160");
  EXPECT_EQ(errorWith("\"offset\": 0", "\"offset\": -4"),
            "m.so: manifest.parameters[0].offset must be an integer from 0 to 70368744177664, got -4");
}

TEST(Manifest, Entries) {
  EXPECT_EQ(errorWith("\"name\": \"decode_4\"", "\"name\": \"decode_1\""),
            "m.so: manifest.entries[4].name 'decode_1' occurs twice");
  EXPECT_EQ(errorWith("\"tokens\": 4, \"rows\": 4", "\"tokens\": 4, \"rows\": 3"),
            "m.so: manifest.entries[4].rows is 3 for 4 tokens, expected as many");
  EXPECT_EQ(errorWith("\"tokens\": 8, \"rows\": 3", "\"tokens\": 8, \"rows\": 9"),
            "m.so: manifest.entries[1].rows is 9 for 8 tokens, expected at most as many");
  EXPECT_EQ(errorWith("\"kind\": \"initialize\"", "\"kind\": \"init\""),
            "m.so: manifest.entries[0].kind is 'init', expected one of initialize, prefill, decode, function");
}

TEST(Manifest, Kernels) {
  std::string text = "{\"abi\": 1, \"target\": \"sm_90a\", \"cpu\": \"x86-64\", \"buffers\": [], \"entries\": [], "
                     "\"kernels\": [{\"name\": \"k\", \"symbol\": \"k\", \"offset\": 64, \"size\": 100, "
                     "\"shared_bytes\": 0, \"registers\": 32}]}";
  EXPECT_EQ(errorOf(text, 164), "");
  EXPECT_EQ(errorOf(text, 163), "m.so: manifest.kernels[0] (k) ends at byte 164 of the kernel section, which has 163");
}

// Any prefix of a manifest and any type in place of any value must end in a message, not in a crash.
TEST(Manifest, SurvivesAnyPrefixAndAnyType) {
  const std::string &good = goodManifest();
  for (size_t size = 0; size < good.size(); size += 3)
    EXPECT_NE(errorOf(good.substr(0, size)), "");
  for (const char *value : {"null", "true", "{}", "[]", "[{}]", "[[]]", "\"x\"", "-1", "1e300"})
    for (size_t at = good.find(": "); at != std::string::npos; at = good.find(": ", at + 1)) {
      size_t end = good.find_first_of(",}]", at);
      (void)errorOf(good.substr(0, at + 2) + value + good.substr(end));
    }
}
} // namespace
