// Naive attention of a chunk of one sequence over expanded keys (128 + 64) and values (128) of its history and itself.
#include "tools/deepseek-bench/ops/Attention.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"

namespace dsrt {

namespace {
constexpr int64_t nope = 128, rope = 64, value = 128;

std::vector<std::string> cases() {
  std::vector<std::string> all;
  for (int64_t heads : {128, 16})
    for (int64_t chunk : {512, 2048, 8192})
      for (int64_t history : {0, 8192, 131072})
        if ((history + chunk) * heads * (nope + value) * 2 < int64_t(4) << 30)
          all.push_back(caseText("mla-prefill", {{"heads", heads}, {"chunk", chunk}, {"history", history}}));
  return all;
}

OpFunction function(const OpCase &c, const OpSchedule *schedule) {
  const int64_t heads = c["heads"], chunk = c["chunk"], history = c["history"], context = chunk + history;
  std::vector<int64_t> positions;
  for (int64_t t = 0; t < chunk; ++t)
    positions.push_back(history + t);
  OpFunction f;
  f.context = context;
  f.arguments = {{DType::BF16, {chunk, heads, nope + rope}},
                 {DType::BF16, {context, heads, nope + value}},
                 {DType::BF16, {context, rope}},
                 {DType::I32, {chunk}, OpFill::values(positions)}};
  f.results = {{DType::BF16, {chunk, heads, value}}};
  f.bytes = f.wholeBytes();
  const double pairs = static_cast<double>(chunk) * (static_cast<double>(history) + static_cast<double>(chunk + 1) / 2);
  f.flops = 2 * pairs * static_cast<double>(heads) * (nope + rope + value);
  f.rate = OpRate::Bf16;
  auto slice = [&](const char *name, int64_t offset, int64_t size) {
    const std::string rows = std::to_string(chunk), h = std::to_string(heads), n = std::to_string(size);
    const std::string type = "tensor<" + rows + "x" + h + "x" + n + "xbf16>";
    f.body += std::string("  ") + name + " = tensor.extract_slice %a0[0, 0, " + std::to_string(offset) + "] [" + rows +
              ", " + h + ", " + n + "] [1, 1, 1] : " + f.arguments[0].type() + " to " + type + "\n";
    return type;
  };
  const std::string n = slice("%n", 0, nope), r = slice("%r", nope, rope);
  f.body += "  %r0 = kernel.mla_prefill %n, %r, %a1, %a2 at %a3 sequences 1 scale 0.0721687836" +
            attributeOf(schedule) + " : " + n + ", " + r + ", " + f.arguments[1].type() + ", " + f.arguments[2].type() +
            ", " + f.arguments[3].type() + " -> " + f.results[0].type() + "\n";
  return f;
}

Status check(const OpCase &c, const OpFunction &, OpData &data, OpCheck &found) {
  const int64_t heads = c["heads"], width = nope + value;
  std::vector<float> query(nope + rope), key(nope + rope), got(value), values;
  for (int64_t token : sampleOf(c["chunk"], 4)) {
    const int64_t head = token * 7 % heads, length = c["history"] + token + 1;
    data.input(0, (token * heads + head) * (nope + rope), query);
    AttentionReference reference(0.0721687836);
    values.resize(static_cast<size_t>(length * value));
    for (int64_t j = 0; j < length; ++j) {
      data.input(1, (j * heads + head) * width, std::span(key).first(nope));
      data.input(1, (j * heads + head) * width + nope,
                 std::span(values).subspan(static_cast<size_t>(j * value), value));
      data.input(2, j * rope, std::span(key).subspan(nope));
      reference.addScore(query.data(), key.data(), nope + rope);
    }
    DSRT_RETURN_IF_ERROR(data.output(0, (token * heads + head) * value, got));
    reference.compare(got, [&](int64_t j) { return values.data() + j * value; }, found);
  }
  return Status();
}
std::vector<OpSchedule> schedules(const OpCase &c) {
  return prefillSchedules({c["heads"], c["chunk"], c["chunk"] + c["history"]});
}
} // namespace

OpFamily mlaPrefillFamily() {
  return {"mla-prefill", {{"heads", nullptr}, {"chunk", nullptr}, {"history", "0"}}, cases, function, check, schedules};
}

} // namespace dsrt
