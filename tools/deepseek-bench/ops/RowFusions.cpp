// Row-wise work that surrounds the products of a layer.
#include "tools/deepseek-bench/TestData.h"
#include "tools/deepseek-bench/ops/Family.h"
#include "tools/deepseek-bench/ops/Products.h"

#include <algorithm>
#include <cmath>

namespace dsrt {

namespace {
constexpr int64_t latent = 512, rope = 64, heads = 128, page = 64, vocabulary = 129280;
constexpr double eps = 1e-6;

std::vector<std::string> cases() {
  std::vector<std::string> all;
  for (const char *kind : {"add-norm-quantize", "swiglu-quantize", "rope-append", "embedding"})
    for (int64_t rows : {1, 16, 4096})
      all.push_back(std::string("row-fusion kind=") + kind + " rows=" + std::to_string(rows) + " columns=7168");
  return all;
}

std::string quantizeText(const std::string &value, const OpValue &of, const OpValue &data, const OpValue &scales,
                         const char *results) {
  const std::string type = "!deepseek.block_scaled<" + std::to_string(of.shape[0]) + "x" + std::to_string(of.shape[1]) +
                           "xf8E4M3FN, 1x128, f32>";
  return "  %q = deepseek.quantize " + value + " : " + of.type() + " -> " + type + "\n  " + results +
         " = deepseek.unpack_scaled %q : " + type + " -> " + data.type() + ", " + scales.type() + "\n";
}

OpFunction addNormQuantize(int64_t rows, int64_t columns) {
  OpFunction f;
  const OpValue x{DType::BF16, {rows, columns}};
  f.arguments = {x, x, {DType::BF16, {columns}}};
  f.results = {x, {DType::F8E4M3, {rows, columns}}, {DType::F32, {rows, blocksOf(columns)}}};
  f.body = "  %r0 = deepseek.add %a0, %a1 : " + x.type() +
           "\n  %n = deepseek.rms_norm %r0, %a2 eps 1.0e-06 : " + x.type() + ", " + f.arguments[2].type() + " -> " +
           x.type() + "\n" + quantizeText("%n", x, f.results[1], f.results[2], "%r1, %r2");
  return f;
}

OpFunction swigluQuantize(int64_t rows, int64_t columns) {
  OpFunction f;
  const OpValue x{DType::BF16, {rows, columns}};
  f.arguments = {x, x};
  f.results = {{DType::F8E4M3, {rows, columns}}, {DType::F32, {rows, blocksOf(columns)}}};
  f.body = "  %s = deepseek.swiglu %a0, %a1 : " + x.type() + ", " + x.type() + " -> " + x.type() + "\n" +
           quantizeText("%s", x, f.results[0], f.results[1], "%r0, %r1");
  return f;
}

// A sequence for each row, its newest position anywhere in its one page.
OpFunction ropeAppend(int64_t rows) {
  OpFunction f;
  std::vector<int64_t> positions, table;
  Random random(1);
  for (int64_t i = 0; i < rows; ++i) {
    positions.push_back(static_cast<int64_t>(random.next() % page));
    table.push_back(rows - 1 - i);
  }
  f.pages = rows;
  f.arguments = {{DType::BF16, {rows, latent}},
                 {DType::BF16, {latent}},
                 {DType::BF16, {rows, rope}},
                 {DType::BF16, {rows, heads, rope}},
                 {DType::F32, {rows, rope / 2, 2}},
                 {DType::BF16,
                  {rows, 1, page, latent + rope},
                  OpFill::normal(),
                  "!deepseek.latent_cache<layers = 1, page = 64, latent = 512, rope = 64, element = bf16>"},
                 {DType::I32, {rows}, OpFill::values(positions)},
                 {DType::I32, {rows, 1}, OpFill::values(table)}};
  f.results = {{DType::BF16, {rows, heads, rope}}};
  std::vector<std::string> t;
  for (const OpValue &argument : f.arguments)
    t.push_back(argument.type());
  f.body = "  %n = deepseek.rms_norm %a0, %a1 eps 1.0e-06 : " + t[0] + ", " + t[1] + " -> " + t[0] +
           "\n  %k = deepseek.rope %a2, %a4 interleaved : " + t[2] + ", " + t[4] + " -> " + t[2] +
           "\n  %r0 = deepseek.rope %a3, %a4 interleaved : " + t[3] + ", " + t[4] + " -> " + t[3] +
           "\n  deepseek.latent_cache_append %n, %k to %a5[0] at %a6, %a7 : " + t[0] + ", " + t[2] + ", " + t[5] +
           ", " + t[6] + ", " + t[7] + "\n";
  return f;
}

OpFunction embedding(int64_t rows, int64_t columns) {
  OpFunction f;
  std::vector<int64_t> tokens;
  Random random(1);
  for (int64_t i = 0; i < rows; ++i)
    tokens.push_back(static_cast<int64_t>(random.next() % vocabulary));
  f.arguments = {{DType::I32, {rows}, OpFill::values(tokens)}, {DType::BF16, {vocabulary, columns}}};
  f.results = {{DType::BF16, {rows, columns}}};
  f.body = "  %r0 = deepseek.embedding %a0, %a1 : " + f.arguments[0].type() + ", " + f.arguments[1].type() + " -> " +
           f.results[0].type() + "\n";
  return f;
}

OpFunction function(const OpCase &c, const OpSchedule *) {
  const std::string &kind = c.word("kind");
  const int64_t rows = c["rows"], columns = c["columns"];
  OpFunction f = kind == "add-norm-quantize" ? addNormQuantize(rows, columns)
                 : kind == "swiglu-quantize" ? swigluQuantize(rows, columns)
                 : kind == "rope-append"     ? ropeAppend(rows)
                                             : embedding(rows, columns);
  f.bytes = f.wholeBytes();
  if (kind == "rope-append") // of the cache, the new records only
    f.bytes += static_cast<double>(rows * (latent + rope) * 2) - f.arguments[5].bytes();
  if (kind == "embedding")
    f.bytes += f.results[0].bytes() - f.arguments[1].bytes();
  return f;
}

// What quantisation must leave of `want`: the block's scale, off by as much as the largest value may be, and each value
// within half a step of e4m3 (2^-4 of it; 2^-10 scales where it is subnormal) and what its own computation may be off.
Status checkQuantized(std::span<const double> want, int64_t row, size_t result, OpData &data, OpCheck &found) {
  const int64_t columns = static_cast<int64_t>(want.size()), blocks = blocksOf(columns);
  std::vector<float> codes(want.size()), scales(static_cast<size_t>(blocks));
  DSRT_RETURN_IF_ERROR(data.output(result, row * columns, codes));
  DSRT_RETURN_IF_ERROR(data.output(result + 1, row * blocks, scales));
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = block * scaleBlock, end = std::min(columns, first + scaleBlock);
    double most = 1e-4;
    for (int64_t i = first; i < end; ++i)
      most = std::max(most, std::fabs(want[i]));
    found.add(scales[block], most / 448, bf16Rounding(most / 448));
    for (int64_t i = first; i < end; ++i)
      found.add(static_cast<double>(codes[i]) * scales[block], want[i],
                (0x1p-4 + 0x1p-7) * std::fabs(want[i]) + 0x1p-10 * scales[block]);
  }
  return Status();
}

Status checkNorm(const OpCase &c, int64_t row, OpData &data, OpCheck &found) {
  const int64_t columns = c["columns"];
  std::vector<float> x(static_cast<size_t>(columns)), y(x.size()), weight(x.size()), sum(x.size());
  data.input(0, row * columns, x);
  data.input(1, row * columns, y);
  data.input(2, 0, weight);
  DSRT_RETURN_IF_ERROR(data.output(0, row * columns, sum));
  std::vector<double> want(x.size());
  double squares = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    want[i] = static_cast<double>(x[i]) + y[i];
    found.add(sum[i], want[i], bf16Rounding(want[i]));
    squares += static_cast<double>(sum[i]) * sum[i];
  }
  const double factor = 1 / std::sqrt(squares / static_cast<double>(columns) + eps);
  for (size_t i = 0; i < x.size(); ++i)
    want[i] = sum[i] * factor * weight[i];
  return checkQuantized(want, row, 1, data, found);
}

