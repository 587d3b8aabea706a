#pragma once

#include "core/json/trust.h"

namespace nexakey::core::shape {

/// The status of a token, which is text and not an enumeration.
struct TokenStatus {
  static TypeSchema schema() { return {.type = "string"}; }
  static void write(JsonWriter& json, std::string_view status) { json.plain(status); }
  static Result<std::string> read(const Json& value, std::string_view name) {
    return read_string(value, name).and_then([&](const std::string& text) {
      return text == "active" || text == "expired" || text == "revoked" || text == "damaged"
                 ? Result<std::string>(text)
                 : wrong_value(name, text);
    });
  }
};

/// A token, and with the hash that another store needs to import it.
inline constexpr auto kTokenMembers = std::make_tuple(
    member<Token>("id", &Token::id, Presence::required), member<Token>("name", &Token::name),
    member_as<Named<Role, parse_role>>("role", &Token::role, Presence::required),
    member_as<OptionalText>("workspace", &Token::workspace),
    member_as<Hint<kTokenForm>>("hint", &Token::last_four, Presence::required),
    computed<TokenStatus>("status", [](const Token& token, Time now) { return token.status(now); }),
    member<Token>("created_at", &Token::created_at),
    member<Token>("expires_at", &Token::expires_at),
    member<Token>("revoked_at", &Token::revoked_at),
    member_as<Settable<Trust>>("trust", &Token::trust, Presence::sparse));
inline constexpr auto kTokenRecordMembers = std::tuple_cat(
    kTokenMembers, std::make_tuple(member<Token>("hash", &Token::hash, Presence::required)));

/// Who a client is to a server.
inline constexpr auto kWhoamiMembers = std::make_tuple(
    member<Whoami>("id", &Whoami::id, Presence::required),
    member_as<Shown<Codec<std::string>>>("name", &Whoami::name, Presence::required),
    member_as<Named<Role, parse_role>>("role", &Whoami::role, Presence::required),
    member_as<Shown<OptionalText>>("workspace", &Whoami::workspace),
    member<Whoami>("expires_at", &Whoami::expires_at),
    member_as<Settable<std::string, Shown<Codec<std::string>>>>("subject", &Whoami::subject,
                                                                Presence::sparse),
    member_as<Shown<Codec<std::string>>>("version", &Whoami::version, Presence::required));

}  // namespace nexakey::core::shape
