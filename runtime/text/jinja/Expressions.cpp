// Evaluates expressions. Evaluator.cpp runs statements.
#include "runtime/text/Unicode.h"
#include "runtime/text/jinja/Evaluator.h"

#include <algorithm>

namespace dsrt::jinja {

//===- Expressions
//-------------------------------------------------------------------------------------------------===//

// Gives an error the line of the innermost expression that failed.
StatusOr<Value> Evaluator::evaluate(const Expr &expr) {
  StatusOr<Value> value = evaluateInner(expr);
  if (value.ok() || value.status().message().starts_with(where + ":"))
    return value;
  return Status::error(where + ":" + std::to_string(expr.line) + ": " + value.status().message());
}

StatusOr<Value> Evaluator::evaluateInner(const Expr &expr) {
  DSRT_RETURN_IF_ERROR(spend(stepUnits));
  auto operand = [&](size_t i) { return evaluate(*expr.operands[i]); };
  switch (expr.kind) {
  case Expr::Literal:
    return expr.value;
  case Expr::Name: {
    const Value *value = findVariable(expr.name);
    return value ? *value : Value(Undefined{expr.name});
  }
  case Expr::ListOf: {
    List list;
    list.isTuple = expr.name == "tuple";
    for (size_t i = 0; i < expr.operands.size(); ++i) {
      DSRT_ASSIGN_OR_RETURN(Value value, operand(i));
      list.items.push_back(std::move(value));
    }
    return made(std::move(list));
  }
  case Expr::DictOf:
    return makeDict(expr);
  case Expr::Negate:
  case Expr::Plus: {
    DSRT_ASSIGN_OR_RETURN(Value value, operand(0));
    if (!value.isNumber())
      return value.isUndefined() ? undefinedError(value)
                                 : Status::error(std::string("a sign before a value of type ") + value.typeName());
    return expr.kind == Expr::Negate ? negate(value) : value;
  }
  case Expr::Not: {
    DSRT_ASSIGN_OR_RETURN(Value value, operand(0));
    return Value(!value.truthy());
  }
  case Expr::And:
  case Expr::Or: {
    DSRT_ASSIGN_OR_RETURN(Value value, operand(0));
    return value.truthy() == (expr.kind == Expr::Or) ? value : operand(1);
  }
  case Expr::Arithmetic: {
    DSRT_ASSIGN_OR_RETURN(Value left, operand(0));
    DSRT_ASSIGN_OR_RETURN(Value right, operand(1));
    return arithmetic(expr.name, left, right);
  }
  case Expr::Concat:
    return concat(expr);
  case Expr::Compare:
    return compare(expr);
  case Expr::Conditional: {
    DSRT_ASSIGN_OR_RETURN(Value condition, operand(1));
    if (condition.truthy())
      return operand(0);
    return expr.operands.size() > 2 ? operand(2) : Value(Undefined{});
  }
  case Expr::Attribute: {
    DSRT_ASSIGN_OR_RETURN(Value object, operand(0));
    return attribute(object, expr.name);
  }
  case Expr::Item: {
    DSRT_ASSIGN_OR_RETURN(Value object, operand(0));
    DSRT_ASSIGN_OR_RETURN(Value key, operand(1));
    return item(object, key, expr.operands[0]->name);
  }
  case Expr::Slice:
    return slice(expr);
  case Expr::Call:
    return call(expr);
  case Expr::Filter:
    return evaluateFilter(expr);
  case Expr::Test: {
    DSRT_ASSIGN_OR_RETURN(Value value, operand(0));
    DSRT_ASSIGN_OR_RETURN(Arguments arguments, evaluateArguments(expr));
    DSRT_ASSIGN_OR_RETURN(bool holds, applyTest(expr.name, value, arguments.positional));
    return Value(holds);
  }
  }
  return Status::error("unknown expression");
}

StatusOr<Value> Evaluator::makeDict(const Expr &expr) {
  auto dict = std::make_shared<Dict>();
  for (size_t i = 0; i < expr.operands.size(); i += 2) {
    DSRT_ASSIGN_OR_RETURN(Value key, evaluate(*expr.operands[i]));
    DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*expr.operands[i + 1]));
    if (!key.string())
      return Status::error(std::string("a key of a dictionary is of type ") + key.typeName() + ", expected str");
    DSRT_RETURN_IF_ERROR(spend(key.string()->size() + dict->entries.size()));
    dict->set(*key.string(), std::move(value));
  }
  return made(std::move(dict));
}

