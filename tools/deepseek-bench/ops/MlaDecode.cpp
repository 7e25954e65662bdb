// Absorbed attention of the newest tokens of each sequence over the paged latent cache: records of 512 + 64 elements of
// bf16, or quantised (QuantizedRecords.h), pages of 64 positions in random order.
#include "tools/deepseek-bench/TestData.h"
#include "tools/deepseek-bench/ops/Attention.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"
#include "tools/deepseek-bench/ops/QuantizedRecords.h"

#include <algorithm>
#include <numeric>

namespace dsrt {

namespace {
constexpr int64_t latent = 512, rope = 64, record = latent + rope, page = 64;
constexpr int64_t mostCacheBytes = int64_t(6) << 30;

bool isQuantized(const OpCase &c) { return std::string_view(c.family->name) == "mla-decode-fp8"; }

std::vector<std::string> quantizedCases() {
  std::vector<std::string> all;
  auto add = [&](int64_t heads, int64_t sq, int64_t batch, int64_t context, const char *rest = "") {
    all.push_back(caseText("mla-decode-fp8", {{"heads", heads}, {"sq", sq}, {"batch", batch}, {"context", context}}) +
                  rest);
  };
  for (int64_t batch : {1, 8, 32, 128})
    for (int64_t context : {1024, 4096, 16384, 32768})
      if (batch * context <= 32 * 32768)
        add(128, 1, batch, context);
  for (int64_t heads : {64, 16})
    for (int64_t batch : {1, 8, 32, 128})
      add(heads, 1, batch, 4096);
  for (int64_t batch : {1, 32})
    add(128, 2, batch, 4096);
  for (int64_t heads : {128, 16})
    for (int64_t batch : {8, 128})
      add(heads, 1, batch, 4000, " lengths=ragged"); // no whole pages: records past the end are poisoned
  return all;
}

std::vector<std::string> cases() {
  std::vector<std::string> all;
  auto add = [&](int64_t heads, int64_t sq, int64_t batch, int64_t context, const char *rest = "") {
    if (batch * context * record * 2 <= mostCacheBytes)
      all.push_back(
          caseText("mla-decode-bf16", {{"heads", heads}, {"sq", sq}, {"batch", batch}, {"context", context}}) + rest);
  };
  for (int64_t heads : {128, 16})
    for (int64_t batch : {1, 8, 32, 128})
      for (int64_t context : {1024, 4096, 16384, 32768})
        add(heads, 1, batch, context);
  add(128, 1, 1, 131072);
  add(16, 1, 1, 131072);
  for (int64_t heads : {64, 32, 8})
    for (int64_t batch : {8, 128})
      add(heads, 1, batch, 4096);
  for (int64_t heads : {128, 16})
    for (int64_t batch : {1, 32})
      add(heads, 2, batch, 4096);
  for (int64_t heads : {128, 16})
    for (int64_t batch : {8, 128})
      add(heads, 1, batch, 4096, " lengths=ragged");
  return all;
}

// Ragged: sequence s has (s mod 8 + 1) eighths of the context.
int64_t lengthOf(const OpCase &c, int64_t sequence) {
  return c.word("lengths") == "ragged" ? std::max(c["sq"], c["context"] * (sequence % 8 + 1) / 8) : c["context"];
}

OpFunction function(const OpCase &c, const OpSchedule *schedule) {
  const int64_t heads = c["heads"], sq = c["sq"], batch = c["batch"], tokens = batch * sq;
  const int64_t pages = (c["context"] + page - 1) / page;
  std::vector<int64_t> positions, table(static_cast<size_t>(batch * pages));
  const bool quantized = isQuantized(c);
  double read = 0, seen = 0; // records, and pairs of a token and a record
  for (int64_t s = 0; s < batch; ++s) {
    read += static_cast<double>(lengthOf(c, s));
    for (int64_t i = 0; i < sq; ++i) {
      positions.push_back(lengthOf(c, s) - sq + i);
      seen += static_cast<double>(positions.back() + 1);
    }
  }
  std::iota(table.begin(), table.end(), 0);
  Random random(1);
  for (size_t i = table.size(); i > 1; --i)
    std::swap(table[i - 1], table[random.next() % i]);

  std::vector<std::pair<int64_t, int64_t>> unseen; // bytes of a quantised cache
  for (int64_t s = 0; s < batch && quantized; ++s)
    for (int64_t first = lengthOf(c, s) / page * page; first < pages * page; first += page) {
      const int64_t from = std::max(first, lengthOf(c, s)) - first;
      const int64_t start = table[static_cast<size_t>(s * pages + first / page)] * page + from;
      if (from < page)
        unseen.emplace_back(start * quantizedRecordBytes, (page - from) * quantizedRecordBytes);
    }

  OpFunction f;
  f.pages = batch * pages;
  f.context = static_cast<int64_t>(read) / batch; // work is shared evenly
  f.arguments = {{DType::BF16, {tokens, heads, latent}},
                 {DType::BF16, {tokens, heads, rope}},
                 quantized
                     ? OpValue{DType::U8,
                               {f.pages, 1, page, quantizedRecordBytes},
                               OpFill::records(unseen),
                               "memref<?x1x64x" + std::to_string(quantizedRecordBytes) + "xi8>"}
                     : OpValue{DType::BF16, {f.pages, 1, page, record}, OpFill::normal(), "memref<?x1x64x576xbf16>"},
                 {DType::I32, {tokens}, OpFill::values(positions)},
                 {DType::I32, {batch, pages}, OpFill::values(table)}};
  f.results = {{DType::BF16, {tokens, heads, latent}}};
  f.bytes = f.wholeBytes() - f.arguments[2].bytes() + read * (quantized ? quantizedRecordBytes : record * 2);
  f.flops = 2 * seen * static_cast<double>(heads) * (record + latent);
  f.rate = OpRate::Bf16;
  std::string types;
  for (const OpValue &argument : f.arguments)
    types += (types.empty() ? "" : ", ") + argument.type();
  const std::string arguments =
      "kernel.mla_decode %a0, %a1, %a2[0] at %a3, %a4 scale 0.0721687836" + attributeOf(schedule) + " : " + types;
  if (schedule && schedule->split > 1) {
    const std::string shape =
        std::to_string(schedule->split) + "x" + std::to_string(tokens) + "x" + std::to_string(heads);
    const std::string parts = "tensor<" + shape + "x512xf32>", lse = "tensor<" + shape + "xf32>";
    f.body = "  %p, %l = " + arguments + " -> " + parts + " lse " + lse +
             "\n  %r0 = kernel.mla_combine %p, %l : " + parts + ", " + lse + " -> " + f.results[0].type() + "\n";
  } else {
    f.body = "  %r0 = " + arguments + " -> " + f.results[0].type() + "\n";
  }
  return f;
}

Status check(const OpCase &c, const OpFunction &f, OpData &data, OpCheck &found) {
  const int64_t heads = c["heads"], sq = c["sq"], pages = f.arguments[4].shape[1];
  const std::vector<int64_t> &positions = f.arguments[3].fill.listed, &table = f.arguments[4].fill.listed;
  std::vector<float> records, bytes(page * quantizedRecordBytes), got(latent);
  for (int64_t token : sampleOf(c["batch"] * sq, c["context"] > 16384 ? 1 : 3)) {
    const int64_t length = positions[static_cast<size_t>(token)] + 1;
    records.resize(static_cast<size_t>(length * record));
    for (int64_t first = 0; first < length; first += page) {
      const int64_t count = std::min(page, length - first),
                    physical = table[static_cast<size_t>(token / sq * pages + first / page)];
      if (!isQuantized(c)) {
        data.input(
            2, physical * page * record,
            std::span(records).subspan(static_cast<size_t>(first * record), static_cast<size_t>(count * record)));
        continue;
      }
      data.input(2, physical * page * static_cast<int64_t>(quantizedRecordBytes), bytes);
      for (int64_t j = 0; j < count; ++j)
        readRecord(bytes.data() + j * quantizedRecordBytes, records.data() + (first + j) * record);
    }
    for (int64_t head : sampleOf(heads, 2)) {
      std::vector<float> query(record);
      data.input(0, (token * heads + head) * latent, std::span(query).first(latent));
      data.input(1, (token * heads + head) * rope, std::span(query).subspan(latent));
      AttentionReference reference(0.0721687836);
      for (int64_t j = 0; j < length; ++j)
        reference.addScore(query.data(), records.data() + j * record, record);
      DSRT_RETURN_IF_ERROR(data.output(0, (token * heads + head) * latent, got));
      reference.compare(got, [&](int64_t j) { return records.data() + j * record; }, found);
    }
  }
  return Status();
}

std::vector<OpSchedule> schedules(const OpCase &c) {
  return decodeSchedules({c["batch"], c["sq"] * c["heads"], c["context"], isQuantized(c)});
}
} // namespace

OpFamily mlaDecodeFamily(bool fp8) {
  return {fp8 ? "mla-decode-fp8" : "mla-decode-bf16",
          {{"heads", nullptr},
           {"sq", "1"},
           {"batch", nullptr},
           {"context", nullptr},
           {"lengths", "equal", true, {"equal", "ragged"}}},
          fp8 ? quantizedCases : cases,
          function,
          check,
          schedules};
}

} // namespace dsrt
