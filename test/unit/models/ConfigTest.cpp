// What valid configs mean: the published ones, defaults, YaRN, routing, and the tutorial variant of MLA.
#include "ConfigFixture.h"
#include <cmath>

using namespace mlir::deepseek;
using namespace mlir::deepseek::models;
using nlohmann::json;

static ModelConfig published(const std::string &path) {
  llvm::SmallVector<std::string> warnings;
  llvm::Expected<ModelConfig> config = readModelConfig(DEEPSEEK_SOURCE_DIR "/" + path, warnings);
  EXPECT_TRUE(warnings.empty()) << path << ": " << warnings.front();
  if (config)
    return *config;
  ADD_FAILURE() << llvm::toString(config.takeError());
  return {};
}

/// What the importer would see, except the text and the token ids.
static void expectSameComputation(const ModelConfig &a, const ModelConfig &b) {
  EXPECT_EQ(std::tie(a.vocab, a.hidden, a.layers, a.intermediate, a.normEps, a.tiedEmbeddings),
            std::tie(b.vocab, b.hidden, b.layers, b.intermediate, b.normEps, b.tiedEmbeddings));
  EXPECT_EQ(std::tie(a.heads, a.qLoraRank, a.kvLoraRank, a.nope, a.rope, a.value, a.softmaxScale),
            std::tie(b.heads, b.qLoraRank, b.kvLoraRank, b.nope, b.rope, b.value, b.softmaxScale));
  EXPECT_EQ(std::tie(a.latentNorm.kind, a.latentNorm.eps, a.latentNorm.atRead),
            std::tie(b.latentNorm.kind, b.latentNorm.eps, b.latentNorm.atRead));
  EXPECT_EQ(std::tie(a.rotary.theta, a.rotary.factor, a.rotary.originalContext, a.rotary.betaFast, a.rotary.betaSlow),
            std::tie(b.rotary.theta, b.rotary.factor, b.rotary.originalContext, b.rotary.betaFast, b.rotary.betaSlow));
  EXPECT_EQ(std::tie(a.rotary.magnitude, a.rotary.layout), std::tie(b.rotary.magnitude, b.rotary.layout));
  EXPECT_EQ(std::tie(a.moe.experts, a.moe.expertsPerToken, a.moe.intermediate, a.moe.sharedExperts, a.moe.groups),
            std::tie(b.moe.experts, b.moe.expertsPerToken, b.moe.intermediate, b.moe.sharedExperts, b.moe.groups));
  EXPECT_EQ(std::tie(a.moe.groupsPerToken, a.moe.firstMoeLayer, a.moe.layerFrequency, a.moe.scoring, a.moe.groupScore),
            std::tie(b.moe.groupsPerToken, b.moe.firstMoeLayer, b.moe.layerFrequency, b.moe.scoring, b.moe.groupScore));
  EXPECT_EQ(std::tie(a.moe.correctionBias, a.moe.normalize, a.moe.scale, a.storage, a.scaleFormat),
            std::tie(b.moe.correctionBias, b.moe.normalize, b.moe.scale, b.storage, b.scaleFormat));
}

TEST(ConfigTest, PublishedV2Lite) {
  ModelConfig config = published("models/deepseek-v2-lite");
  EXPECT_EQ(config.layers, 27);
  EXPECT_EQ(config.qLoraRank, 0);
  EXPECT_EQ(config.moe.experts, 64);
  EXPECT_EQ(config.moe.scoring, Scoring::Softmax);
  EXPECT_EQ(config.moe.groupScore, GroupScore::None);
  EXPECT_FALSE(config.moe.correctionBias);
  EXPECT_FALSE(config.moe.normalize);
  EXPECT_FALSE(config.scaleFormat.has_value());
  EXPECT_EQ(config.bosToken, 100000);
  EXPECT_EQ(config.eosTokens, llvm::SmallVector<int64_t>{100001});
  EXPECT_FALSE(config.isMoeLayer(0));
  EXPECT_TRUE(config.isMoeLayer(1));
}

