// Reads the fields of a JSON object one by one, checks type and range, and remembers the first error and which fields
// were asked for: parsers read straight on and look at the error once, at the end.
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace mlir::deepseek::models {

/// Parses JSON text whose top level is an object. Text that is too long or nested too deeply is refused before parsing.
llvm::Expected<nlohmann::json> parseJsonObject(llvm::StringRef text, llvm::StringRef path);

/// A value as error messages show it: short, and never a whole object.
std::string describeValue(const nlohmann::json &value);
/// The shortest text that reads back as `value`.
std::string numberText(double value);

class JsonFields {
public:
  /// `prefix` ("rope_scaling.") opens the field names of a nested object.
  JsonFields(const nlohmann::json &object, llvm::StringRef path, llvm::StringRef prefix = "")
      : object(object), path(path), prefix(prefix) {}

  /// Present and not null.
  bool has(llvm::StringRef field);
  /// Required when there is no fallback. Out-of-range or mistyped values record an error and give the lower bound.
  int64_t integer(llvm::StringRef field, int64_t min, int64_t max, std::optional<int64_t> fallback = std::nullopt);
  double number(llvm::StringRef field, double min, double max, std::optional<double> fallback = std::nullopt);
  bool boolean(llvm::StringRef field, bool fallback);
  /// One of `choices`; the error lists them.
  std::string choice(llvm::StringRef field, llvm::ArrayRef<llvm::StringRef> choices, llvm::StringRef fallback);
  /// A token id, a list of them, or null.
  llvm::SmallVector<int64_t> tokens(llvm::StringRef field);
  /// A nested object, or null when absent.
  const nlohmann::json *nested(llvm::StringRef field);

  /// The raw value, or null when absent or JSON null.
  const nlohmann::json *find(llvm::StringRef field);
  /// Fields that are known and change nothing.
  void ignore(llvm::ArrayRef<llvm::StringRef> fields);
  /// Reports a field whose value does not do: "PATH: field 'F' is VALUE, expected EXPECTED".
  void refuse(llvm::StringRef field, const llvm::Twine &expected);

  bool failed() const { return !error.empty(); }
  llvm::Error takeError() const { return llvm::createStringError(error); }
  /// Adopts the first error of a nested object.
  void adopt(const JsonFields &other);
  /// One line for every field that nobody asked for.
  void warnUnknown(llvm::SmallVectorImpl<std::string> &warnings) const;

private:
  const nlohmann::json &object;
  std::string path, prefix, error;
  llvm::StringSet<> known;
};

} // namespace mlir::deepseek::models
