// Runs a template. Work and memory are bounded, whatever the template does.
#pragma once

#include "runtime/text/jinja/Ast.h"

#include <string>
#include <utility>
#include <vector>

namespace dsrt::jinja {

// What a filter, test, method or function is called with.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

class Evaluator {
public:
  Evaluator(const std::string &where, std::vector<std::pair<std::string, Value>> globals);

  // What the template prints. Messages read "WHERE:LINE: ...".
  StatusOr<std::string> run(const Block &block);

private:
  // How a block ended.
  enum class Flow { Normal, Break, Continue };
  using Scope = std::vector<std::pair<std::string, Value>>;

  StatusOr<Flow> runBlock(const Block &block, std::string &out);
  StatusOr<Flow> runStatement(const Stmt &stmt, std::string &out);
  StatusOr<Flow> runFor(const Stmt &stmt, std::string &out);
  Status runSet(const Stmt &stmt);
  Status assign(const std::vector<std::string> &targets, const Value &value, int line);
  void setVariable(const std::string &name, Value value);
  const Value *findVariable(const std::string &name) const;

  StatusOr<Value> evaluate(const Expr &expr);
  StatusOr<Value> evaluateInner(const Expr &expr);
  StatusOr<Value> makeDict(const Expr &expr);
  StatusOr<Value> compare(const Expr &expr);
  StatusOr<bool> compareOnce(const std::string &comparison, const Value &left, const Value &right);
  StatusOr<bool> contains(const Value &container, const Value &item);
  StatusOr<Value> concat(const Expr &expr);
  StatusOr<Value> item(const Value &object, const Value &key, const std::string &name);
  StatusOr<Value> attribute(const Value &object, const std::string &name);
  StatusOr<Value> slice(const Expr &expr);
  StatusOr<Value> call(const Expr &expr);
  StatusOr<Arguments> evaluateArguments(const Expr &expr);
  StatusOr<Value> evaluateFilter(const Expr &expr);

  // Arithmetic.cpp
  StatusOr<Value> arithmetic(const std::string &op, const Value &left, const Value &right);
  StatusOr<Value> negate(const Value &value);
  StatusOr<Value> repeat(const Value &value, int64_t count);

  // Functions.cpp, Filters.cpp, Methods.cpp
  StatusOr<Value> callFunction(const std::string &name, Arguments &arguments);
  StatusOr<Value> applyFilter(const std::string &name, const Value &value, Arguments &arguments);
  StatusOr<Value> filterText(const std::string &name, const Value &value, Arguments &arguments);
  StatusOr<Value> filterNumber(const std::string &name, const Value &value, Arguments &arguments);
  StatusOr<Value> filterList(const std::string &name, const Value &value, Arguments &arguments);
  StatusOr<Value> selectFrom(const std::string &name, const std::vector<Value> &items, Arguments &arguments);
  StatusOr<Value> mapOver(const std::vector<Value> &items, Arguments &arguments);
  StatusOr<Value> path(const Value &object, const Value &path);
  StatusOr<bool> applyTest(const std::string &name, const Value &value, const std::vector<Value> &arguments);
  StatusOr<Value> callMethod(const Value &object, const std::string &name, Arguments &arguments);
  StatusOr<Value> callStringMethod(const std::string &text, const std::string &name, Arguments &arguments);
  StatusOr<Value> replaceText(const std::string &text, const std::string &from, const std::string &to, int64_t most);
  // The list of a dictionary's "keys", "values" or "items".
  StatusOr<Value> dictView(const Value &object, const std::string &view);

  // The elements that a loop over `value` would visit.
  StatusOr<std::vector<Value>> elements(const Value &value);
  // str() of the value.
  StatusOr<std::string> text(const Value &value);
  // Everything made while running passes through these: they count its size and refuse what is too deep.
  StatusOr<Value> made(std::string text);
  StatusOr<Value> made(List list);
  StatusOr<Value> made(std::shared_ptr<Dict> dict);
  StatusOr<bool> same(const Value &a, const Value &b);
  // Counts `units` of work, about a byte copied or looked at each. A step of the interpreter counts as stepUnits.
  Status spend(size_t units);
  static constexpr size_t stepUnits = 64;

  std::string where;
  std::vector<Scope> scopes;
  size_t budget;
};

// Whether a method hides an element of that name: {{ d.items }} is not d['items'].
bool isMethodName(const Value &object, const std::string &name);

// Error for an undefined value that is used, or for one of the wrong type.
Status undefinedError(const Value &value);

// The argument at a position or of a name, or null.
const Value *argument(const Arguments &arguments, size_t position, const char *name);
// Refuses arguments beyond `most` and names that are not in the list.
Status checkArguments(const std::string &what, const Arguments &arguments, size_t least, size_t most,
                      std::initializer_list<const char *> names = {});

} // namespace dsrt::jinja
