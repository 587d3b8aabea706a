#include "core/json/token.h"

namespace nexakey::core {

std::vector<shape::ShapeSchema> shape::token_schemas() {
  return {schema_of("Token", kTokenMembers), schema_of("NewToken", kTokenRecordMembers)};
}

void write_token(JsonWriter& json, const Token& token, Time now) {
  shape::write_object(json, token, shape::kTokenMembers, now);
}

void write_token_record(JsonWriter& json, const Token& token, Time now) {
  shape::write_object(json, token, shape::kTokenRecordMembers, now);
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

}  // namespace nexakey::core