StatusOr<Value> Evaluator::concat(const Expr &expr) {
  std::string out;
  for (const ExprPtr &operand : expr.operands) {
    DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*operand));
    DSRT_ASSIGN_OR_RETURN(std::string piece, text(value));
    out += piece;
  }
  return made(std::move(out));
}

StatusOr<Value> Evaluator::compare(const Expr &expr) {
  DSRT_ASSIGN_OR_RETURN(Value left, evaluate(*expr.operands[0]));
  for (size_t i = 0; i < expr.comparisons.size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(Value right, evaluate(*expr.operands[i + 1]));
    DSRT_ASSIGN_OR_RETURN(bool holds, compareOnce(expr.comparisons[i], left, right));
    if (!holds)
      return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

StatusOr<bool> Evaluator::compareOnce(const std::string &comparison, const Value &left, const Value &right) {
  for (const Value *value : {&left, &right})
    DSRT_RETURN_IF_ERROR(spend(value->string() ? value->string()->size() : 1));
  if (comparison == "==" || comparison == "!=") {
    DSRT_ASSIGN_OR_RETURN(bool equal, same(left, right));
    return equal == (comparison == "==");
  }
  if (comparison == "in" || comparison == "not in") {
    DSRT_ASSIGN_OR_RETURN(bool found, contains(right, left));
    return found == (comparison == "in");
  }
  if (left.isUndefined() || right.isUndefined())
    return undefinedError(left.isUndefined() ? left : right);
  int order = 0;
  bool unordered = false; // a comparison with NaN holds never
  if (left.string() && right.string()) {
    order = left.string()->compare(*right.string()); // the order of UTF-8 is that of code points
  } else if (left.integer() && right.integer()) {
    order = *left.integer() < *right.integer() ? -1 : *left.integer() > *right.integer();
  } else if (left.isNumber() && right.isNumber()) {
    order = left.number() < right.number() ? -1 : left.number() > right.number();
    unordered = left.number() != left.number() || right.number() != right.number();
  } else {
    return Status::error("'" + comparison + "' between values of type " + left.typeName() + " and " + right.typeName());
  }
  if (unordered)
    return false;
  return comparison == "<" ? order < 0 : comparison == "<=" ? order <= 0 : comparison == ">" ? order > 0 : order >= 0;
}

StatusOr<bool> Evaluator::contains(const Value &container, const Value &item) {
  if (container.string()) {
    if (!item.string())
      return item.isUndefined() ? undefinedError(item)
                                : Status::error(std::string("'in' a str needs a str, got ") + item.typeName());
    return container.string()->find(*item.string()) != std::string::npos;
  }
  if (container.list()) {
    for (const Value &element : *container.list()) {
      DSRT_ASSIGN_OR_RETURN(bool found, same(element, item));
      if (found)
        return true;
    }
    return false;
  }
  if (container.dict() && !container.isNamespace()) {
    DSRT_RETURN_IF_ERROR(spend(container.dict()->entries.size()));
    return item.string() && container.dict()->find(*item.string());
  }
  if (container.isUndefined())
    return false;
  return Status::error(std::string("'in' a value of type ") + container.typeName());
}

//===- Parts of values
//---------------------------------------------------------------------------------------------===//

// The element of an index of Python, or null.
static const Value *elementAt(const std::vector<Value> &list, int64_t index) {
  auto size = int64_t(list.size());
  if (index < 0)
    index += size;
  return index >= 0 && index < size ? &list[size_t(index)] : nullptr;
}

StatusOr<Value> Evaluator::item(const Value &object, const Value &key, const std::string &name) {
  if (object.isUndefined())
    return undefinedError(object);
  std::string described = name.empty() ? "an element" : name + "[...]";
  if (key.string() && object.dict()) {
    const Value *found = object.dict()->find(*key.string());
    return found ? *found : Value(Undefined{described.substr(0, name.size()) + "['" + *key.string() + "']"});
  }
  if (std::optional<int64_t> index = key.integer()) {
    if (object.list()) {
      const Value *found = elementAt(*object.list(), *index);
      return found ? *found : Value(Undefined{described});
    }
    if (object.string()) {
      DSRT_ASSIGN_OR_RETURN(std::vector<Value> characters, elements(object));
      const Value *found = elementAt(characters, *index);
      return found ? *found : Value(Undefined{described});
    }
  }
  return Value(Undefined{described});
}

StatusOr<Value> Evaluator::attribute(const Value &object, const std::string &name) {
  if (object.isUndefined())
    return undefinedError(object);
  if (isMethodName(object, name))
    return Status::error("'" + name + "' is a method of " + object.typeName() + "; write ['" + name +
                         "'] for an element of that name");
  if (object.dict()) {
    if (const Value *found = object.dict()->find(name))
      return *found;
  }
  return Value(Undefined{name});
}

StatusOr<Value> Evaluator::slice(const Expr &expr) {
  DSRT_ASSIGN_OR_RETURN(Value object, evaluate(*expr.operands[0]));
  std::optional<int64_t> bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    if (!expr.operands[i + 1])
      continue;
    DSRT_ASSIGN_OR_RETURN(Value bound, evaluate(*expr.operands[i + 1]));
    bounds[i] = bound.integer();
    if (!bounds[i] && !bound.isNone())
      return Status::error(std::string("a bound of a slice is of type ") + bound.typeName() + ", expected int");
  }
  if (object.isUndefined())
    return undefinedError(object);
  if (!object.list() && !object.string())
    return Status::error(std::string("a value of type ") + object.typeName() + " cannot be sliced");
  DSRT_ASSIGN_OR_RETURN(std::vector<Value> items, elements(object));
  auto size = int64_t(items.size());
  int64_t step = bounds[2].value_or(1);
  if (step == 0)
    return Status::error("the step of a slice is 0");
  // Python's rule: negative bounds count from the end, and bounds beyond the ends are moved there.
  auto clamp = [&](std::optional<int64_t> bound, int64_t absent) {
    if (!bound)
      return absent;
    int64_t index = *bound < 0 ? std::max(*bound, -size - 1) + size : std::min(*bound, size);
    return step > 0 ? std::max<int64_t>(index, 0) : std::min(std::max<int64_t>(index, -1), size - 1);
  };
  int64_t first = clamp(bounds[0], step > 0 ? 0 : size - 1), end = clamp(bounds[1], step > 0 ? size : -1);
  step = std::min(std::max(step, -size - 1), size + 1); // beyond that all steps are alike, and none overflows
  List result;
  for (int64_t i = first; step > 0 ? i < end : i > end; i += step)
    result.items.push_back(items[size_t(i)]);
  if (object.list())
    return made(std::move(result));
  std::string joined;
  for (const Value &character : result.items)
    joined += *character.string();
  return made(std::move(joined));
}

//===- Calls
//-------------------------------------------------------------------------------------------------------===//

// All operands but the first, and the keywords.
StatusOr<Arguments> Evaluator::evaluateArguments(const Expr &expr) {
  Arguments arguments;
  for (size_t i = 1; i < expr.operands.size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*expr.operands[i]));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto &[name, operand] : expr.keywords) {
    DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*operand));
    if (argument(arguments, SIZE_MAX, name.c_str()))
      return Status::error("the argument '" + name + "' is given twice");
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

