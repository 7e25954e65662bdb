// What stands behind "|".
#include "runtime/text/jinja/Evaluator.h"
#include "runtime/text/jinja/Lexer.h"
#include "runtime/text/jinja/StringTools.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

namespace dsrt::jinja {

namespace {

bool isOneOf(const std::string &name, std::initializer_list<const char *> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

StatusOr<Value> Evaluator::applyFilter(const std::string &name, const Value &value, Arguments &arguments) {
  if (name == "default" || name == "d") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 2, {"default_value", "boolean"}));
    const Value *fallback = argument(arguments, 0, "default_value"), *anyFalse = argument(arguments, 1, "boolean");
    bool use = value.isUndefined() || (anyFalse && anyFalse->truthy() && !value.truthy());
    return !use ? value : fallback ? *fallback : made(std::string());
  }
  if (name == "tojson") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 2, {"indent", "ensure_ascii"}));
    const Value *indent = argument(arguments, 0, "indent"), *ascii = argument(arguments, SIZE_MAX, "ensure_ascii");
    if (ascii && ascii->truthy())
      return Status::error("unsupported argument 'ensure_ascii' of 'tojson'");
    if (indent && !indent->isNone() && (!indent->integer() || *indent->integer() < 0 || *indent->integer() > 16))
      return Status::error("the indent of 'tojson' must be an integer from 0 to 16");
    if (value.isUndefined())
      return undefinedError(value);
    std::string out;
    int width = indent && !indent->isNone() ? int(*indent->integer()) : -1;
    DSRT_RETURN_IF_ERROR(toJson(value, width, budget, out));
    return made(std::move(out));
  }
  if (isOneOf(name, {"trim", "upper", "lower", "capitalize", "string", "replace", "safe"}))
    return filterText(name, value, arguments);
  if (isOneOf(name, {"int", "float", "abs", "length", "count"}))
    return filterNumber(name, value, arguments);
  return filterList(name, value, arguments);
}

StatusOr<Value> Evaluator::filterText(const std::string &name, const Value &value, Arguments &arguments) {
  if (name == "safe") { // nothing is escaped here, so there is nothing to mark
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    return value;
  }
  DSRT_ASSIGN_OR_RETURN(std::string plain, text(value));
  if (name == "string") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    return made(std::move(plain));
  }
  // The others are methods of strings.
  if (name == "trim") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 1));
    return callStringMethod(plain, "strip", arguments);
  }
  return callStringMethod(plain, name, arguments);
}

StatusOr<Value> Evaluator::filterNumber(const std::string &name, const Value &value, Arguments &arguments) {
  if (name == "length" || name == "count") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    if (value.string()) {
      DSRT_RETURN_IF_ERROR(spend(value.string()->size()));
      return Value(lengthOf(*value.string()));
    }
    if (value.list())
      return Value(int64_t(value.list()->size()));
    if (value.dict() && !value.isNamespace())
      return Value(int64_t(value.dict()->entries.size()));
    if (value.isUndefined())
      return Value(int64_t(0));
    return Status::error(std::string("a value of type ") + value.typeName() + " has no length");
  }
  if (name == "abs") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    if (!value.isNumber())
      return Status::error(std::string("'abs' of a value of type ") + value.typeName());
    if (value.real())
      return Value(std::fabs(*value.real()));
    return *value.integer() < 0 ? negate(value) : Value(*value.integer());
  }
  // int and float: what is no number becomes the default.
  DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 1, {"default"}));
  const Value *given = argument(arguments, 0, "default");
  bool toInteger = name == "int";
  Value fallback = given ? *given : toInteger ? Value(int64_t(0)) : Value(0.0);
  double real = value.isNumber() ? value.number() : 0;
  if (value.string()) {
    std::string_view digits = stripRight(stripLeft(*value.string()));
    if (digits.starts_with('+') && !digits.starts_with("+-"))
      digits.remove_prefix(1);
    const char *first = digits.data(), *last = first + digits.size();
    int64_t integer = 0;
    if (auto [end, error] = std::from_chars(first, last, integer); error == std::errc() && end == last && toInteger)
      return Value(integer);
    auto [end, error] = std::from_chars(first, last, real);
    if (error != std::errc() || end != last || digits.empty())
      return fallback;
  } else if (!value.isNumber()) {
    return fallback;
  }
  if (!toInteger)
    return Value(real);
  if (value.integer())
    return Value(*value.integer());
  return std::fabs(real) < 9.2e18 ? Value(int64_t(real)) : fallback;
}