TEST(ConfigTest, PublishedV2) {
  ModelConfig config = published("models/deepseek-v2");
  EXPECT_EQ(config.qLoraRank, 1536);
  EXPECT_EQ(config.moe.groups, 8);
  EXPECT_EQ(config.moe.groupsPerToken, 3);
  EXPECT_EQ(config.moe.groupScore, GroupScore::Max);
  EXPECT_EQ(config.moe.scale, 16.0);
}

TEST(ConfigTest, PublishedV3) {
  ModelConfig config = published("models/deepseek-v3");
  EXPECT_EQ(config.moe.scoring, Scoring::Sigmoid);
  EXPECT_EQ(config.moe.groupScore, GroupScore::Top2Sum);
  EXPECT_TRUE(config.moe.correctionBias);
  EXPECT_TRUE(config.moe.normalize);
  EXPECT_EQ(config.scaleFormat, ScaleFormat::F32);
  EXPECT_FALSE(config.isMoeLayer(2));
  EXPECT_TRUE(config.isMoeLayer(3));
  expectSameComputation(config, published("models/deepseek-r1"));
}

// V3.1 differs from V3 in the format of its scales alone.
TEST(ConfigTest, PublishedV31) {
  ModelConfig v3 = published("models/deepseek-v3"), v31 = published("models/deepseek-v3.1");
  EXPECT_EQ(v31.scaleFormat, ScaleFormat::UE8M0);
  v31.scaleFormat = ScaleFormat::F32;
  expectSameComputation(v3, v31);
}

// DeepSeek's own configs describe the models that the Hugging Face configs describe.
TEST(ConfigTest, InferenceConfigsAgreeWithHuggingFace) {
  expectSameComputation(published("models/deepseek-inference/config_16B.json"), published("models/deepseek-v2-lite"));
  expectSameComputation(published("models/deepseek-inference/config_671B.json"), published("models/deepseek-v3"));
  expectSameComputation(published("models/deepseek-inference/config_v3.1.json"), published("models/deepseek-v3.1"));
  // config_236B.json leaves mscale at its default of 1 where the published V2 has 0.707: a difference in the softmax
  // scale.
  ModelConfig v2 = published("models/deepseek-v2"), native = published("models/deepseek-inference/config_236B.json");
  EXPECT_GT(native.softmaxScale, v2.softmaxScale);
  native.softmaxScale = v2.softmaxScale;
  expectSameComputation(native, v2);
}

TEST(ConfigTest, CheckpointsParseWithoutWarnings) {
  for (const char *path : {"models/tiny-shakespeare", "models/tiny-shakespeare-fp8", "test/checkpoints/rand-v2",
                           "test/checkpoints/rand-v2-lite", "test/checkpoints/rand-v3", "test/checkpoints/rand-v3-fp8",
                           "test/checkpoints/rand-v3-ue8m0"})
    EXPECT_GT(published(path).layers, 0);
}

TEST(ConfigTest, TextIsKeptVerbatim) {
  std::string text = smallConfig().dump(3) + "\n\n";
  llvm::SmallVector<std::string> warnings;
  llvm::Expected<ModelConfig> config = parseModelConfig(text, "config.json", warnings);
  ASSERT_TRUE(bool(config));
  EXPECT_EQ(config->text, text);
}

TEST(ConfigTest, DefaultsOfV3) {
  ModelConfig config = accept(smallConfig());
  EXPECT_EQ(config.moe.scoring, Scoring::Sigmoid);
  EXPECT_TRUE(config.moe.correctionBias);
  EXPECT_TRUE(config.moe.normalize);
  EXPECT_EQ(config.storage, StorageType::BF16);
  EXPECT_EQ(config.normEps, 1e-6);
  EXPECT_EQ(config.latentNorm.kind, LatentNorm::Rms);
  EXPECT_EQ(config.rotary.factor, 1.0);
  EXPECT_EQ(config.rotary.layout, RopeLayout::Interleaved);
  EXPECT_DOUBLE_EQ(config.softmaxScale, 1.0 / std::sqrt(24.0));
  EXPECT_FALSE(config.bosToken.has_value());
  EXPECT_TRUE(config.eosTokens.empty());
}

