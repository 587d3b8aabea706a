#include "core/json/token.h"

namespace nexakey::core {

std::vector<shape::ShapeSchema> shape::token_schemas() {
  return {schema_of("Token", kTokenMembers), schema_of("NewToken", kTokenRecordMembers),
          schema_of("Trust", kTrustMembers), schema_of("Whoami", kWhoamiMembers)};
}

void write_token(JsonWriter& json, const Token& token, Time now) {
  shape::write_object(json, token, shape::kTokenMembers, now);
}

void write_token_record(JsonWriter& json, const Token& token, Time now) {
  shape::write_object(json, token, shape::kTokenRecordMembers, now);
}

void write_whoami(JsonWriter& json, const Whoami& whoami) {
  shape::write_object(json, whoami, shape::kWhoamiMembers);
}

Result<Whoami> read_whoami(const Json& json) {
  return shape::read_object<Whoami>(json, "the client", shape::kWhoamiMembers, Unknown::ignored);
}

Result<Token> read_token(const Json& json, Unknown unknown) {
  auto token = shape::read_object<Token>(json, "a token", shape::kTokenRecordMembers, unknown);
  if (!token) {
    return token;
  }
  if (!json.contains("name")) {
    token->name = token->id.to_string();
  }
  const auto status = json.find("status");
  token->is_damaged = status != json.end() && *status == "damaged";
  return check_token(*token).map([&] { return *std::move(token); });
}

std::string trust_to_json(const Trust& trust) {
  std::string text;
  JsonWriter json(text);
  shape::Codec<Trust>::write(json, trust);
  return text;
}

Result<Trust> trust_from_json(std::string_view text) {
  return parse_json(text).and_then(
      [](const Json& json) { return shape::Codec<Trust>::read(json, "trust"); });
}

}  // namespace nexakey::core
