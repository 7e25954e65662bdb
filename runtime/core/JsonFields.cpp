#include "runtime/core/JsonFields.h"

namespace dsrt {

using nlohmann::json;

StatusOr<json> parseJson(std::string_view text, const std::string &where) {
  json value = json::parse(text.begin(), text.end(), /*callback=*/nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded())
    return Status::error(where + " is not valid JSON");
  return value;
}

std::string describeJson(const json &value) {
  if (value.is_object() || value.is_array())
    return std::string(value.is_object() ? "an object" : "an array") + " of " + std::to_string(value.size());
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

StatusOr<int64_t> jsonInteger(const json &value, const std::string &where, int64_t min, int64_t max) {
  bool fits = value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX);
  int64_t number = fits ? value.get<int64_t>() : 0;
  if (!fits || number < min || number > max)
    return Status::error(where + " must be an integer from " + std::to_string(min) + " to " + std::to_string(max) +
                         ", got " + describeJson(value));
  return number;
}

StatusOr<std::vector<int64_t>> jsonIntegers(const json &value, const std::string &where, int64_t min, int64_t max) {
  if (!value.is_array())
    return Status::error(where + " must be an array of integers, got " + describeJson(value));
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < value.size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(int64_t number, jsonInteger(value[i], where + "[" + std::to_string(i) + "]", min, max));
    numbers.push_back(number);
  }
  return numbers;
}

StatusOr<JsonObject> JsonObject::of(const json &value, std::string where) {
  if (!value.is_object())
    return Status::error(where + " must be an object, got " + describeJson(value));
  return JsonObject(value, std::move(where));
}

const json *JsonObject::find(const char *field) const {
  auto it = value->find(field);
  return it == value->end() || it->is_null() ? nullptr : &*it;
}

StatusOr<const json *> JsonObject::field(const char *field) const {
  if (const json *found = find(field))
    return found;
  return Status::error(name + " has no field '" + field + "'");
}

StatusOr<int64_t> JsonObject::integer(const char *field, int64_t min, int64_t max) const {
  DSRT_ASSIGN_OR_RETURN(const json *found, this->field(field));
  return jsonInteger(*found, where(field), min, max);
}

StatusOr<std::vector<int64_t>> JsonObject::integers(const char *field, int64_t min, int64_t max) const {
  DSRT_ASSIGN_OR_RETURN(const json *found, this->field(field));
  return jsonIntegers(*found, where(field), min, max);
}

StatusOr<std::string> JsonObject::string(const char *field) const {
  DSRT_ASSIGN_OR_RETURN(const json *found, this->field(field));
  if (!found->is_string())
    return Status::error(where(field) + " must be a string, got " + describeJson(*found));
  return found->get<std::string>();
}

StatusOr<const json *> JsonObject::array(const char *field) const {
  DSRT_ASSIGN_OR_RETURN(const json *found, this->field(field));
  if (!found->is_array())
    return Status::error(where(field) + " must be an array, got " + describeJson(*found));
  return found;
}

StatusOr<JsonObject> JsonObject::object(const char *field) const {
  DSRT_ASSIGN_OR_RETURN(const json *found, this->field(field));
  return of(*found, where(field));
}

} // namespace dsrt
