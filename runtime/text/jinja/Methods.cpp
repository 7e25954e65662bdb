// Methods of strings and dictionaries.
#include "runtime/text/Unicode.h"
#include "runtime/text/jinja/Evaluator.h"
#include "runtime/text/jinja/Lexer.h"
#include "runtime/text/jinja/StringTools.h"

#include <algorithm>
#include <iterator>

namespace dsrt::jinja {

bool isMethodName(const Value &object, const std::string &name) {
  static constexpr std::string_view ofDict[] = {"clear", "copy",    "fromkeys",   "get",    "items", "keys",
                                                "pop",   "popitem", "setdefault", "update", "values"};
  return object.dict() && !object.isNamespace() &&
         std::find(std::begin(ofDict), std::end(ofDict), name) != std::end(ofDict);
}

StatusOr<Value> Evaluator::callMethod(const Value &object, const std::string &name, Arguments &arguments) {
  if (object.string()) {
    DSRT_RETURN_IF_ERROR(spend(object.string()->size()));
    return callStringMethod(*object.string(), name, arguments);
  }
  if (object.dict() && !object.isNamespace()) {
    const auto &entries = object.dict()->entries;
    DSRT_RETURN_IF_ERROR(spend(entries.size() * sizeof(Value)));
    if (name == "get") {
      DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 1, 2));
      const Value &key = arguments.positional[0];
      if (const Value *found = key.string() ? object.dict()->find(*key.string()) : nullptr)
        return *found;
      return arguments.positional.size() > 1 ? arguments.positional[1] : Value();
    }
    if (name == "items" || name == "keys" || name == "values") {
      DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
      return dictView(object, name);
    }
  }
  return Status::error(std::string("unsupported method '") + name + "' of a value of type " + object.typeName());
}

StatusOr<Value> Evaluator::dictView(const Value &object, const std::string &view) {
  List list;
  for (const auto &[key, value] : object.dict()->entries) {
    if (view == "items") {
      DSRT_ASSIGN_OR_RETURN(Value name, made(key));
      DSRT_ASSIGN_OR_RETURN(Value pair, made(List{{std::move(name), value}, /*isTuple=*/true}));
      list.items.push_back(std::move(pair));
    } else if (view == "keys") {
      DSRT_ASSIGN_OR_RETURN(Value name, made(key));
      list.items.push_back(std::move(name));
    } else {
      list.items.push_back(value);
    }
  }
  return made(std::move(list));
}

namespace {

// The string argument at a position, or null where it is absent or none.
StatusOr<const std::string *> stringArgument(const std::string &method, const Arguments &arguments, size_t position,
                                             const char *name) {
  const Value *value = argument(arguments, position, name);
  if (!value || value->isNone())
    return static_cast<const std::string *>(nullptr);
  if (!value->string())
    return Status::error("'" + method + "' got a value of type " + value->typeName() + ", expected str");
  return value->string();
}

StatusOr<int64_t> integerArgument(const std::string &method, const Arguments &arguments, size_t position,
                                  const char *name, int64_t absent) {
  const Value *value = argument(arguments, position, name);
  if (!value)
    return absent;
  if (!value->integer())
    return Status::error("'" + method + "' got a value of type " + value->typeName() + ", expected int");
  return *value->integer();
}

} // namespace

