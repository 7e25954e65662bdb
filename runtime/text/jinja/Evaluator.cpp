#include "runtime/text/jinja/Evaluator.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

namespace dsrt::jinja {

namespace {

// Half a billion bytes of copying take about a tenth of a second; a step of the interpreter counts as 64 bytes.
constexpr size_t workLimit = size_t(1) << 29;
constexpr size_t stepUnits = 64;

} // namespace

Evaluator::Evaluator(const std::string &where, std::vector<std::pair<std::string, Value>> globals)
    : where(where), scopes{std::move(globals)}, budget(workLimit) {}

Status undefinedError(const Value &value) {
  const std::string &name = value.undefined()->name;
  return Status::error((name.empty() ? "the value" : "'" + name + "'") + " is undefined");
}

Status Evaluator::spend(size_t units) {
  if (units > budget)
    return Status::error("the template does too much work; it may be in an endless loop");
  budget -= units;
  return {};
}

StatusOr<bool> Evaluator::same(const Value &a, const Value &b) {
  bool equal = valuesEqual(a, b, budget);
  DSRT_RETURN_IF_ERROR(spend(1)); // fails if the comparison used everything up
  return equal;
}

StatusOr<Value> Evaluator::made(std::string text) {
  DSRT_RETURN_IF_ERROR(spend(text.size()));
  return Value(std::move(text));
}

StatusOr<Value> Evaluator::made(List list) {
  DSRT_RETURN_IF_ERROR(spend(list.items.size() * stepUnits));
  if (std::any_of(list.items.begin(), list.items.end(), [](const Value &item) { return item.isNamespace(); }))
    return Status::error("a namespace cannot be stored in a list");
  Value value(std::move(list));
  if (value.depth() > maxValueDepth)
    return Status::error("lists nest deeper than " + std::to_string(maxValueDepth));
  return value;
}

StatusOr<Value> Evaluator::made(std::shared_ptr<Dict> dict) {
  DSRT_RETURN_IF_ERROR(spend(dict->entries.size() * stepUnits));
  if (std::any_of(dict->entries.begin(), dict->entries.end(), [](auto &entry) { return entry.second.isNamespace(); }))
    return Status::error("a namespace cannot be stored in a dictionary");
  if (dict->depth > maxValueDepth)
    return Status::error("dictionaries nest deeper than " + std::to_string(maxValueDepth));
  return Value(std::move(dict));
}

StatusOr<std::string> Evaluator::text(const Value &value) {
  if (value.isNamespace())
    return Status::error("a namespace cannot be printed");
  std::string out;
  bool fits = toText(value, budget, out);
  DSRT_RETURN_IF_ERROR(spend(fits ? out.size() : budget + 1));
  return out;
}

//===- Statements
//--------------------------------------------------------------------------------------------------===//

StatusOr<std::string> Evaluator::run(const Block &block) {
  std::string out;
  scopes.emplace_back();
  StatusOr<Flow> flow = runBlock(block, out);
  if (!flow.ok())
    return flow.status();
  return out;
}

StatusOr<Evaluator::Flow> Evaluator::runBlock(const Block &block, std::string &out) {
  for (const Stmt &stmt : block) {
    StatusOr<Flow> flow = runStatement(stmt, out);
    if (!flow.ok() || *flow != Flow::Normal)
      return flow;
  }
  return Flow::Normal;
}

StatusOr<Evaluator::Flow> Evaluator::runStatement(const Stmt &stmt, std::string &out) {
  // Errors of expressions have their line already.
  auto atLine = [&](const Status &status) {
    return Status::error(where + ":" + std::to_string(stmt.line) + ": " + status.message());
  };
  if (Status status = spend(stepUnits + stmt.text.size()); !status.ok())
    return atLine(status);
  switch (stmt.kind) {
  case Stmt::Text:
    out += stmt.text;
    return Flow::Normal;
  case Stmt::Output: {
    DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*stmt.expr));
    StatusOr<std::string> printed = text(value);
    if (!printed.ok())
      return atLine(printed.status());
    out += *printed;
    return Flow::Normal;
  }
  case Stmt::If:
    for (const auto &[condition, body] : stmt.branches) {
      DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*condition));
      if (value.truthy())
        return runBlock(body, out);
    }
    return runBlock(stmt.otherwise, out);
  case Stmt::For:
    return runFor(stmt, out);
  case Stmt::Set:
    DSRT_RETURN_IF_ERROR(runSet(stmt));
    return Flow::Normal;
  case Stmt::SetBlock: {
    std::string body;
    scopes.emplace_back();
    StatusOr<Flow> flow = runBlock(stmt.body, body);
    scopes.pop_back();
    if (!flow.ok() || *flow != Flow::Normal)
      return flow;
    setVariable(stmt.targets[0], Value(std::move(body)));
    return Flow::Normal;
  }
  case Stmt::Nested:
    return runBlock(stmt.body, out);
  case Stmt::Break:
    return Flow::Break;
  case Stmt::Continue:
    return Flow::Continue;
  }
  return Flow::Normal;
}

