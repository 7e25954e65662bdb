// The feed-forward part of a layer: one MLP, or a mixture of experts.
#include "models/GraphBuilder.h"

using namespace mlir;
using namespace mlir::deepseek;
using namespace mlir::deepseek::models;

Value GraphBuilder::denseMlp(const LinearInput &x, StringRef prefix, int64_t intermediate) {
  Value gate = linear(x, (prefix + "gate_proj").str(), intermediate, "gate", f32);
  Value up = linear(x, (prefix + "up_proj").str(), intermediate, "up", f32);
  // f32, as the router's logits: beside a mixture of experts all three are one product.
  Value hidden = SwigluOp::create(builder, loc("swiglu"), activations({rowsOf(x.plain), intermediate}), gate, up);
  return linear(linearInput(hidden, "swiglu"), (prefix + "down_proj").str(), config.hidden, "mlp_out", f32);
}

/// Weights and indices of the experts of each token, both [T, K].
static MoeGateOp gate(GraphBuilder &graph, Value x, StringRef prefix) {
  const MoeConfig &moe = graph.config.moe;
  int64_t tokens = rowsOf(x);
  Value weight = graph.parameter((prefix + "gate.weight").str(), {moe.experts, graph.config.hidden}, graph.storage);
  Value bias;
  if (moe.correctionBias)
    bias = graph.parameter((prefix + "gate.e_score_correction_bias").str(), {moe.experts}, graph.f32);
  Value logits = LinearOp::create(graph.builder, graph.loc("gate_logits"),
                                  graph.tensor({tokens, moe.experts}, graph.f32), x, weight);
  return MoeGateOp::create(graph.builder, graph.loc("router"), graph.tensor({tokens, moe.expertsPerToken}, graph.f32),
                           graph.tensor({tokens, moe.expertsPerToken}, graph.i32), logits, bias, moe.expertsPerToken,
                           moe.groups, moe.groupsPerToken, moe.scoring, moe.groupScore, moe.normalize,
                           llvm::APFloat(moe.scale));
}

Value GraphBuilder::moe(const LinearInput &x, int64_t layer) {
  const MoeConfig &moe = config.moe;
  std::string prefix = ("model.layers." + Twine(layer) + ".mlp.").str();
  int64_t tokens = rowsOf(x.plain), pairs = tokens * moe.expertsPerToken;
  setScope("layer." + Twine(layer) + ".moe");
  MoeGateOp chosen = gate(*this, x.plain, prefix);

  Type rowsType = activations({pairs, config.hidden});
  if (blockScaled())
    rowsType = scaledType({pairs, config.hidden}, {1, 128});
  auto dispatch = MoeDispatchOp::create(builder, loc("dispatch"), rowsType, tensor({moe.experts + 1}, i32),
                                        tensor({tokens, moe.expertsPerToken}, i32), x.scaled ? x.scaled : x.plain,
                                        chosen.getIndices(), moe.experts);
  auto project = [&](Value rows, StringRef part, int64_t out, int64_t in, StringRef name, Type element) -> Value {
    auto expert = [&](int64_t e) { return (prefix + "experts." + Twine(e) + "." + part).str(); };
    Value weight = expertWeights(expert, moe.experts, out, in);
    return GroupedLinearOp::create(builder, loc(name), tensor({pairs, out}, element), rows, dispatch.getOffsets(), weight);
  };
  Value gateRows = project(dispatch.getRows(), "gate_proj", moe.intermediate, config.hidden, "expert_gate", activation);
  Value upRows = project(dispatch.getRows(), "up_proj", moe.intermediate, config.hidden, "expert_up", activation);
  Value swiglu = SwigluOp::create(builder, loc("expert_swiglu"), gateRows.getType(), gateRows, upRows);
  LinearInput hidden = linearInput(swiglu, "expert_swiglu");
  Value downRows =
      project(hidden.scaled ? hidden.scaled : hidden.plain, "down_proj", config.hidden, moe.intermediate, "expert_out", f32);
  Value routed = MoeCombineOp::create(builder, loc("routed"), tensor({tokens, config.hidden}, f32), downRows,
                                      dispatch.getRowOf(), chosen.getWeights());
  if (moe.sharedExperts == 0)
    return routed;
  setScope("layer." + Twine(layer) + ".shared_experts");
  Value shared = denseMlp(x, prefix + "shared_experts.", moe.sharedExperts * moe.intermediate);
  return AddOp::create(builder, loc("moe_out"), routed, shared);
}
