// The entries of a model and the module around them.
#include "models/Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "models/GraphBuilder.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::models;

namespace {
struct Entry {
  bool prefill;
  int64_t tokens, rows;
  std::string name() const { return (prefill ? "prefill_" : "decode_") + std::to_string(tokens); }
};

/// Options with their defaults filled in.
struct Plan {
  int64_t maxContext, maxBatch, maxPrefill;
  SmallVector<Entry> entries;
  int64_t pages(const ImportOptions &options) const { return llvm::divideCeil(maxContext, options.pageSize); }
};

// The most tokens of an entry: larger chunks gain nothing and their temporaries would not fit any memory.
constexpr int64_t maxBucket = 1 << 16;

llvm::Error checkBuckets(StringRef option, ArrayRef<int64_t> buckets, int64_t largest) {
  if (buckets.empty())
    return llvm::createStringError(llvm::formatv("option '{0}' is empty, expected at least one bucket", option));
  llvm::DenseSet<int64_t> seen;
  for (int64_t bucket : buckets) {
    if (bucket < 1 || bucket > largest)
      return llvm::createStringError(
          llvm::formatv("option '{0}' holds {1}, expected sizes from 1 to {2} tokens", option, bucket, largest));
    if (!seen.insert(bucket).second)
      return llvm::createStringError(
          llvm::formatv("option '{0}' holds {1} twice, expected each size once", option, bucket));
  }
  return llvm::Error::success();
}

llvm::Expected<Plan> planEntries(const ModelConfig &config, const ImportOptions &options) {
  Plan plan;
  if (options.pageSize < 1 || options.pageSize > 1 << 16)
    return llvm::createStringError(llvm::formatv("option 'page-size' is {0}, expected a number of tokens from 1 to {1}",
                                                 options.pageSize, 1 << 16));
  plan.maxContext = options.maxContext ? options.maxContext : std::min<int64_t>(config.maxPositions, 4096);
  if (plan.maxContext < 1 || plan.maxContext > config.maxPositions)
    return llvm::createStringError(
        llvm::formatv("option 'max-context' is {0}, expected from 1 to the model's {1} tokens", plan.maxContext,
                      config.maxPositions));
  if (llvm::Error error = checkBuckets("decode-buckets", options.decodeBuckets, maxBucket))
    return std::move(error);
  if (llvm::Error error = checkBuckets("prefill-buckets", options.prefillBuckets, maxBucket))
    return std::move(error);
  plan.maxBatch = *llvm::max_element(options.decodeBuckets);
  plan.maxPrefill = *llvm::max_element(options.prefillBuckets);
  if (options.prefillRows < 0 || options.prefillRows > maxBucket)
    return llvm::createStringError(
        llvm::formatv("option 'prefill-rows' is {0}, expected from 0 to {1}", options.prefillRows, maxBucket));
  int64_t rows = options.prefillRows ? options.prefillRows : plan.maxBatch;
  for (int64_t tokens : options.prefillBuckets)
    plan.entries.push_back({/*prefill=*/true, tokens, std::min(rows, tokens)});
  for (int64_t tokens : options.decodeBuckets)
    plan.entries.push_back({/*prefill=*/false, tokens, tokens});
  return plan;
}

/// The manifest's "model" object (docs/artifact.md).
DictionaryAttr modelAttribute(OpBuilder &builder, const ModelConfig &config, const ImportOptions &options,
                              const Plan &plan) {
  SmallVector<NamedAttribute> fields;
  auto add = [&](StringRef name, Attribute value) { fields.push_back(builder.getNamedAttr(name, value)); };
  auto addInteger = [&](StringRef name, int64_t value) { add(name, builder.getI64IntegerAttr(value)); };
  addInteger("vocab_size", config.vocab);
  addInteger("max_context", plan.maxContext);
  addInteger("page_size", options.pageSize);
  addInteger("layers", config.layers);
  addInteger("max_batch", plan.maxBatch);
  addInteger("max_prefill", plan.maxPrefill);
  add("activation_dtype", builder.getStringAttr(options.activation == ActivationType::BF16 ? "bf16" : "f32"));
  if (config.bosToken)
    addInteger("bos_token_id", *config.bosToken);
  add("eos_token_id", builder.getI64ArrayAttr(config.eosTokens));
  return builder.getDictionaryAttr(fields);
}

/// A function with the arguments of an entry, in the order that all passes rely on.
func::FuncOp createEntry(GraphBuilder &graph, ModuleOp module, const Entry &entry, const Plan &plan) {
  OpBuilder &builder = graph.builder;
  const ModelConfig &config = graph.config;
  Type i64 = builder.getI64Type();
  SmallVector<std::pair<StringRef, Type>> arguments;
  int64_t sequences = entry.prefill ? 1 : entry.tokens, rows = entry.rows;
  arguments.push_back({"tokens", graph.tensor({entry.tokens}, graph.i32)});
  arguments.push_back({"positions", graph.tensor({entry.tokens}, graph.i32)});
  arguments.push_back({"block_table", graph.tensor({sequences, plan.pages(graph.options)}, graph.i32)});
  arguments.push_back({"cache", LatentCacheType::get(builder.getContext(), config.layers, graph.options.pageSize,
                                                     config.kvLoraRank, config.rope, graph.activation)});
  if (entry.prefill)
    arguments.push_back({"logit_rows", graph.tensor({rows}, graph.i32)});
  arguments.push_back({"temperature", graph.tensor({rows}, graph.f32)});
  arguments.push_back({"top_k", graph.tensor({rows}, graph.i32)});
  arguments.push_back({"top_p", graph.tensor({rows}, graph.f32)});
  arguments.push_back({"seed", graph.tensor({rows}, i64)});

  SmallVector<Type> inputs = llvm::map_to_vector(arguments, [](const auto &argument) { return argument.second; });
  Type outputs[] = {graph.tensor({rows, config.vocab}, graph.f32), graph.tensor({rows}, graph.i32)};
  builder.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(builder, builder.getUnknownLoc(), entry.name(), builder.getFunctionType(inputs, outputs));
  function->setAttr("deepseek.entry",
                    builder.getDictionaryAttr(
                        {builder.getNamedAttr("kind", builder.getStringAttr(entry.prefill ? "prefill" : "decode")),
                         builder.getNamedAttr("tokens", builder.getI64IntegerAttr(entry.tokens)),
                         builder.getNamedAttr("rows", builder.getI64IntegerAttr(rows))}));
  for (auto [i, argument] : llvm::enumerate(arguments))
    function.setArgAttr(i, "deepseek.buffer", builder.getStringAttr(argument.first));
  function.setResultAttr(0, "deepseek.buffer", builder.getStringAttr("logits"));
  function.setResultAttr(1, "deepseek.buffer", builder.getStringAttr("next_tokens"));

  Block *body = function.addEntryBlock();
  for (auto [value, argument] : llvm::zip(body->getArguments(), arguments))
    value.setLoc(NameLoc::get(builder.getStringAttr(argument.first)));
  builder.setInsertionPointToStart(body);
  return function;
}

/// Cosine and sine of each token's rotary angles.
Value ropeAngles(GraphBuilder &graph, Value positions) {
  OpBuilder &builder = graph.builder;
  const RopeConfig &rotary = graph.config.rotary;
  auto number = [&](double value) { return builder.getF64FloatAttr(value); };
  auto yarn = YarnAttr::get(builder.getContext(), number(rotary.theta), number(rotary.factor), rotary.originalContext,
                            number(rotary.betaFast), number(rotary.betaSlow), number(rotary.magnitude));
  return RopeAnglesOp::create(builder, graph.loc("rope_angles"),
                              graph.tensor({rowsOf(positions), graph.config.rope / 2, 2}, graph.f32), positions, yarn);
}

/// Logits of the last hidden states x [R, hidden], in f32.
Value headLogits(GraphBuilder &graph, Value x) {
  const ModelConfig &config = graph.config;
  graph.setScope("head");
  Value normed = graph.rmsNorm(x, "model.norm", config.normEps, "final_norm");
  Value weight = graph.parameter(config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight",
                                 {config.vocab, config.hidden}, graph.storage);
  return LinearOp::create(graph.builder, graph.loc("logits"), graph.tensor({rowsOf(x), config.vocab}, graph.f32),
                          normed, weight);
}

void buildEntry(GraphBuilder &graph, ModuleOp module, const Entry &entry, const Plan &plan) {
  OpBuilder &builder = graph.builder;
  const ModelConfig &config = graph.config;
  func::FuncOp function = createEntry(graph, module, entry, plan);
  auto arguments = function.getArguments();
  Value tokens = arguments[0], positions = arguments[1], rowPositions = positions;

  graph.setScope("embedding");
  EntryValues values{positions, arguments[2], arguments[3], ropeAngles(graph, positions)};
  Value table = graph.parameter("model.embed_tokens.weight", {config.vocab, config.hidden}, graph.storage);
  Value x = EmbeddingOp::create(builder, graph.loc("embedding"), graph.tensor({entry.tokens, config.hidden}, graph.f32),
                                tokens, table);
  for (int64_t layer = 0; layer < config.layers; ++layer)
    x = graph.decoderLayer(x, layer, values);

  graph.setScope("head");
  if (entry.prefill) {
    // Only the wanted rows go through the head, by far the widest projection of a small model.
    Value rows = arguments[4];
    x = TakeRowsOp::create(builder, graph.loc("last_hidden"), graph.tensor({entry.rows, config.hidden}, graph.f32), x, rows);
    rowPositions =
        TakeRowsOp::create(builder, graph.loc("row_positions"), graph.tensor({entry.rows}, graph.i32), positions, rows);
  }
  Value logits = headLogits(graph, x);
  auto sampling = arguments.take_back(4);
  Value next = SampleOp::create(builder, graph.loc("next_tokens"), graph.tensor({entry.rows}, graph.i32), logits,
                                sampling[0], sampling[1], sampling[2], sampling[3], rowPositions);
  func::ReturnOp::create(builder, builder.getUnknownLoc(), ValueRange{logits, next});
}
} // namespace

