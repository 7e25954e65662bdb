// Options of the importer, tensor names, and that models of each published kind import.
#include "models/Importer.h"
#include "ConfigFixture.h"
#include "dialects/deepseek/DeepSeekOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "models/GraphBuilder.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::models;

static std::string importRefusal(const ImportOptions &options) {
  MLIRContext context;
  llvm::Expected<OwningOpRef<ModuleOp>> module = importModel(context, accept(smallConfig()), options);
  return module ? "" : llvm::toString(module.takeError());
}

static llvm::SmallVector<std::string> parameterNames(ModuleOp module) {
  llvm::SmallVector<std::string> names;
  for (auto parameter : module.getOps<ParameterOp>())
    names.push_back(parameter.getSymName().str());
  return names;
}

TEST(ImporterTest, RefusesOptions) {
  ImportOptions options;
  options.maxContext = 512;
  EXPECT_EQ(importRefusal(options), "option 'max-context' is 512, expected from 1 to the model's 256 tokens");
  options = {};
  options.decodeBuckets = {};
  EXPECT_EQ(importRefusal(options), "option 'decode-buckets' is empty, expected at least one bucket");
  options = {};
  options.prefillBuckets = {128, 0};
  EXPECT_EQ(importRefusal(options), "option 'prefill-buckets' holds 0, expected sizes from 1 to 65536 tokens");
  options = {};
  options.decodeBuckets = {8, 8};
  EXPECT_EQ(importRefusal(options), "option 'decode-buckets' holds 8 twice, expected each size once");
  options = {};
  options.pageSize = 0;
  EXPECT_EQ(importRefusal(options), "option 'page-size' is 0, expected a number of tokens from 1 to 65536");
  options = {};
  options.prefillRows = -1;
  EXPECT_EQ(importRefusal(options), "option 'prefill-rows' is -1, expected from 0 to 65536");
}

TEST(ImporterTest, TiedEmbeddingsHaveNoHead) {
  MLIRContext context;
  auto module = importModel(context, accept(with(smallConfig(), {{"tie_word_embeddings", true}})), {});
  ASSERT_TRUE(bool(module));
  EXPECT_FALSE(llvm::is_contained(parameterNames(**module), "lm_head.weight"));
}

// Every expert of every layer is a parameter once, whatever the number of entries.
TEST(ImporterTest, DeclaresEachTensorOnce) {
  MLIRContext context;
  auto module = importModel(context, accept(smallConfig()), {});
  ASSERT_TRUE(bool(module));
  // 3 outside the layers, 9 of attention and norms in each layer, the dense MLP, then gate, bias, shared and 8 experts.
  EXPECT_EQ(parameterNames(**module).size(), 3u + 3 * 9 + 3 + 2 * (2 + 3 + 8 * 3));
}

TEST(ImporterTest, InferenceTensorNames) {
  EXPECT_EQ(inferenceTensorName("model.embed_tokens.weight"), "embed.weight");
  EXPECT_EQ(inferenceTensorName("lm_head.weight"), "head.weight");
  EXPECT_EQ(inferenceTensorName("model.norm.weight"), "norm.weight");
  EXPECT_EQ(inferenceTensorName("model.layers.3.self_attn.kv_a_proj_with_mqa.weight_scale_inv"),
            "layers.3.attn.wkv_a.scale");
  EXPECT_EQ(inferenceTensorName("model.layers.3.mlp.gate.e_score_correction_bias"), "layers.3.ffn.gate.bias");
  EXPECT_EQ(inferenceTensorName("model.layers.3.mlp.experts.7.up_proj.weight"), "layers.3.ffn.experts.7.w3.weight");
  EXPECT_EQ(inferenceTensorName("model.layers.0.post_attention_layernorm.weight"), "layers.0.ffn_norm.weight");
}

TEST(ImporterTest, ImportsPublishedModels) {
  for (const char *path : {"deepseek-v2", "deepseek-v2-lite", "deepseek-v3.1", "deepseek-inference/config_16B.json"}) {
    llvm::SmallVector<std::string> warnings;
    auto config = readModelConfig(std::string(DEEPSEEK_SOURCE_DIR "/models/") + path, warnings);
    ASSERT_TRUE(bool(config)) << path;
    MLIRContext context;
    ImportOptions options;
    options.activation = ActivationType::BF16;
    options.decodeBuckets = {1};
    auto module = importModel(context, *config, options);
    ASSERT_TRUE(bool(module)) << path << ": " << llvm::toString(module.takeError());
    EXPECT_EQ(llvm::range_size((*module)->getOps<func::FuncOp>()), 2);
  }
}