StatusOr<Value> Evaluator::call(const Expr &expr) {
  const Expr &callee = *expr.operands[0];
  if (callee.kind == Expr::Attribute) {
    DSRT_ASSIGN_OR_RETURN(Value object, evaluate(*callee.operands[0]));
    DSRT_ASSIGN_OR_RETURN(Arguments arguments, evaluateArguments(expr));
    if (object.isUndefined())
      return undefinedError(object);
    return callMethod(object, callee.name, arguments);
  }
  if (callee.kind != Expr::Name || findVariable(callee.name))
    return Status::error("a value is called that is not a function");
  DSRT_ASSIGN_OR_RETURN(Arguments arguments, evaluateArguments(expr));
  return callFunction(callee.name, arguments);
}

StatusOr<Value> Evaluator::evaluateFilter(const Expr &expr) {
  DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*expr.operands[0]));
  DSRT_ASSIGN_OR_RETURN(Arguments arguments, evaluateArguments(expr));
  return applyFilter(expr.name, value, arguments);
}

const Value *argument(const Arguments &arguments, size_t position, const char *name) {
  if (position < arguments.positional.size())
    return &arguments.positional[position];
  for (const auto &[key, value] : arguments.named) {
    if (key == name)
      return &value;
  }
  return nullptr;
}

Status checkArguments(const std::string &what, const Arguments &arguments, size_t least, size_t most,
                      std::initializer_list<const char *> names) {
  size_t count = arguments.positional.size() + arguments.named.size();
  if (count < least || count > most)
    return Status::error("'" + what + "' got " + std::to_string(count) + " arguments, expected " +
                         std::to_string(least) + (most > least ? " to " + std::to_string(most) : ""));
  for (const auto &[key, value] : arguments.named) {
    if (std::find(names.begin(), names.end(), key) == names.end())
      return Status::error("'" + what + "' has no argument '" + key + "'");
  }
  return {};
}

} // namespace dsrt::jinja
