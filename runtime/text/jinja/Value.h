// The values that a template computes with. They behave as Python's do, as far as templates can tell.
#pragma once

#include "runtime/core/Status.h"

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dsrt::jinja {

class Value;

// Bounds the recursion over nested values.
inline constexpr int maxValueDepth = 100;

// What a name or an element that does not exist evaluates to: it is false, empty and prints as nothing, but has no
// elements of its own.
struct Undefined {
  std::string name;
};
struct None {};

// Lists and tuples, which differ only in how they print.
struct List {
  std::vector<Value> items;
  bool isTuple = false;
};

// String keys in order of insertion. A namespace is the one value that a template can change.
struct Dict {
  std::vector<std::pair<std::string, Value>> entries;
  bool isNamespace = false;
  int depth = 1; // see Value::depth

  const Value *find(std::string_view key) const;
  void set(const std::string &key, Value value);
};

// Copies are cheap: strings, lists and dictionaries are shared, and do not change once made (but for namespaces).
class Value {
public:
  Value() : data(None()) {}
  Value(Undefined u) : data(std::move(u)) {}
  Value(bool b) : data(b) {}
  Value(int64_t i) : data(i) {}
  Value(double d) : data(d) {}
  Value(std::string s) : data(std::make_shared<const std::string>(std::move(s))) {}
  Value(const char *) = delete; // would become a bool
  Value(List list);
  Value(std::shared_ptr<Dict> dict) : data(std::move(dict)) {}

  bool isUndefined() const { return std::holds_alternative<Undefined>(data); }
  bool isNone() const { return std::holds_alternative<None>(data); }
  bool isInteger() const { return std::holds_alternative<int64_t>(data); }
  // Integers, floats, and booleans, which Python counts as numbers.
  bool isNumber() const { return isInteger() || boolean() || real(); }

  const Undefined *undefined() const { return std::get_if<Undefined>(&data); }
  const bool *boolean() const { return std::get_if<bool>(&data); }
  const double *real() const { return std::get_if<double>(&data); }
  const std::string *string() const { return pointee<const std::string>(); }
  const std::vector<Value> *list() const {
    auto *pointer = pointee<const DeepList>();
    return pointer ? &pointer->items : nullptr;
  }
  bool isTuple() const { return list() && pointee<const DeepList>()->isTuple; }
  // Of a namespace too.
  Dict *dict() const { return pointee<Dict>(); }

  // The value of an integer or boolean.
  std::optional<int64_t> integer() const;
  // The value of any number, rounded to a double.
  double number() const;

  bool truthy() const;
  // How deep lists and dictionaries nest: 0 for anything else. Whoever makes one keeps this below maxValueDepth.
  int depth() const;
  bool isNamespace() const { return dict() && dict()->isNamespace; }
  // Python's name of the type, for messages.
  const char *typeName() const;

private:
  struct DeepList : List {
    int depth = 1;
  };
  template <typename T> T *pointee() const {
    auto *pointer = std::get_if<std::shared_ptr<T>>(&data);
    return pointer ? pointer->get() : nullptr;
  }
  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const DeepList>, std::shared_ptr<Dict>>
      data;
};

// Compares as Python's == does. Values may share parts, so that a small one is long to walk over: `work` is reduced by
// about a byte looked at each, and once it is 0 the answer is false.
bool valuesEqual(const Value &a, const Value &b, size_t &work);

// str() of Python, which is what {{ ... }} prints. Returns false once `out` exceeds `limit` bytes.
bool toText(const Value &value, size_t limit, std::string &out);
// json.dumps(ensure_ascii=False); with a negative `indent` on one line. A value that JSON lacks (undefined) is an
// error, as is a text of more than `limit` bytes.
Status toJson(const Value &value, int indent, size_t limit, std::string &out);

// A JSON document as a value, its objects in the order of the document. Arrays and objects may nest maxValueDepth deep;
// integers must fit 64 bits.
StatusOr<Value> fromJson(const nlohmann::ordered_json &document, const std::string &where);

} // namespace dsrt::jinja
