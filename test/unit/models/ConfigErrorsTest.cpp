// What is refused, and in which words: field, value, expectation.
#include "ConfigFixture.h"

using namespace mlir::deepseek::models;
using nlohmann::json;

namespace {
struct Case {
  json changes;
  std::string message; // after "config.json: field "
};

void expectRefusals(const json &base, std::initializer_list<Case> cases) {
  for (const Case &c : cases)
    EXPECT_EQ(refusal(with(base, c.changes)), "config.json: field " + c.message) << c.changes.dump();
}
} // namespace

TEST(ConfigErrorsTest, TypesAndRanges) {
  expectRefusals(
      smallConfig(),
      {{{{"hidden_size", "64"}}, "'hidden_size' is \"64\", expected an integer from 1 to 1048576"},
       {{{"hidden_size", 64.5}}, "'hidden_size' is 64.5, expected an integer from 1 to 1048576"},
       {{{"hidden_size", 0}}, "'hidden_size' is 0, expected an integer from 1 to 1048576"},
       {{{"hidden_size", -5}}, "'hidden_size' is -5, expected an integer from 1 to 1048576"},
       {{{"hidden_size", 18446744073709551615ull}},
        "'hidden_size' is 18446744073709551615, expected an integer from 1 to 1048576"},
       {{{"hidden_size", json::array({1, 2})}}, "'hidden_size' is [1,2], expected an integer from 1 to 1048576"},
       {{{"hidden_size", json::object()}}, "'hidden_size' is an object, expected an integer from 1 to 1048576"},
       {{{"hidden_size", true}}, "'hidden_size' is true, expected an integer from 1 to 1048576"},
       {{{"hidden_size", nullptr}}, "'hidden_size' is null, expected an integer from 1 to 1048576"},
       {{{"num_hidden_layers", 100000}}, "'num_hidden_layers' is 100000, expected an integer from 1 to 1024"},
       {{{"moe_layer_freq", {1, 1, 1}}}, "'moe_layer_freq' is [1,1,1], expected an integer from 1 to 1024"},
       {{{"rms_norm_eps", 0}}, "'rms_norm_eps' is 0, expected a number from 1e-30 to 1.0"},
       {{{"rms_norm_eps", "1e-6"}}, "'rms_norm_eps' is \"1e-6\", expected a number from 1e-30 to 1.0"},
       {{{"tie_word_embeddings", 1}}, "'tie_word_embeddings' is 1, expected true or false"},
       {{{"rope_scaling", "yarn"}}, "'rope_scaling' is \"yarn\", expected an object"},
       {{{"eos_token_id", -1}}, "'eos_token_id' is -1, expected a token id or a list of token ids"},
       {{{"eos_token_id", {1, "x"}}}, "'eos_token_id' is [1,\"x\"], expected a token id or a list of token ids"},
       {{{"torch_dtype", "float64"}},
        "'torch_dtype' is \"float64\", expected one of \"bfloat16\", \"float16\", \"float32\""}});
}

TEST(ConfigErrorsTest, MissingFields) {
  for (const char *field : {"vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings",
                            "num_attention_heads", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
                            "moe_intermediate_size", "num_experts_per_tok", "intermediate_size"}) {
    std::string message = refusal(without(smallConfig(), field));
    EXPECT_EQ(message.find(std::string("config.json: field '") + field + "' is missing, expected an integer from "), 0u)
        << message;
  }
  EXPECT_EQ(refusal(without(smallConfig(), "model_type")),
            "config.json: field 'model_type' is missing, expected \"deepseek_v2\" or \"deepseek_v3\"");
}

