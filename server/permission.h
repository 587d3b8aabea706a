#pragma once

#include <optional>
#include <string>

#include "core/error.h"
#include "core/token.h"

namespace nexakey::server {

/// What a route requires of its client.
enum class Permission {
  none,     ///< nothing: the route is open to anybody
  local,    ///< nothing on this machine, else as `token`
  gateway,  ///< a trusted proxy
  key,      ///< the API key that the request is about
  token,    ///< a token with any role
  ask,      ///< a token with the role verifier, auditor or admin; the handler checks what it asks
  decide,   ///< a token with the role verifier or admin
  create,   ///< a token with the role creator or admin
  rotate,   ///< a token with the role rotator or admin
  look,     ///< a token with the role rotator, auditor or admin: what is known of keys
  read,     ///< a token with the role auditor or admin
  change,   ///< a token with the role admin
};

/// Whether a route with this permission requires a token.
bool needs_token(Permission permission);

/// Whether a token with this role has the permission; false if the route requires no token.
bool allows(core::Role role, Permission permission);

/// Error: `forbidden`, with the roles that have the permission, if this one does not.
core::Result<void> check_role(core::Role role, Permission permission);

/// The only workspace that a request with this token may access; none: any. `served`: the only one
/// that the server has; none: all. Error: `forbidden`, if the token is for another one.
core::Result<std::optional<std::string>> workspace_of(const core::Token& token,
                                                      const std::optional<std::string>& served);

}  // namespace nexakey::server
