#include "tools/deepseek-bench/ops/Family.h"

#include "tools/runner/CommandLine.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace dsrt {

const std::vector<OpFamily> &opFamilies() {
  static const std::vector<OpFamily> families = {
      linearFamily(false),   linearFamily(true), groupedFamily(false), groupedFamily(true), mlaDecodeFamily(false),
      mlaDecodeFamily(true), mlaPrefillFamily(), routerFamily(),       rowFusionFamily(),   sampleFamily()};
  return families;
}

static std::string knownNames() {
  std::string names;
  for (const OpFamily &family : opFamilies())
    names += (names.empty() ? "" : ", ") + std::string(family.name);
  return names;
}

static Status setField(OpCase &result, const OpField &field, const std::string &value) {
  if (!field.isWord) {
    DSRT_ASSIGN_OR_RETURN(result.numbers[field.name],
                          parseInteger(value, "case '" + result.text + "': " + field.name, 0, int64_t(1) << 31));
    return Status();
  }
  std::string known;
  for (const char *word : field.words) {
    if (value == word) {
      result.words[field.name] = value;
      return Status();
    }
    known += (known.empty() ? "" : ", ") + std::string(word);
  }
  return Status::error("case '" + result.text + "': " + field.name + " must be one of " + known + ", got '" + value +
                       "'");
}

StatusOr<OpCase> parseCase(const std::string &text) {
  std::istringstream words(text);
  std::string word;
  words >> word;
  OpCase result;
  result.text = text;
  for (const OpFamily &family : opFamilies())
    if (word == family.name)
      result.family = &family;
  if (!result.family)
    return Status::error("case '" + text + "' names no kernel family; expected one of " + knownNames());
  for (const OpField &field : result.family->fields)
    if (field.standard)
      DSRT_RETURN_IF_ERROR(setField(result, field, field.standard));
  while (words >> word) {
    size_t equals = word.find('=');
    const OpField *known = nullptr;
    for (const OpField &field : result.family->fields)
      if (equals != std::string::npos && word.substr(0, equals) == field.name)
        known = &field;
    if (!known)
      return Status::error("case '" + text + "': '" + word + "' is no field of " + result.family->name);
    DSRT_RETURN_IF_ERROR(setField(result, *known, word.substr(equals + 1)));
  }
  for (const OpField &field : result.family->fields)
    if (!result.numbers.count(field.name) && !result.words.count(field.name))
      return Status::error("case '" + text + "' gives no " + field.name);
  return result;
}

StatusOr<CaseFilter> CaseFilter::create(const std::string &expression) {
  CaseFilter filter;
  if (expression.empty())
    return filter;
  auto *compiled = new regex_t;
  if (int code = regcomp(compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB)) {
    char reason[128];
    regerror(code, compiled, reason, sizeof(reason));
    delete compiled;
    return Status::error("--filter '" + expression + "' is no extended regular expression: " + reason);
  }
  filter.compiled = std::shared_ptr<const regex_t>(compiled, [](const regex_t *expression) {
    regfree(const_cast<regex_t *>(expression));
    delete expression;
  });
  return filter;
}

bool CaseFilter::accepts(const std::string &text) const {
  return !compiled || regexec(compiled.get(), text.c_str(), 0, nullptr, 0) == 0;
}

std::string OpCase::entry() const {
  std::string symbol;
  for (char c : text)
    if (c != '=')
      symbol += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return symbol;
}

static std::string tensorText(const std::vector<int64_t> &shape, DType dtype) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + std::string(dtypeName(dtype)) + ">";
}

std::string OpValue::type() const { return other.empty() ? tensorText(shape, dtype) : other; }

int64_t OpValue::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

double OpValue::bytes() const { return static_cast<double>(elements()) * static_cast<double>(dtypeBytes(dtype)); }

double OpFunction::wholeBytes() const {
  double sum = 0;
  for (const std::vector<OpValue> *values : {&arguments, &results})
    for (const OpValue &value : *values)
      sum += value.bytes();
  return sum;
}

void OpCheck::add(double got, double want, double allowed) {
  ++samples;
  const double error = std::fabs(got - want);
  difference += error * error;
  norm += want * want;
  const double share = error / std::max(allowed, 1e-300);
  if (share > 1 || !std::isfinite(got)) {
    char text[128];
    std::snprintf(text, sizeof(text), "got %.6g, expected %.6g within %.2g", got, want, allowed);
    require(false, text);
  }
  if (std::isfinite(share))
    worst = std::max(worst, share);
}

void OpCheck::require(bool holds, const std::string &what) {
  samples += holds;
  if (holds)
    return;
  if (misses++ == 0)
    firstMiss = what;
}

double OpCheck::relativeError() const { return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference); }

std::string caseText(const char *family, std::initializer_list<std::pair<const char *, int64_t>> fields) {
  std::string text = family;
  for (auto &[name, value] : fields)
    text += " " + std::string(name) + "=" + std::to_string(value);
  return text;
}

double bf16Rounding(double value) { return std::fabs(value) * 0x1p-8; }

std::string mlirText(const std::string &entry, const OpFunction &function) {
  std::string text = "func.func @" + entry + "(", types, names;
  for (size_t i = 0; i < function.arguments.size(); ++i)
    text += (i ? ", %a" : "%a") + std::to_string(i) + ": " + function.arguments[i].type();
  for (size_t i = 0; i < function.results.size(); ++i) {
    types += (i ? ", " : "") + function.results[i].type();
    names += (i ? ", %r" : " %r") + std::to_string(i);
  }
  text += ") -> (" + types + ")";
  if (function.context)
    text += " attributes {deepseek.context = " + std::to_string(function.context) + " : i64}";
  return text + " {\n" + function.body + "  return" + names + (types.empty() ? "" : " : " + types) + "\n}\n";
}

} // namespace dsrt
