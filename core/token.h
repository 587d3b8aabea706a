#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "core/credential.h"
#include "core/error.h"
#include "core/id.h"
#include "core/time.h"
#include "core/trust.h"

namespace nexakey::core {

/// The rights of a token over HTTP.
enum class Role {
  verifier,  ///< asks for decisions
  creator,   ///< creates keys
  rotator,   ///< reads keys and rotates them
  auditor,   ///< reads everything
  admin,     ///< everything
};
inline constexpr std::array kRoles{Role::verifier, Role::creator, Role::rotator, Role::auditor,
                                   Role::admin};

std::string_view name_of(Role role);
std::optional<Role> parse_role(std::string_view name);

/// A token for the remote store, without its secret.
struct Token {
  TokenId id;
  std::string name;
  Role role = Role::verifier;
  std::optional<std::string> workspace;  ///< the only one that it can access; none: all
  CredentialHash hash{};
  std::string last_four;  ///< the end of the token
  Time created_at{};
  std::optional<Time> expires_at;  ///< expired from this moment on
  std::optional<Time> revoked_at;
  /// Whose ID tokens have its rights; none: it has a secret. The hash of a trust is of no secret.
  std::optional<Trust> trust{};

  /// The store cannot decode one of the members above: the token grants nothing, but can be
  /// revoked.
  bool is_damaged = false;

  /// Neither damaged, revoked nor expired.
  [[nodiscard]] bool is_active(Time now) const {
    return !is_damaged && !revoked_at && (!expires_at || *expires_at > now);
  }
  /// "active", "expired", "revoked" or "damaged".
  [[nodiscard]] std::string_view status(Time now) const;
  friend bool operator==(const Token&, const Token&) = default;
};

/// The hash of a token that is a trust, which no secret has.
CredentialHash hash_of_trust(TokenId id);

/// All members of a token from outside. Error: `usage`.
Result<void> check_token(const Token& token);

}  // namespace nexakey::core
