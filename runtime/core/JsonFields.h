// Typed access to the fields of a JSON object. nlohmann::json ends the process on a wrong type when exceptions are off,
// so nothing here asks it for a value before its type is known; every mistake is a Status that names file and field.
#pragma once

#include "runtime/core/Status.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

// Parses UTF-8 JSON. `where` opens each error message.
StatusOr<nlohmann::json> parseJson(std::string_view text, const std::string &where);

// A value as an error message shows it, cut to a few characters.
std::string describeJson(const nlohmann::json &value);

// An integer in [min, max]; `where` names the field.
StatusOr<int64_t> jsonInteger(const nlohmann::json &value, const std::string &where, int64_t min, int64_t max);
StatusOr<std::vector<int64_t>> jsonIntegers(const nlohmann::json &value, const std::string &where, int64_t min,
                                            int64_t max);

class JsonObject {
public:
  // The object `value`, which must outlive this; `where` is its name in messages ("model.so: manifest").
  static StatusOr<JsonObject> of(const nlohmann::json &value, std::string where);

  const std::string &where() const { return name; }
  std::string where(const char *field) const { return name + "." + field; }
  // Null where the field is absent or JSON null.
  const nlohmann::json *find(const char *field) const;
  StatusOr<const nlohmann::json *> field(const char *field) const;

  StatusOr<int64_t> integer(const char *field, int64_t min, int64_t max) const;
  StatusOr<std::vector<int64_t>> integers(const char *field, int64_t min, int64_t max) const;
  StatusOr<std::string> string(const char *field) const;
  StatusOr<const nlohmann::json *> array(const char *field) const;
  StatusOr<JsonObject> object(const char *field) const;

private:
  JsonObject(const nlohmann::json &value, std::string where) : value(&value), name(std::move(where)) {}
  const nlohmann::json *value;
  std::string name;
};

} // namespace dsrt