Value GraphBuilder::decoderLayer(Value x, int64_t layer, const EntryValues &entry) {
  std::string name = ("layer." + Twine(layer)).str(), prefix = ("model.layers." + Twine(layer) + ".").str();
  setScope(name + ".attn");
  Value normed = rmsNorm(x, prefix + "input_layernorm", config.normEps, "attn_norm");
  Value attended = attention(normed, layer, entry);
  x = AddOp::create(builder, loc("attn_residual"), x, attended);

  setScope(name + ".mlp");
  normed = rmsNorm(x, prefix + "post_attention_layernorm", config.normEps, "mlp_norm");
  LinearInput input = linearInput(normed, "mlp_norm");
  Value out = config.isMoeLayer(layer) ? moe(input, layer) : denseMlp(input, prefix + "mlp.", config.intermediate);
  return AddOp::create(builder, loc("mlp_residual"), x, out);
}

llvm::Expected<OwningOpRef<ModuleOp>> models::importModel(MLIRContext &context, const ModelConfig &config,
                                                          const ImportOptions &options) {
  llvm::Expected<Plan> plan = planEntries(config, options);
  if (!plan)
    return plan.takeError();
  context.loadDialect<DeepSeekDialect, func::FuncDialect, tensor::TensorDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  GraphBuilder graph(*module, config, options);
  (*module)->setAttr("deepseek.model", modelAttribute(graph.builder, config, options, *plan));
  (*module)->setAttr("deepseek.config", graph.builder.getStringAttr(config.text));
  for (const Entry &entry : plan->entries)
    buildEntry(graph, *module, entry, *plan);

  std::string message;
  ScopedDiagnosticHandler collect(&context, [&](Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
    return success();
  });
  if (failed(verify(*module)))
    return llvm::createStringError("the imported graph does not verify: " + message);
  return module;
}
