// Global functions, and the tests of "is".
#include "runtime/text/jinja/Evaluator.h"

#include <algorithm>
#include <iterator>

namespace dsrt::jinja {

StatusOr<Value> Evaluator::callFunction(const std::string &name, Arguments &arguments) {
  if (name == "namespace" || name == "dict") {
    auto dict = std::make_shared<Dict>();
    if (!arguments.positional.empty())
      return Status::error("unsupported argument without a name of '" + name + "'");
    for (auto &[key, value] : arguments.named)
      dict->set(key, std::move(value));
    DSRT_ASSIGN_OR_RETURN(Value value, made(dict));
    dict->isNamespace = name == "namespace";
    return value;
  }
  if (name == "raise_exception") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 1, 1, {"message"}));
    DSRT_ASSIGN_OR_RETURN(std::string message, text(*argument(arguments, 0, "message")));
    return Status::error("the template refuses this conversation: " + message);
  }
  if (name == "range") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 1, 3));
    int64_t bounds[3] = {0, 0, 1};
    for (size_t i = 0; i < arguments.positional.size(); ++i) {
      std::optional<int64_t> bound = arguments.positional[i].integer();
      if (!bound)
        return Status::error(std::string("'range' got a value of type ") + arguments.positional[i].typeName() +
                             ", expected int");
      bounds[i] = *bound;
    }
    auto [first, end, step] = bounds;
    if (arguments.positional.size() == 1)
      std::swap(first, end);
    if (step == 0)
      return Status::error("the step of 'range' is 0");
    List list;
    for (int64_t i = first; step > 0 ? i < end : i > end;) {
      DSRT_RETURN_IF_ERROR(spend(sizeof(Value)));
      list.items.emplace_back(i);
      if (__builtin_add_overflow(i, step, &i))
        break;
    }
    return made(std::move(list));
  }
  return Status::error("unsupported function '" + name + "'");
}

namespace {

// The comparison that a test stands for, or an empty string.
std::string comparisonOf(const std::string &test) {
  static constexpr const char *names[][2] = {{"eq", "=="},      {"equalto", "=="}, {"ne", "!="}, {"lt", "<"},
                                             {"lessthan", "<"}, {"le", "<="},      {"gt", ">"},  {"greaterthan", ">"},
                                             {"ge", ">="},      {"in", "in"}};
  auto it = std::find_if(std::begin(names), std::end(names), [&](const auto &entry) { return entry[0] == test; });
  return it == std::end(names) ? "" : (*it)[1];
}

} // namespace

StatusOr<bool> Evaluator::applyTest(const std::string &name, const Value &value, const std::vector<Value> &arguments) {
  auto expectArguments = [&](size_t count) {
    return arguments.size() == count ? Status()
                                     : Status::error("the test '" + name + "' got " + std::to_string(arguments.size()) +
                                                     " arguments, expected " + std::to_string(count));
  };
  if (std::string comparison = comparisonOf(name); !comparison.empty()) {
    DSRT_RETURN_IF_ERROR(expectArguments(1));
    return compareOnce(comparison, value, arguments[0]);
  }
  if (name == "divisibleby" || name == "odd" || name == "even") {
    DSRT_RETURN_IF_ERROR(expectArguments(name == "divisibleby"));
    DSRT_ASSIGN_OR_RETURN(Value rest, arithmetic("%", value, name == "divisibleby" ? arguments[0] : Value(int64_t(2))));
    return rest.isNumber() && rest.number() == (name == "odd" ? 1 : 0);
  }
  DSRT_RETURN_IF_ERROR(expectArguments(0));
  const std::pair<const char *, bool> facts[] = {
      {"defined", !value.isUndefined()},
      {"undefined", value.isUndefined()},
      {"none", value.isNone()},
      {"boolean", value.boolean() != nullptr},
      {"true", value.boolean() && *value.boolean()},
      {"false", value.boolean() && !*value.boolean()},
      {"integer", value.isInteger()},
      {"float", value.real() != nullptr},
      {"number", value.isNumber()},
      {"string", value.string() != nullptr},
      {"mapping", value.dict() && !value.isNamespace()},
      {"iterable", value.string() || value.list() || value.isUndefined() || (value.dict() && !value.isNamespace())},
      {"sequence", value.string() || value.list() || value.isUndefined() || (value.dict() && !value.isNamespace())},
      {"callable", false},
  };
  auto it = std::find_if(std::begin(facts), std::end(facts), [&](const auto &fact) { return fact.first == name; });
  if (it == std::end(facts))
    return Status::error("unsupported test '" + name + "'");
  return it->second;
}

} // namespace dsrt::jinja