Status checkSwiglu(const OpCase &c, int64_t row, OpData &data, OpCheck &found) {
  const int64_t columns = c["columns"];
  std::vector<float> gate(static_cast<size_t>(columns)), up(gate.size());
  data.input(0, row * columns, gate);
  data.input(1, row * columns, up);
  std::vector<double> want(gate.size());
  for (size_t i = 0; i < gate.size(); ++i)
    want[i] = gate[i] / (1 + std::exp(-static_cast<double>(gate[i]))) * up[i];
  return checkQuantized(want, row, 0, data, found);
}

// f32 arithmetic of two products, then one rounding.
void compareRotated(std::span<const float> got, std::span<const float> x, std::span<const float> angles,
                    OpCheck &found) {
  for (size_t i = 0; i < x.size(); i += 2) {
    const double a = x[i], b = x[i + 1], cosine = angles[i], sine = angles[i + 1];
    const double slack = 0x1p-22 * (std::fabs(a) + std::fabs(b)) * (std::fabs(cosine) + std::fabs(sine));
    found.add(got[i], a * cosine - b * sine, bf16Rounding(a * cosine - b * sine) + slack);
    found.add(got[i + 1], a * sine + b * cosine, bf16Rounding(a * sine + b * cosine) + slack);
  }
}

Status checkAppend(const OpFunction &f, int64_t row, OpData &data, OpCheck &found) {
  std::vector<float> x(latent), weight(latent), key(rope), angles(rope), query(heads * rope), got(latent + rope),
      rotated(query.size());
  data.input(0, row * latent, x);
  data.input(1, 0, weight);
  data.input(2, row * rope, key);
  data.input(3, row * heads * rope, query);
  data.input(4, row * rope, angles);
  const int64_t place = f.arguments[7].fill.listed[static_cast<size_t>(row)] * page +
                        f.arguments[6].fill.listed[static_cast<size_t>(row)];
  DSRT_RETURN_IF_ERROR(data.written(5, place * (latent + rope), got));
  DSRT_RETURN_IF_ERROR(data.output(0, row * heads * rope, rotated));
  double squares = 0;
  for (float value : x)
    squares += static_cast<double>(value) * value;
  const double factor = 1 / std::sqrt(squares / latent + eps);
  for (size_t i = 0; i < latent; ++i)
    found.add(got[i], x[i] * factor * weight[i], (1 + 0x1p-10) * bf16Rounding(x[i] * factor * weight[i]));
  compareRotated(std::span(got).subspan(latent), key, angles, found);
  for (int64_t h = 0; h < heads; h += 31)
    compareRotated(std::span(rotated).subspan(h * rope, rope), std::span(query).subspan(h * rope, rope), angles, found);
  return Status();
}

