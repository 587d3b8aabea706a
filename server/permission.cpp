#include "server/permission.h"

namespace nexakey::server {

using core::Role;

bool needs_token(Permission permission) {
  switch (permission) {
    case Permission::decide:
    case Permission::read:
    case Permission::change:
      return true;
    case Permission::none:
    case Permission::gateway:
    case Permission::key:
      break;
  }
  return false;
}

bool allows(Role role, Permission permission) {
  switch (permission) {
    case Permission::decide:
      return role == Role::verifier || role == Role::admin;
    case Permission::read:
      return role == Role::auditor || role == Role::admin;
    case Permission::change:
      return role == Role::admin;
    case Permission::none:
    case Permission::gateway:
    case Permission::key:
      break;
  }
  return false;
}

core::Result<std::optional<std::string>> workspace_of(const core::Token& token,
                                                      const std::optional<std::string>& served) {
  if (token.workspace && served && *token.workspace != *served) {
    return core::fail(core::ErrorCode::forbidden, "this server has only the workspace " + *served +
                                                      ", and the token is for " + *token.workspace);
  }
  return token.workspace ? token.workspace : served;
}

}  // namespace nexakey::server