StatusOr<Evaluator::Flow> Evaluator::runFor(const Stmt &stmt, std::string &out) {
  DSRT_ASSIGN_OR_RETURN(Value iterable, evaluate(*stmt.expr));
  auto atLine = [&](const Status &status) {
    return Status::error(where + ":" + std::to_string(stmt.line) + ": " + status.message());
  };
  StatusOr<std::vector<Value>> found = elements(iterable);
  if (!found.ok())
    return atLine(found.status());
  std::vector<Value> items = std::move(*found);
  if (stmt.condition) {
    std::vector<Value> kept;
    for (Value &item : items) {
      scopes.emplace_back();
      DSRT_RETURN_IF_ERROR(assign(stmt.targets, item, stmt.line));
      DSRT_ASSIGN_OR_RETURN(Value holds, evaluate(*stmt.condition));
      scopes.pop_back();
      if (holds.truthy())
        kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  if (items.empty())
    return runBlock(stmt.otherwise, out);

  auto count = int64_t(items.size());
  for (int64_t i = 0; i < count; ++i) {
    auto loop = std::make_shared<Dict>();
    loop->entries = {{"index", Value(i + 1)},
                     {"index0", Value(i)},
                     {"revindex", Value(count - i)},
                     {"revindex0", Value(count - i - 1)},
                     {"first", Value(i == 0)},
                     {"last", Value(i + 1 == count)},
                     {"length", Value(count)},
                     {"previtem", i > 0 ? items[i - 1] : Value(Undefined{"loop.previtem"})},
                     {"nextitem", i + 1 < count ? items[i + 1] : Value(Undefined{"loop.nextitem"})}};
    for (const auto &entry : loop->entries)
      loop->depth = std::max(loop->depth, entry.second.depth() + 1);
    scopes.emplace_back();
    setVariable("loop", Value(std::move(loop)));
    DSRT_RETURN_IF_ERROR(assign(stmt.targets, items[i], stmt.line));
    StatusOr<Flow> flow = runBlock(stmt.body, out);
    scopes.pop_back();
    if (!flow.ok())
      return flow;
    if (*flow == Flow::Break)
      break;
  }
  return Flow::Normal;
}

Status Evaluator::runSet(const Stmt &stmt) {
  DSRT_ASSIGN_OR_RETURN(Value value, evaluate(*stmt.expr));
  if (stmt.attribute.empty())
    return assign(stmt.targets, value, stmt.line);
  std::string at = where + ":" + std::to_string(stmt.line) + ": ";
  const Value *target = findVariable(stmt.targets[0]);
  if (!target || !target->isNamespace())
    return Status::error(at + "'" + stmt.targets[0] + "' is not a namespace, so its attribute '" + stmt.attribute +
                         "' cannot be set");
  if (value.isNamespace())
    return Status::error(at + "a namespace cannot be stored in a namespace");
  // The namespace itself nests nowhere, so its depth does not matter.
  target->dict()->set(stmt.attribute, std::move(value));
  return {};
}

Status Evaluator::assign(const std::vector<std::string> &targets, const Value &value, int line) {
  if (targets.size() == 1) {
    setVariable(targets[0], value);
    return {};
  }
  StatusOr<std::vector<Value>> items = elements(value);
  if (!items.ok() || items->size() != targets.size())
    return Status::error(where + ":" + std::to_string(line) + ": cannot unpack " +
                         (items.ok() ? std::to_string(items->size()) + " values" : std::string(value.typeName())) +
                         " into " + std::to_string(targets.size()) + " names");
  for (size_t i = 0; i < targets.size(); ++i)
    setVariable(targets[i], (*items)[i]);
  return {};
}

void Evaluator::setVariable(const std::string &name, Value value) {
  Scope &scope = scopes.back();
  auto it = std::find_if(scope.begin(), scope.end(), [&](const auto &entry) { return entry.first == name; });
  if (it == scope.end())
    scope.emplace_back(name, std::move(value));
  else
    it->second = std::move(value);
}

const Value *Evaluator::findVariable(const std::string &name) const {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
    for (const auto &[key, value] : *scope) {
      if (key == name)
        return &value;
    }
  }
  return nullptr;
}

StatusOr<std::vector<Value>> Evaluator::elements(const Value &value) {
  std::vector<Value> items;
  if (value.list()) {
    items = *value.list();
  } else if (value.dict() && !value.isNamespace()) {
    for (const auto &[key, item] : value.dict()->entries)
      items.emplace_back(key);
  } else if (const std::string *text = value.string()) {
    for (size_t pos = 0; pos < text->size();) {
      Utf8Char c = decodeUtf8(*text, pos);
      DSRT_RETURN_IF_ERROR(spend(stepUnits));
      items.emplace_back(text->substr(pos, c.length));
      pos += c.length;
    }
  } else if (!value.isUndefined()) {
    return Status::error(std::string("a value of type ") + value.typeName() + " cannot be iterated");
  }
  DSRT_RETURN_IF_ERROR(spend(items.size() * stepUnits));
  return items;
}

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