TEST(ConfigErrorsTest, UnsupportedValues) {
  expectRefusals(
      smallConfig(),
      {{{{"model_type", "llama"}}, "'model_type' is \"llama\", expected one of \"deepseek_v2\", \"deepseek_v3\""},
       {{{"attention_bias", true}},
        "'attention_bias' is true, expected false (no published model has such parameters)"},
       {{{"hidden_act", "gelu"}}, "'hidden_act' is \"gelu\", expected \"silu\""},
       {{{"topk_method", "noaux"}},
        "'topk_method' is \"noaux\", expected one of \"greedy\", \"gready\", \"group_limited_greedy\", \"noaux_tc\""},
       {{{"index_topk", 2048}}, "'index_topk' is 2048, expected no such field (sparse attention is not supported)"},
       {{{"rope_scaling", {{"type", "linear"}, {"factor", 4}}}},
        "'rope_scaling.type' is \"linear\", expected one of \"default\", \"yarn\""},
       {{{"quantization_config", {{"quant_method", "awq"}}}},
        "'quantization_config.quant_method' is \"awq\", expected \"fp8\""},
       {{{"quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {64, 64}}}}},
        "'quantization_config.weight_block_size' is [64,64], expected [128, 128]"},
       {{{"quantization_config", {{"quant_method", "fp8"}}}},
        "'quantization_config.weight_block_size' is missing, expected [128, 128]"},
       {{{"quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {128, 128}}, {"scale_fmt", "e5m2"}}}},
        "'quantization_config.scale_fmt' is \"e5m2\", expected one of \"ue8m0\", \"float\""}});
}

TEST(ConfigErrorsTest, Contradictions) {
  expectRefusals(
      smallConfig(),
      {{{{"n_group", 3}}, "'n_group' is 3, expected a divisor of n_routed_experts = 8"},
       {{{"topk_group", 5}}, "'topk_group' is 5, expected at most n_group = 4"},
       {{{"num_experts_per_tok", 5}},
        "'num_experts_per_tok' is 5, expected at most the 4 experts of which a token may choose"},
       {{{"n_group", 8}},
        "'n_group' is 8, expected groups of at least 2 of the 8 experts (they are scored by their two best)"},
       {{{"n_routed_experts", 4096}, {"num_hidden_layers", 1000}},
        "'n_routed_experts' is 4096, expected at most 65 in 1000 layers"},
       {{{"qk_rope_head_dim", 7}}, "'qk_rope_head_dim' is 7, expected an even number (rotary embedding turns pairs)"},
       {{{"qk_head_dim", 25}}, "'qk_head_dim' is 25, expected qk_nope_head_dim + qk_rope_head_dim = 24"},
       {{{"num_key_value_heads", 1}},
        "'num_key_value_heads' is 1, expected num_attention_heads = 2 (MLA expands the latent for every head)"},
       {{{"topk_method", "greedy"}}, "'topk_method' is \"greedy\", expected \"noaux_tc\", the routing of deepseek_v3"},
       {{{"scoring_func", "softmax"}},
        "'scoring_func' is \"softmax\", expected \"sigmoid\" with topk_method \"noaux_tc\""},
       {{{"model_type", "deepseek_v2"}, {"scoring_func", "sigmoid"}},
        "'scoring_func' is \"sigmoid\", expected \"softmax\" with topk_method \"greedy\""},
       {{{"eos_token_id", 320}}, "'eos_token_id' is 320, expected ids below vocab_size = 320"},
       {{{"rope_theta", 10000}, {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 50000}}}},
        "'rope_parameters.rope_theta' is 50000, expected the same value as the top level's rope_theta"},
       {{{"rope_frequency_dim", 16},
         {"rope_scaling", {{"type", "yarn"}, {"factor", 4}, {"original_max_position_embeddings", 64}}}},
        "'rope_frequency_dim' is 16, expected qk_rope_head_dim = 8 with YaRN"},
       {{{"dim", 64}},
        "'dim' is 64, expected either Hugging Face's 'hidden_size' and 'model_type' or DeepSeek's own 'dim', not "
        "both"}});
}

TEST(ConfigErrorsTest, Inference) {
  expectRefusals(
      {{"dim", 2048}},
      {{{{"dtype", "int4"}}, "'dtype' is \"int4\", expected one of \"bf16\", \"fp8\""},
       {{{"scale_fmt", "ue8m0"}}, "'scale_fmt' is \"ue8m0\", expected no such field without dtype \"fp8\""},
       {{{"n_expert_groups", 7}}, "'n_expert_groups' is 7, expected a divisor of n_routed_experts = 64"},
       {{{"q_lora_rank", -1}}, "'q_lora_rank' is -1, expected an integer from 0 to 1048576"},
       {{{"beta_slow", 64}}, "'beta_slow' is 64, expected at most beta_fast = 32.0"},
       {{{"index_topk", 2048}}, "'index_topk' is 2048, expected no such field (sparse attention is not supported)"}});
}

TEST(ConfigErrorsTest, NotAConfig) {
  EXPECT_EQ(refusalOfText("[1, 2]"), "config.json: top level is [1,2], expected an object");
  EXPECT_EQ(refusalOfText("{}"), "config.json: field 'hidden_size' is missing, expected Hugging Face's "
                                 "'hidden_size' or the 'dim' of DeepSeek's inference code");
  EXPECT_EQ(refusalOfText("").find("config.json: malformed JSON: parse error at line 1"), 0u);
  EXPECT_EQ(refusalOfText("{\"dim\": }").find("config.json: malformed JSON: parse error at line 1, column 9"), 0u);
  EXPECT_EQ(refusalOfText("{\"dim\": 1e999}").find("config.json: malformed JSON: "), 0u);
  EXPECT_EQ(refusalOfText("{\"dim\": 2048, \"x\": \"\xff\"}").find("config.json: malformed JSON: "), 0u);
  EXPECT_EQ(refusalOfText(smallConfig().dump() + "x").find("config.json: malformed JSON: "), 0u);
}

// Recursion over a deep value would overflow the stack.
TEST(ConfigErrorsTest, DeepNesting) {
  std::string deep = "{\"dim\": " + std::string(1000000, '[') + std::string(1000000, ']') + "}";
  EXPECT_EQ(refusalOfText(deep), "config.json: JSON is nested 1000001 levels deep, expected at most 64");
  std::string shallow = "{\"dim\": " + std::string(60, '[') + std::string(60, ']') + "}";
  EXPECT_EQ(refusalOfText(shallow), "config.json: field 'dim' is a list of 1, expected an integer from 1 to 1048576");
}

TEST(ConfigErrorsTest, MissingFile) {
  llvm::SmallVector<std::string> warnings;
  llvm::Expected<ModelConfig> config = readModelConfig("/nonexistent/config.json", warnings);
  ASSERT_FALSE(bool(config));
  EXPECT_EQ(llvm::toString(config.takeError()),
            "/nonexistent/config.json: cannot be read (No such file or directory), expected a config.json");
}
