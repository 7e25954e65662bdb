// JSON text to checked fields. nlohmann/json throws on misuse and copies and prints recursively, so types are checked
// before use and nesting is bounded before parsing.
#include "models/JsonFields.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cmath>

using namespace mlir::deepseek::models;
using nlohmann::json;

namespace {
constexpr size_t maxBytes = 16 << 20;
constexpr int maxDepth = 64;

/// Accepts anything and keeps the parser's message on what is wrong.
struct ErrorCollector : nlohmann::json_sax<json> {
  std::string message;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t &) override { return true; }
  bool string(string_t &) override { return true; }
  bool binary(binary_t &) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t &) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string &, const json::exception &exception) override {
    llvm::StringRef what = exception.what();
    message = what.substr(what.find("] ") == llvm::StringRef::npos ? 0 : what.find("] ") + 2).str();
    return false;
  }
};

int nestingDepth(llvm::StringRef text) {
  int depth = 0, deepest = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        inString = false;
    } else if (c == '"') {
      inString = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

/// A name from the file, for a message of one line.
std::string printable(llvm::StringRef name) {
  std::string quoted = json(name.take_front(80).str()).dump(-1, ' ', true, json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}
} // namespace

std::string mlir::deepseek::models::numberText(double value) { return json(value).dump(); }

llvm::Expected<json> mlir::deepseek::models::parseJsonObject(llvm::StringRef text, llvm::StringRef path) {
  if (text.size() > maxBytes)
    return llvm::createStringError(
        llvm::formatv("{0}: has {1} bytes, expected at most {2}", path, text.size(), maxBytes));
  if (int depth = nestingDepth(text); depth > maxDepth)
    return llvm::createStringError(
        llvm::formatv("{0}: JSON is nested {1} levels deep, expected at most {2}", path, depth, maxDepth));
  json parsed = json::parse(text.begin(), text.end(), /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) {
    ErrorCollector collector;
    json::sax_parse(text.begin(), text.end(), &collector);
    return llvm::createStringError(llvm::formatv("{0}: malformed JSON: {1}", path, collector.message));
  }
  if (!parsed.is_object())
    return llvm::createStringError(
        llvm::formatv("{0}: top level is {1}, expected an object", path, describeValue(parsed)));
  return parsed;
}

std::string mlir::deepseek::models::describeValue(const json &value) {
  if (value.is_object())
    return "an object";
  if (value.is_array()) {
    bool scalars = value.size() <= 8 && std::none_of(value.begin(), value.end(),
                                                     [](const json &element) { return element.is_structured(); });
    if (!scalars)
      return llvm::formatv("a list of {0}", value.size());
  }
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
  if (text.size() > 60)
    text = text.substr(0, 57) + "...";
  return text;
}

const json *JsonFields::find(llvm::StringRef field) {
  known.insert(field);
  auto it = object.find(field.str());
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

bool JsonFields::has(llvm::StringRef field) { return find(field) != nullptr; }

void JsonFields::refuse(llvm::StringRef field, const llvm::Twine &expected) {
  if (failed())
    return;
  auto it = object.find(field.str());
  std::string found = it == object.end() ? "missing" : describeValue(*it);
  error = llvm::formatv("{0}: field '{1}{2}' is {3}, expected {4}", path, prefix, field, found, expected.str());
}

int64_t JsonFields::integer(llvm::StringRef field, int64_t min, int64_t max, std::optional<int64_t> fallback) {
  const json *value = find(field);
  if (!value && fallback)
    return *fallback;
  // An unsigned value beyond int64 would turn negative in get<int64_t>.
  bool fits = value && value->is_number_integer() &&
              (!value->is_number_unsigned() || value->get<uint64_t>() <= uint64_t(INT64_MAX));
  int64_t number = fits ? value->get<int64_t>() : 0;
  if (fits && number >= min && number <= max)
    return number;
  refuse(field, llvm::formatv("an integer from {0} to {1}", min, max).str());
  return min;
}

double JsonFields::number(llvm::StringRef field, double min, double max, std::optional<double> fallback) {
  const json *value = find(field);
  if (!value && fallback)
    return *fallback;
  double number = value && value->is_number() ? value->get<double>() : NAN;
  if (number >= min && number <= max)
    return number;
  refuse(field, "a number from " + numberText(min) + " to " + numberText(max));
  return min;
}

bool JsonFields::boolean(llvm::StringRef field, bool fallback) {
  const json *value = find(field);
  if (!value)
    return fallback;
  if (value->is_boolean())
    return value->get<bool>();
  refuse(field, "true or false");
  return fallback;
}

std::string JsonFields::choice(llvm::StringRef field, llvm::ArrayRef<llvm::StringRef> choices,
                               llvm::StringRef fallback) {
  const json *value = find(field);
  if (!value)
    return fallback.str();
  if (value->is_string() && llvm::is_contained(choices, llvm::StringRef(value->get_ref<const std::string &>())))
    return value->get<std::string>();
  refuse(field, (choices.size() == 1 ? "\"" : "one of \"") + llvm::join(choices, "\", \"") + "\"");
  return fallback.str();
}

llvm::SmallVector<int64_t> JsonFields::tokens(llvm::StringRef field) {
  llvm::SmallVector<int64_t> ids;
  const json *value = find(field);
  if (!value)
    return ids;
  auto add = [&](const json &id) {
    bool valid = id.is_number_unsigned() && id.get<uint64_t>() <= INT32_MAX;
    if (valid)
      ids.push_back(id.get<int64_t>());
    return valid;
  };
  bool valid = value->is_array() ? std::all_of(value->begin(), value->end(), add) : add(*value);
  if (!valid)
    refuse(field, "a token id or a list of token ids");
  return ids;
}

const json *JsonFields::nested(llvm::StringRef field) {
  const json *value = find(field);
  if (value && !value->is_object()) {
    refuse(field, "an object");
    return nullptr;
  }
  return value;
}

void JsonFields::ignore(llvm::ArrayRef<llvm::StringRef> fields) {
  for (llvm::StringRef field : fields)
    known.insert(field);
}

void JsonFields::adopt(const JsonFields &other) {
  if (!failed())
    error = other.error;
}

void JsonFields::warnUnknown(llvm::SmallVectorImpl<std::string> &warnings) const {
  for (auto it = object.begin(); it != object.end(); ++it)
    if (!known.contains(it.key()))
      warnings.push_back(llvm::formatv("{0}: unknown field '{1}{2}' is ignored", path, prefix, printable(it.key())));
}
