// What the tokenizer's files have in common: fields that may be missing or null, and tokens written in two ways.
#pragma once

#include "runtime/core/JsonFields.h"

#include <optional>
#include <string>

namespace dsrt {

// The boolean `field`, or `absent` where it is missing or null.
inline StatusOr<bool> optionalBoolean(const JsonObject &object, const char *field, bool absent) {
  const nlohmann::json *value = object.find(field);
  if (!value)
    return absent;
  if (!value->is_boolean())
    return Status::error(object.where(field) + " must be true or false, got " + describeJson(*value));
  return value->get<bool>();
}

// A token of tokenizer_config.json: a string, or an object whose "content" is one. Nothing where it is missing or null.
inline StatusOr<std::optional<std::string>> configToken(const JsonObject &config, const char *field) {
  const nlohmann::json *value = config.find(field);
  std::string name = config.where(field);
  if (value && value->is_object()) {
    auto it = value->find("content");
    value = it == value->end() ? nullptr : &*it;
    name += ".content";
    if (!value)
      return Status::error(name + " is missing");
  }
  if (!value)
    return std::optional<std::string>();
  if (!value->is_string())
    return Status::error(name + " must be a string, got " + describeJson(*value));
  return std::optional(value->get<std::string>());
}

} // namespace dsrt
