#include "core/token.h"

#include <algorithm>

#include "core/key.h"

namespace nexakey::core {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::verifier:
      return "verifier";
    case Role::creator:
      return "creator";
    case Role::rotator:
      return "rotator";
    case Role::auditor:
      return "auditor";
    case Role::admin:
      break;
  }
  return "admin";
}

std::optional<Role> parse_role(std::string_view name) {
  const auto* const role =
      std::ranges::find(kRoles, name, [](Role known) { return name_of(known); });
  return role == kRoles.end() ? std::nullopt : std::optional(*role);
}

std::string_view Token::status(Time now) const {
  if (revoked_at) {
    return "revoked";
  }
  if (is_damaged) {
    return "damaged";
  }
  return is_active(now) ? "active" : "expired";
}

CredentialHash hash_of_trust(TokenId id) { return sha256("trust " + id.to_string()); }

Result<void> check_token(const Token& token) {
  // The name of an unnamed token is its id.
  const Result<void> name =
      token.name == token.id.to_string() ? Result<void>() : check_name(token.name);
  if (name && token.name != token.id.to_string() && token.name.starts_with(TokenId::kPrefix)) {
    return reject("a token name cannot begin with tok_");
  }
  return name
      .and_then(
          [&] { return token.workspace ? check_workspace(*token.workspace) : Result<void>(); })
      .and_then([&] { return check_last_four(token.last_four); })
      .and_then([&]() -> Result<void> {
        if (token.trust && token.hash != hash_of_trust(token.id)) {
          return reject("the hash of a trust is not that of its id");
        }
        return token.trust ? check_trust(*token.trust) : Result<void>();
      });
}

}  // namespace nexakey::core