Status checkEmbedding(const OpCase &c, const OpFunction &f, int64_t row, OpData &data, OpCheck &found) {
  const int64_t columns = c["columns"];
  std::vector<float> want(static_cast<size_t>(columns)), got(want.size());
  data.input(1, f.arguments[0].fill.listed[static_cast<size_t>(row)] * columns, want);
  DSRT_RETURN_IF_ERROR(data.output(0, row * columns, got));
  found.require(want == got, "row " + std::to_string(row) + " is not the token's");
  return Status();
}

Status check(const OpCase &c, const OpFunction &f, OpData &data, OpCheck &found) {
  const std::string &kind = c.word("kind");
  for (int64_t row : sampleOf(c["rows"], 6))
    DSRT_RETURN_IF_ERROR(kind == "add-norm-quantize" ? checkNorm(c, row, data, found)
                         : kind == "swiglu-quantize" ? checkSwiglu(c, row, data, found)
                         : kind == "rope-append"     ? checkAppend(f, row, data, found)
                                                     : checkEmbedding(c, f, row, data, found));
  return Status();
}
} // namespace

OpFamily rowFusionFamily() {
  return {"row-fusion",
          {{"kind", nullptr, true, {"add-norm-quantize", "swiglu-quantize", "rope-append", "embedding"}},
           {"rows", nullptr},
           {"columns", "7168"}},
          cases,
          function,
          check};
}

} // namespace dsrt
