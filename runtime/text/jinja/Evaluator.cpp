// Runs statements. Expressions.cpp evaluates expressions.
#include "runtime/text/jinja/Evaluator.h"
#include "runtime/text/Unicode.h"

#include <algorithm>

namespace dsrt::jinja {

namespace {

// Far more than any conversation needs: a million steps, or a hundred copies of a text that fills a context window.
constexpr size_t workLimit = size_t(1) << 26;

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

} // namespace dsrt::jinja