StatusOr<Value> Evaluator::filterList(const std::string &name, const Value &value, Arguments &arguments) {
  if (name == "items") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    if (value.isUndefined())
      return made(List());
    if (!value.dict() || value.isNamespace())
      return Status::error(std::string("'items' of a value of type ") + value.typeName());
    return dictView(value, "items");
  }
  if (!isOneOf(name,
               {"first", "last", "list", "join", "reverse", "map", "select", "reject", "selectattr", "rejectattr"}))
    return Status::error("unsupported filter '" + name + "'");
  DSRT_ASSIGN_OR_RETURN(std::vector<Value> items, elements(value));
  if (name == "map")
    return mapOver(items, arguments);
  if (isOneOf(name, {"select", "reject", "selectattr", "rejectattr"}))
    return selectFrom(name, items, arguments);
  if (name == "join") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 2, {"d", "attribute"}));
    const Value *separator = argument(arguments, 0, "d"), *attribute = argument(arguments, 1, "attribute");
    DSRT_ASSIGN_OR_RETURN(std::string between, separator ? text(*separator) : std::string());
    std::string joined;
    for (size_t i = 0; i < items.size(); ++i) {
      if (attribute) {
        DSRT_ASSIGN_OR_RETURN(items[i], path(items[i], *attribute));
      }
      DSRT_ASSIGN_OR_RETURN(std::string piece, text(items[i]));
      DSRT_RETURN_IF_ERROR(spend(between.size()));
      joined += (i ? between : "") + piece;
    }
    return made(std::move(joined));
  }
  DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
  if (name == "first" || name == "last")
    return items.empty()     ? Value(Undefined{"the " + name + " element"})
           : name == "first" ? items.front()
                             : items.back();
  if (name == "reverse") {
    std::reverse(items.begin(), items.end());
    if (value.string()) {
      std::string joined;
      for (const Value &item : items)
        joined += *item.string();
      return made(std::move(joined));
    }
  }
  return made(List{std::move(items), false});
}

// An element by a dotted path ("function.name", "0.role") or an index.
StatusOr<Value> Evaluator::path(const Value &object, const Value &path) {
  if (!path.string())
    return item(object, path, "");
  Value current = object;
  const std::string dot = ".";
  for (std::string_view part : splitText(*path.string(), &dot, -1, /*fromRight=*/false)) {
    DSRT_RETURN_IF_ERROR(spend(part.size() + sizeof(Value)));
    int64_t index = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    bool isIndex = !part.empty() && error == std::errc() && end == part.data() + part.size();
    DSRT_ASSIGN_OR_RETURN(current, item(current, isIndex ? Value(index) : Value(std::string(part)), ""));
  }
  return current;
}

// map('filter', ...) or map(attribute='name').
StatusOr<Value> Evaluator::mapOver(const std::vector<Value> &items, Arguments &arguments) {
  List list;
  const Value *attribute = argument(arguments, SIZE_MAX, "attribute");
  if (attribute) {
    DSRT_RETURN_IF_ERROR(checkArguments("map", arguments, 1, 2, {"attribute", "default"}));
    const Value *fallback = argument(arguments, SIZE_MAX, "default");
    for (const Value &element : items) {
      DSRT_ASSIGN_OR_RETURN(Value found, path(element, *attribute));
      list.items.push_back(found.isUndefined() && fallback ? *fallback : std::move(found));
    }
    return made(std::move(list));
  }
  if (arguments.positional.empty() || !arguments.positional[0].string())
    return Status::error("'map' needs the name of a filter, or attribute=");
  const std::string filter = *arguments.positional[0].string();
  // Within itself, map would nest without a bound.
  if (filter == "map")
    return Status::error("unsupported 'map' within 'map'");
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  for (const Value &element : items) {
    Arguments copy = rest;
    DSRT_RETURN_IF_ERROR(spend(sizeof(Value)));
    DSRT_ASSIGN_OR_RETURN(Value mapped, applyFilter(filter, element, copy));
    list.items.push_back(std::move(mapped));
  }
  return made(std::move(list));
}

// select and reject take a test and its arguments; selectattr and rejectattr an attribute before those.
StatusOr<Value> Evaluator::selectFrom(const std::string &name, const std::vector<Value> &items, Arguments &arguments) {
  bool ofAttribute = name.ends_with("attr"), wanted = name.starts_with("select");
  std::vector<Value> rest = arguments.positional;
  Value attribute;
  if (!arguments.named.empty() || (ofAttribute && rest.empty()))
    return Status::error("'" + name + "' got arguments that it does not take");
  if (ofAttribute) {
    attribute = rest[0];
    rest.erase(rest.begin());
  }
  std::string test;
  if (!rest.empty()) {
    if (!rest[0].string())
      return Status::error("'" + name + "' needs the name of a test");
    test = *rest[0].string();
    rest.erase(rest.begin());
  }
  List list;
  for (const Value &element : items) {
    Value tested = element;
    if (ofAttribute) {
      DSRT_ASSIGN_OR_RETURN(tested, path(element, attribute));
    }
    bool holds = tested.truthy();
    if (!test.empty()) {
      DSRT_ASSIGN_OR_RETURN(holds, applyTest(test, tested, rest));
    }
    if (holds == wanted)
      list.items.push_back(element);
  }
  return made(std::move(list));
}

} // namespace dsrt::jinja
