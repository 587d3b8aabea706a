#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/credential.h"
#include "core/error.h"
#include "core/id.h"
#include "core/time.h"

namespace nexakey::core {

/// What a token may do with a store over HTTP.
enum class Role {
  verifier,  ///< asks for decisions
  auditor,   ///< reads all that can be read
  admin,     ///< everything
};

std::string_view name_of(Role role);
std::optional<Role> parse_role(std::string_view name);

/// All that is known of a token for the remote store; never the token itself.
struct Token {
  TokenId id;
  std::string name;
  Role role = Role::verifier;
  std::optional<std::string> workspace;  ///< the only one it is good for; none: all
  CredentialHash hash{};
  std::string last_four;  ///< the end of the token
  Time created_at{};
  std::optional<Time> expires_at;  ///< from this very moment on it is expired
  std::optional<Time> revoked_at;

  /// The store cannot decode one of the members above: the token grants nothing, and can be
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

/// The whole of a token from outside.
Result<void> check_token(const Token& token);

}  // namespace nexakey::core
