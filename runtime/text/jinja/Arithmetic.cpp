// Python's operators on numbers, strings and lists. Integers are 64 bits wide; what does not fit is an error.
#include "runtime/text/jinja/Evaluator.h"

#include <cmath>

namespace dsrt::jinja {

namespace {

Status overflow() { return Status::error("the result of integer arithmetic does not fit 64 bits"); }

StatusOr<Value> power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
      return overflow();
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
      return overflow();
  }
  return Value(result);
}

// Division that rounds towards minus infinity, and its remainder, which has the divisor's sign.
StatusOr<Value> integerArithmetic(const std::string &op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+"   ? __builtin_add_overflow(a, b, &result)
      : op == "-" ? __builtin_sub_overflow(a, b, &result)
                  : op == "*" && __builtin_mul_overflow(a, b, &result))
    return overflow();
  if (op == "+" || op == "-" || op == "*")
    return Value(result);
  if (op == "**" && !(a == 0 && b < 0))
    return b < 0 ? StatusOr<Value>(Value(std::pow(double(a), double(b)))) : power(a, b);
  if (b == 0 || op == "**")
    return Status::error("division by zero");
  if (op == "/")
    return Value(double(a) / double(b));
  if (b == -1) // the only divisor that can overflow
    return op == "%" ? StatusOr<Value>(Value(int64_t(0))) : integerArithmetic("-", 0, a);
  int64_t quotient = a / b, remainder = a % b;
  if (remainder != 0 && (remainder < 0) != (b < 0)) {
    --quotient;
    remainder += b;
  }
  return Value(op == "//" ? quotient : remainder);
}

StatusOr<Value> realArithmetic(const std::string &op, double a, double b) {
  if (op == "+")
    return Value(a + b);
  if (op == "-")
    return Value(a - b);
  if (op == "*")
    return Value(a * b);
  if (op == "**")
    return Value(std::pow(a, b));
  if (b == 0)
    return Status::error("division by zero");
  if (op == "/")
    return Value(a / b);
  double remainder = std::fmod(a, b);
  if (remainder != 0 && (remainder < 0) != (b < 0))
    remainder += b;
  return Value(op == "%" ? remainder : std::floor((a - remainder) / b + 0.5));
}

} // namespace

StatusOr<Value> Evaluator::negate(const Value &value) {
  if (value.real())
    return Value(-*value.real());
  return integerArithmetic("-", 0, *value.integer());
}

StatusOr<Value> Evaluator::repeat(const Value &value, int64_t count) {
  size_t size = value.string() ? value.string()->size() : value.list()->size();
  size_t times = count > 0 && size > 0 ? size_t(count) : 0;
  size_t total = 0;
  if (__builtin_mul_overflow(times, size, &total))
    total = SIZE_MAX;
  // Before anything of that size is allocated.
  DSRT_RETURN_IF_ERROR(spend(total));
  if (value.string()) {
    std::string out;
    out.reserve(total);
    for (size_t i = 0; i < times; ++i)
      out += *value.string();
    return Value(std::move(out));
  }
  DSRT_RETURN_IF_ERROR(spend(total > SIZE_MAX / 64 ? SIZE_MAX : total * 64));
  List list;
  for (size_t i = 0; i < times; ++i)
    list.items.insert(list.items.end(), value.list()->begin(), value.list()->end());
  return made(std::move(list));
}

StatusOr<Value> Evaluator::arithmetic(const std::string &op, const Value &left, const Value &right) {
  if (left.isUndefined() || right.isUndefined())
    return undefinedError(left.isUndefined() ? left : right);
  if (left.integer() && right.integer())
    return integerArithmetic(op, *left.integer(), *right.integer());
  if (left.isNumber() && right.isNumber())
    return realArithmetic(op, left.number(), right.number());
  if (op == "+" && left.string() && right.string())
    return made(*left.string() + *right.string());
  if (op == "+" && left.list() && right.list()) {
    List list;
    list.items = *left.list();
    list.items.insert(list.items.end(), right.list()->begin(), right.list()->end());
    return made(std::move(list));
  }
  if (op == "*" && (left.string() || left.list()) && right.integer())
    return repeat(left, *right.integer());
  if (op == "*" && (right.string() || right.list()) && left.integer())
    return repeat(right, *left.integer());
  return Status::error("unsupported '" + op + "' between values of type " + left.typeName() + " and " +
                       right.typeName());
}

} // namespace dsrt::jinja
