#include "runtime/text/jinja/Value.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace dsrt::jinja {

const Value *Dict::find(std::string_view key) const {
  auto it = std::find_if(entries.begin(), entries.end(), [&](const auto &entry) { return entry.first == key; });
  return it == entries.end() ? nullptr : &it->second;
}

void Dict::set(const std::string &key, Value value) {
  depth = std::max(depth, value.depth() + 1);
  auto it = std::find_if(entries.begin(), entries.end(), [&](const auto &entry) { return entry.first == key; });
  if (it == entries.end())
    entries.emplace_back(key, std::move(value));
  else
    it->second = std::move(value);
}

Value::Value(List list) {
  auto deep = std::make_shared<DeepList>();
  deep->items = std::move(list.items);
  deep->isTuple = list.isTuple;
  for (const Value &item : deep->items)
    deep->depth = std::max(deep->depth, item.depth() + 1);
  data = std::shared_ptr<const DeepList>(std::move(deep));
}

int Value::depth() const {
  if (const auto *deep = pointee<const DeepList>())
    return deep->depth;
  return dict() ? dict()->depth : 0;
}

std::optional<int64_t> Value::integer() const {
  if (const auto *i = std::get_if<int64_t>(&data))
    return *i;
  if (boolean())
    return *boolean();
  return std::nullopt;
}

double Value::number() const { return real() ? *real() : double(integer().value_or(0)); }

bool Value::truthy() const {
  if (isUndefined() || isNone())
    return false;
  if (isNumber())
    return real() ? *real() != 0 : *integer() != 0;
  if (string())
    return !string()->empty();
  if (list())
    return !list()->empty();
  return dict()->isNamespace || !dict()->entries.empty();
}

const char *Value::typeName() const {
  static constexpr const char *names[] = {"undefined", "None", "bool", "int", "float", "str", "list", "dict"};
  return isNamespace() ? "namespace" : names[data.index()];
}

bool valuesEqual(const Value &a, const Value &b, size_t &work) {
  size_t units = 16 + (a.string() ? a.string()->size() : 0);
  work -= std::min(work, units);
  if (work == 0)
    return false;
  if (a.isNumber() && b.isNumber())
    return a.real() || b.real() ? a.number() == b.number() : *a.integer() == *b.integer();
  if (a.string() && b.string())
    return *a.string() == *b.string();
  if (a.list() && b.list()) {
    const auto &left = *a.list(), &right = *b.list();
    for (size_t i = 0; i < left.size() && left.size() == right.size(); ++i) {
      if (!valuesEqual(left[i], right[i], work))
        return false;
    }
    return left.size() == right.size();
  }
  if (a.dict() && b.dict()) {
    const auto &left = a.dict()->entries, &right = b.dict()->entries;
    if (a.dict() == b.dict() || a.isNamespace() || b.isNamespace() || left.size() != right.size())
      return a.dict() == b.dict();
    return std::all_of(left.begin(), left.end(), [&](const auto &entry) {
      work -= std::min(work, right.size());
      const Value *other = b.dict()->find(entry.first);
      return other && valuesEqual(entry.second, *other, work);
    });
  }
  return (a.isNone() && b.isNone()) || (a.isUndefined() && b.isUndefined());
}

namespace {

// The shortest digits that read back as the same double, laid out as Python does: with an exponent from 1e16 on and
// below 1e-4.
std::string floatText(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char buffer[64];
  bool plain = value == 0 || (std::fabs(value) < 1e16 && std::fabs(value) >= 1e-4);
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                           plain ? std::chars_format::fixed : std::chars_format::scientific)
                 .ptr;
  std::string text(buffer, end);
  if (plain && text.find('.') == std::string::npos)
    text += ".0";
  return text;
}

void appendHexEscape(char kind, int digits, char32_t c, std::string &out) {
  out += '\\';
  out += kind;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    out += "0123456789abcdef"[c >> shift & 15];
}

// repr() of a Python string. What Python calls printable is taken to be all but controls, separators and the
// unassigned.
void appendRepr(const std::string &text, std::string &out) {
  static const CodePointSet unprintable = *generalCategory("C") | (*generalCategory("Z") & ~CodePointSet::of(' '));
  char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  out += quote;
  for (size_t pos = 0; pos < text.size();) {
    Utf8Char c = decodeUtf8(text, pos);
    if (c.codePoint == char32_t(quote) || c.codePoint == '\\')
      out += {'\\', char(c.codePoint)};
    else if (c.codePoint == '\n' || c.codePoint == '\r' || c.codePoint == '\t')
      out += {'\\', c.codePoint == '\n' ? 'n' : c.codePoint == '\r' ? 'r' : 't'};
    else if (!unprintable.contains(c.codePoint))
      out.append(text, pos, c.length);
    else if (c.codePoint < 0x100)
      appendHexEscape('x', 2, c.codePoint, out);
    else if (c.codePoint < 0x10000)
      appendHexEscape('u', 4, c.codePoint, out);
    else
      appendHexEscape('U', 8, c.codePoint, out);
    pos += c.length;
  }
  out += quote;
}

