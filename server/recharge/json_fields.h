#ifndef FAREBOX_SERVER_RECHARGE_JSON_FIELDS_H_
#define FAREBOX_SERVER_RECHARGE_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/recharge/limits.h"

// Reading JSON that somebody else wrote: a field that is missing or of another type is an absent
// value, never an exception.
namespace farebox::server {

// The field `name` of an object; null where there is none.
inline const nlohmann::json& Field(const nlohmann::json& object, const char* name) {
  static const nlohmann::json* const null = new nlohmann::json;
  const auto found = object.find(name);
  return found == object.end() ? *null : *found;
}

// Empty where it is not a string.
inline std::string Text(const nlohmann::json& object, const char* name) {
  const nlohmann::json& field = Field(object, name);
  return field.is_string() ? field.get_ref<const std::string&>() : std::string();
}

// Nothing where it is not an integer that fits.
inline std::optional<int64_t> Integer(const nlohmann::json& object, const char* name) {
  const nlohmann::json& field = Field(object, name);
  if (!field.is_number_integer()) return std::nullopt;
  if (field.is_number_unsigned() && field.get<uint64_t>() > INT64_MAX) return std::nullopt;
  return field.get<int64_t>();
}

// Null where it is not JSON, or nested too deeply.
inline nlohmann::json ParseJson(absl::string_view text) {
  bool is_too_deep = false;
  const auto is_kept = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    is_too_deep = is_too_deep || depth > limits::kJsonDepthMax;
    return !is_too_deep;
  };
  nlohmann::json parsed = nlohmann::json::parse(text.begin(), text.end(), is_kept, false);
  if (parsed.is_discarded() || is_too_deep) return {};
  return parsed;
}

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_RECHARGE_JSON_FIELDS_H_
