// Success, or an error with one clear sentence: which file, tensor, rank or field, what was found, what was expected.
// A library of this project never aborts the process; it returns a Status (or a StatusOr) and the tool prints it.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace dsrt {

class [[nodiscard]] Status {
public:
  Status() = default;
  static Status error(std::string message) {
    Status s;
    s.text = std::move(message);
    return s;
  }
  bool ok() const { return !text.has_value(); }
  const std::string &message() const {
    assert(!ok());
    return *text;
  }

private:
  std::optional<std::string> text;
};

// A value, or the Status that says why there is none.
template <typename T> class [[nodiscard]] StatusOr {
public:
  StatusOr(T v) : value_(std::move(v)) {}
  StatusOr(Status s) : status_(std::move(s)) { assert(!status_.ok()); }
  bool ok() const { return value_.has_value(); }
  const Status &status() const { return status_; }
  T &operator*() { return *value_; }
  const T &operator*() const { return *value_; }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }

private:
  std::optional<T> value_;
  Status status_;
};

// Leaves the enclosing function with the error of `expr`, if it has one.
#define DSRT_RETURN_IF_ERROR(expr)                                                                                     \
  do {                                                                                                                 \
    if (::dsrt::Status dsrtStatus_ = (expr); !dsrtStatus_.ok())                                                        \
      return dsrtStatus_;                                                                                              \
  } while (false)

#define DSRT_CONCAT_IMPL(a, b) a##b
#define DSRT_CONCAT(a, b) DSRT_CONCAT_IMPL(a, b)
// DSRT_ASSIGN_OR_RETURN(auto x, f()): x is the value of f(), or the function returns f()'s error.
#define DSRT_ASSIGN_OR_RETURN(lhs, expr)                                                                               \
  auto DSRT_CONCAT(dsrtOr_, __LINE__) = (expr);                                                                        \
  if (!DSRT_CONCAT(dsrtOr_, __LINE__).ok())                                                                            \
    return DSRT_CONCAT(dsrtOr_, __LINE__).status();                                                                    \
  lhs = std::move(*DSRT_CONCAT(dsrtOr_, __LINE__))

} // namespace dsrt