StatusOr<Value> Evaluator::callStringMethod(const std::string &text, const std::string &name, Arguments &arguments) {
  auto strings = [&](const std::vector<std::string_view> &parts) -> StatusOr<Value> {
    List list;
    for (std::string_view part : parts) {
      DSRT_ASSIGN_OR_RETURN(Value item, made(std::string(part)));
      list.items.push_back(std::move(item));
    }
    return made(std::move(list));
  };
  if (name == "split" || name == "rsplit") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 2, {"sep", "maxsplit"}));
    DSRT_ASSIGN_OR_RETURN(const std::string *separator, stringArgument(name, arguments, 0, "sep"));
    DSRT_ASSIGN_OR_RETURN(int64_t most, integerArgument(name, arguments, 1, "maxsplit", -1));
    if (separator && separator->empty())
      return Status::error("'" + name + "' got an empty separator");
    // What the parts take is counted before they are made.
    DSRT_RETURN_IF_ERROR(spend(text.size() * sizeof(std::string_view)));
    return strings(splitText(text, separator, most, /*fromRight=*/name == "rsplit"));
  }
  if (name == "splitlines") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    DSRT_RETURN_IF_ERROR(spend(text.size() * sizeof(std::string_view)));
    return strings(splitLines(text));
  }
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 1));
    DSRT_ASSIGN_OR_RETURN(const std::string *characters, stringArgument(name, arguments, 0, "chars"));
    if (characters)
      DSRT_RETURN_IF_ERROR(spend(characters->size()));
    return made(std::string(stripText(text, characters, name != "rstrip", name != "lstrip")));
  }
  if (name == "startswith" || name == "endswith") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 1, 1));
    // One string, or several of which one must fit.
    std::vector<Value> candidates = {arguments.positional.empty() ? Value() : arguments.positional[0]};
    if (candidates[0].list())
      candidates = std::vector<Value>(*candidates[0].list());
    for (const Value &candidate : candidates) {
      if (!candidate.string())
        return Status::error("'" + name + "' got a value of type " + candidate.typeName() + ", expected str");
      if (name == "startswith" ? text.starts_with(*candidate.string()) : text.ends_with(*candidate.string()))
        return Value(true);
    }
    return Value(false);
  }
  if (name == "replace") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 2, 3, {"old", "new", "count"}));
    DSRT_ASSIGN_OR_RETURN(const std::string *from, stringArgument(name, arguments, 0, "old"));
    DSRT_ASSIGN_OR_RETURN(const std::string *to, stringArgument(name, arguments, 1, "new"));
    DSRT_ASSIGN_OR_RETURN(int64_t most, integerArgument(name, arguments, 2, "count", -1));
    if (!from || !to)
      return Status::error("'replace' got None, expected str");
    return replaceText(text, *from, *to, most);
  }
  if (name == "find" || name == "count") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 1, 1));
    DSRT_ASSIGN_OR_RETURN(const std::string *sought, stringArgument(name, arguments, 0, "sub"));
    if (!sought)
      return Status::error("'" + name + "' got None, expected str");
    return Value(name == "find" ? findText(text, *sought) : countText(text, *sought));
  }
  if (name == "join") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 1, 1));
    DSRT_ASSIGN_OR_RETURN(std::vector<Value> items,
                          elements(argument(arguments, 0, "") ? *argument(arguments, 0, "") : Value()));
    std::string joined;
    for (size_t i = 0; i < items.size(); ++i) {
      if (!items[i].string())
        return Status::error(std::string("'join' got an element of type ") + items[i].typeName() + ", expected str");
      DSRT_RETURN_IF_ERROR(spend(text.size() + items[i].string()->size()));
      joined += (i ? text : "") + *items[i].string();
    }
    return made(std::move(joined));
  }
  if (name == "upper" || name == "lower" || name == "capitalize" || name == "title") {
    DSRT_RETURN_IF_ERROR(checkArguments(name, arguments, 0, 0));
    DSRT_ASSIGN_OR_RETURN(std::string changed, changeCase(text, name));
    return made(std::move(changed));
  }
  return Status::error("unsupported method '" + name + "' of a str");
}

// The size is known before anything of that size is made.
StatusOr<Value> Evaluator::replaceText(const std::string &text, const std::string &from, const std::string &to,
                                       int64_t most) {
  size_t limit = most < 0 ? SIZE_MAX : size_t(most), count = 0;
  std::string out;
  size_t pos = 0;
  // An empty pattern matches before each character and at the end.
  while (count < limit) {
    size_t found = from.empty() ? pos : text.find(from, pos);
    if (found == std::string::npos)
      break;
    ++count;
    DSRT_RETURN_IF_ERROR(spend(to.size() + found - pos + 1));
    out.append(text, pos, found - pos);
    out += to;
    pos = found + from.size();
    if (from.empty()) {
      if (pos == text.size())
        break;
      uint32_t length = decodeUtf8(text, pos).length;
      out.append(text, pos, length);
      pos += length;
    }
  }
  out.append(text, pos, std::string::npos);
  return made(std::move(out));
}

} // namespace dsrt::jinja