TEST(ConfigTest, DefaultsOfV2) {
  ModelConfig config = accept(with(smallConfig(), {{"model_type", "deepseek_v2"}}));
  EXPECT_EQ(config.moe.scoring, Scoring::Softmax);
  EXPECT_EQ(config.moe.groupScore, GroupScore::None); // topk_method defaults to greedy, which has no groups
  EXPECT_EQ(config.moe.groups, 1);
  EXPECT_FALSE(config.moe.correctionBias);
  EXPECT_FALSE(config.moe.normalize);
  EXPECT_EQ(config.moe.scale, 2.5);
}

// The code published with V2 either normalises or scales, never both.
TEST(ConfigTest, NormalizedSoftmaxIsNotScaled) {
  llvm::SmallVector<std::string> warnings;
  ModelConfig config =
      accept(with(smallConfig(), {{"model_type", "deepseek_v2"}, {"norm_topk_prob", true}}), &warnings);
  EXPECT_TRUE(config.moe.normalize);
  EXPECT_EQ(config.moe.scale, 1.0);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "config.json: field 'norm_topk_prob' is true with softmax scores: weights are normalised and "
                         "routed_scaling_factor = 2.5 is not applied, as in the code published with V2");
}

TEST(ConfigTest, OneGroupIsNoGroup) {
  ModelConfig config = accept(with(smallConfig(), {{"n_group", 1}, {"topk_group", 1}}));
  EXPECT_EQ(config.moe.groupScore, GroupScore::None);
}

TEST(ConfigTest, DenseModel) {
  json dense = without(without(with(smallConfig(), {{"n_routed_experts", nullptr}}), "moe_intermediate_size"),
                       "num_experts_per_tok");
  ModelConfig config = accept(dense);
  EXPECT_FALSE(config.isMoeLayer(2));
}

TEST(ConfigTest, EveryLayerMoeNeedsNoDenseSize) {
  ModelConfig config = accept(without(with(smallConfig(), {{"first_k_dense_replace", 0}}), "intermediate_size"));
  EXPECT_TRUE(config.isMoeLayer(0));
}

TEST(ConfigTest, MoeLayerFrequency) {
  ModelConfig config = accept(with(smallConfig(), {{"moe_layer_freq", 2}}));
  EXPECT_FALSE(config.isMoeLayer(1));
  EXPECT_TRUE(config.isMoeLayer(2));
}

static const json yarn = {{"type", "yarn"},         {"factor", 40},   {"original_max_position_embeddings", 64},
                          {"beta_fast", 32},        {"beta_slow", 1}, {"mscale", 0.707},
                          {"mscale_all_dim", 0.707}};

TEST(ConfigTest, YarnScalesTheSoftmax) {
  ModelConfig config = accept(with(smallConfig(), {{"rope_scaling", yarn}}));
  double magnitude = 0.1 * 0.707 * std::log(40.0) + 1.0;
  EXPECT_DOUBLE_EQ(config.softmaxScale, magnitude * magnitude / std::sqrt(24.0));
  EXPECT_DOUBLE_EQ(config.rotary.magnitude, 1.0);
  EXPECT_EQ(config.rotary.factor, 40.0);
  EXPECT_EQ(config.rotary.originalContext, 64);
}

// Cosine and sine are scaled by the quotient of both magnitudes; with only one of them given, by YaRN's own.
TEST(ConfigTest, YarnMagnitude) {
  double own = 0.1 * std::log(40.0) + 1.0, half = 0.05 * std::log(40.0) + 1.0;
  ModelConfig config =
      accept(with(smallConfig(), {{"rope_scaling", with(yarn, {{"mscale", 1.0}, {"mscale_all_dim", 0.5}})}}));
  EXPECT_DOUBLE_EQ(config.rotary.magnitude, own / half);
  config = accept(with(smallConfig(), {{"rope_scaling", without(without(yarn, "mscale"), "mscale_all_dim")}}));
  EXPECT_DOUBLE_EQ(config.rotary.magnitude, own);
  EXPECT_DOUBLE_EQ(config.softmaxScale, 1.0 / std::sqrt(24.0));
  config = accept(with(smallConfig(), {{"rope_scaling", with(yarn, {{"attention_factor", 1.25}})}}));
  EXPECT_DOUBLE_EQ(config.rotary.magnitude, 1.25);
}