bool appendText(const Value &value, size_t limit, bool nested, std::string &out) {
  if (out.size() > limit)
    return false;
  if (value.string()) {
    if (nested)
      appendRepr(*value.string(), out);
    else
      out += *value.string();
  } else if (value.isNone()) {
    out += "None";
  } else if (value.boolean()) {
    out += *value.boolean() ? "True" : "False";
  } else if (value.real()) {
    out += floatText(*value.real());
  } else if (value.isInteger()) {
    out += std::to_string(*value.integer());
  } else if (value.isUndefined()) {
    out += nested ? "Undefined" : "";
  } else if (value.list()) {
    out += value.isTuple() ? '(' : '[';
    for (const Value &item : *value.list()) {
      if (&item != value.list()->data())
        out += ", ";
      if (!appendText(item, limit, true, out))
        return false;
    }
    if (value.isTuple())
      out += value.list()->size() == 1 ? ",)" : ")";
    else
      out += ']';
  } else {
    out += '{';
    const char *separator = "";
    for (const auto &[key, item] : value.dict()->entries) {
      out += separator;
      separator = ", ";
      appendRepr(key, out);
      out += ": ";
      if (!appendText(item, limit, true, out))
        return false;
    }
    out += '}';
  }
  return out.size() <= limit;
}

Status appendJson(const Value &value, int indent, int level, size_t limit, std::string &out) {
  if (out.size() > limit)
    return Status::error("the JSON text is too long");
  auto newline = [&](int depth) {
    if (indent >= 0)
      out += "\n" + std::string(size_t(indent) * size_t(depth), ' ');
  };
  auto separate = [&](bool first) {
    if (!first)
      out += indent >= 0 ? "," : ", ";
    newline(level + 1);
  };
  auto quote = [&](const std::string &text) {
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (value.string()) {
    quote(*value.string());
  } else if (value.isNone()) {
    out += "null";
  } else if (value.boolean()) {
    out += *value.boolean() ? "true" : "false";
  } else if (value.real()) {
    out += std::isfinite(*value.real()) ? floatText(*value.real())
           : std::isnan(*value.real())  ? "NaN"
           : *value.real() < 0          ? "-Infinity"
                                        : "Infinity";
  } else if (value.isInteger()) {
    out += std::to_string(*value.integer());
  } else if (value.list()) {
    out += '[';
    for (const Value &item : *value.list()) {
      separate(&item == value.list()->data());
      DSRT_RETURN_IF_ERROR(appendJson(item, indent, level + 1, limit, out));
    }
    if (!value.list()->empty())
      newline(level);
    out += ']';
  } else if (value.dict() && !value.isNamespace()) {
    out += '{';
    for (const auto &entry : value.dict()->entries) {
      separate(&entry == value.dict()->entries.data());
      quote(entry.first);
      out += ": ";
      DSRT_RETURN_IF_ERROR(appendJson(entry.second, indent, level + 1, limit, out));
    }
    if (!value.dict()->entries.empty())
      newline(level);
    out += '}';
  } else {
    return Status::error(std::string("a value of type ") + value.typeName() + " has no JSON form");
  }
  return {};
}

StatusOr<Value> convert(const nlohmann::ordered_json &json, const std::string &where, int depth) {
  if (depth > maxValueDepth)
    return Status::error(where + " nests deeper than " + std::to_string(maxValueDepth));
  if (json.is_boolean())
    return Value(json.get<bool>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX)
    return Status::error(where + " has the number " + json.dump() + ", which does not fit 64 bits");
  if (json.is_number_integer())
    return Value(json.get<int64_t>());
  if (json.is_number())
    return Value(json.get<double>());
  if (json.is_string()) {
    const auto &text = json.get_ref<const std::string &>();
    if (size_t bad = findInvalidUtf8(text); bad != std::string::npos)
      return Status::error(where + " has text that is not UTF-8 at byte " + std::to_string(bad));
    return Value(text);
  }
  if (json.is_array()) {
    List list;
    for (const nlohmann::ordered_json &item : json) {
      DSRT_ASSIGN_OR_RETURN(Value value, convert(item, where, depth + 1));
      list.items.push_back(std::move(value));
    }
    return Value(std::move(list));
  }
  if (json.is_object()) {
    auto dict = std::make_shared<Dict>();
    for (const auto &[key, item] : json.items()) {
      DSRT_ASSIGN_OR_RETURN(Value value, convert(item, where, depth + 1));
      dict->entries.emplace_back(key, Value());
      dict->depth = std::max(dict->depth, value.depth() + 1);
      dict->entries.back().second = std::move(value);
    }
    return Value(std::move(dict));
  }
  return Value();
}

} // namespace

bool toText(const Value &value, size_t limit, std::string &out) { return appendText(value, limit, false, out); }

Status toJson(const Value &value, int indent, size_t limit, std::string &out) {
  return appendJson(value, indent, 0, limit, out);
}

StatusOr<Value> fromJson(const nlohmann::ordered_json &document, const std::string &where) {
  return convert(document, where, 0);
}

} // namespace dsrt::jinja
