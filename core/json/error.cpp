#include "core/json/shape.h"

namespace nexakey::core {
namespace shape {
namespace {

constexpr auto kError = std::make_tuple(
    member_as<Named<ErrorCode, parse_error_code>>("code", &Error::code, Presence::required),
    member_as<Shown<Codec<std::string>>>("message", &Error::message),
    member_as<Shown<OptionalText>>("hint", &Error::hint));

}  // namespace

std::vector<ShapeSchema> error_schemas() { return {schema_of("Problem/error", kError)}; }

}  // namespace shape

void write_error(JsonWriter& json, const Error& error) {
  json.begin_object();
  write_error_member(json, error);
  json.end_object();
}

void write_error_member(JsonWriter& json, const Error& error) {
  shape::write_object(json.name("error"), error, shape::kError);
}

std::optional<Error> read_error(const Json& json) {
  if (!json.is_object() || !json.contains("error")) {
    return std::nullopt;
  }
  const auto error =
      shape::read_object<Error>(json["error"], "an error", shape::kError, Unknown::ignored);
  return error ? std::optional(*error) : std::nullopt;
}

}  // namespace nexakey::core