// transformers 5 writes the rotary fields into one object.
TEST(ConfigTest, RopeParametersMeanRopeScaling) {
  json modern = with(without(yarn, "type"), {{"rope_type", "yarn"}, {"rope_theta", 50000.0}});
  json old = with(smallConfig(), {{"rope_scaling", yarn}, {"rope_theta", 50000}});
  expectSameComputation(accept(with(smallConfig(), {{"rope_parameters", modern}})), accept(old));
  expectSameComputation(accept(with(smallConfig(), {{"rope_parameters", {{"rope_type", "default"}}}})),
                        accept(smallConfig()));
}

TEST(ConfigTest, TokenIds) {
  ModelConfig config = accept(with(smallConfig(), {{"bos_token_id", 3}, {"eos_token_id", {1, 7}}}));
  EXPECT_EQ(config.bosToken, 3);
  EXPECT_EQ(config.eosTokens, (llvm::SmallVector<int64_t>{1, 7}));
  config = accept(with(smallConfig(), {{"bos_token_id", nullptr}, {"eos_token_id", 1}}));
  EXPECT_FALSE(config.bosToken.has_value());
  EXPECT_EQ(config.eosTokens, llvm::SmallVector<int64_t>{1});
}

TEST(ConfigTest, TutorialVariant) {
  ModelConfig config = accept(with(smallConfig(), {{"latent_norm", "layer_norm"},
                                                   {"latent_norm_position", "cache_read"},
                                                   {"rope_interleave", false},
                                                   {"rope_frequency_dim", 24}}));
  EXPECT_EQ(config.latentNorm.kind, LatentNorm::Layer);
  EXPECT_EQ(config.latentNorm.eps, 1e-5);
  EXPECT_TRUE(config.latentNorm.atRead);
  EXPECT_EQ(config.rotary.layout, RopeLayout::HalfSplit);
  // The i-th of the first 4 frequencies of a head of 24 elements.
  for (int i = 0; i < 4; ++i)
    EXPECT_DOUBLE_EQ(std::pow(config.rotary.theta, -2.0 * i / 8), std::pow(10000.0, -2.0 * i / 24));
}

TEST(ConfigTest, InferenceDefaults) {
  ModelConfig config = accept({{"dim", 2048}});
  EXPECT_EQ(config.layers, 27);
  EXPECT_EQ(config.vocab, 102400);
  EXPECT_EQ(config.maxPositions, 16384);
  EXPECT_EQ(config.rotary.factor, 40.0);
  double magnitude = 0.1 * std::log(40.0) + 1.0;
  EXPECT_DOUBLE_EQ(config.softmaxScale, magnitude * magnitude / std::sqrt(192.0));
}

// That code applies YaRN only to sequences beyond the original context.
TEST(ConfigTest, InferenceShortContextHasNoYarn) {
  ModelConfig config = accept({{"dim", 2048}, {"max_seq_len", 4096}});
  EXPECT_EQ(config.rotary.factor, 1.0);
  EXPECT_DOUBLE_EQ(config.softmaxScale, 1.0 / std::sqrt(192.0));
}

TEST(ConfigTest, UnknownFieldsWarnOnce) {
  llvm::SmallVector<std::string> warnings;
  accept(with(smallConfig(),
              {{"flux_capacitor", 1.21},
               {"use_cache", true},
               {"rope_scaling", with(yarn, {{"warp", 9}})},
               {"quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {128, 128}}, {"zap", 1}}}}),
         &warnings);
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_EQ(warnings[0], "config.json: unknown field 'rope_scaling.warp' is ignored");
  EXPECT_EQ(warnings[1], "config.json: unknown field 'quantization_config.zap' is ignored");
  EXPECT_EQ(warnings[2], "config.json: unknown field 'flux_capacitor' is ignored");
  warnings.clear();
  accept({{"dim", 2048}, {"flux", 1}}, &warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "config.json: unknown field 'flux' is ignored");
}
