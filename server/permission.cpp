#include "server/permission.h"

#include <string_view>
#include <vector>

#include "core/text.h"

namespace nexakey::server {

using core::Role;

namespace {

/// "creator, rotator or admin".
std::string roles_with(Permission permission) {
  std::vector<std::string_view> names;
  for (const Role role : core::kRoles) {
    if (allows(role, permission)) {
      names.push_back(core::name_of(role));
    }
  }
  const std::string last(names.back());  // an admin has each permission
  names.pop_back();
  return names.empty() ? last : core::join(names, ", ") + " or " + last;
}

}  // namespace

bool needs_token(Permission permission) {
  switch (permission) {
    case Permission::token:
    case Permission::ask:
    case Permission::decide:
    case Permission::create:
    case Permission::rotate:
    case Permission::look:
    case Permission::read:
    case Permission::change:
      return true;
    case Permission::none:
    case Permission::local:
    case Permission::gateway:
    case Permission::key:
      break;
  }
  return false;
}

bool allows(Role role, Permission permission) {
  switch (permission) {
    case Permission::token:
      return true;
    case Permission::ask:
      return role == Role::verifier || role == Role::auditor || role == Role::admin;
    case Permission::decide:
      return role == Role::verifier || role == Role::admin;
    case Permission::create:
      return role == Role::creator || role == Role::admin;
    case Permission::rotate:
      return role == Role::rotator || role == Role::admin;
    case Permission::look:
      return role == Role::rotator || role == Role::auditor || role == Role::admin;
    case Permission::read:
      return role == Role::auditor || role == Role::admin;
    case Permission::change:
      return role == Role::admin;
    case Permission::none:
    case Permission::local:
    case Permission::gateway:
    case Permission::key:
      break;
  }
  return false;
}

core::Result<void> check_role(Role role, Permission permission) {
  return allows(role, permission)
             ? core::Result<void>()
             : core::fail(core::ErrorCode::forbidden,
                          "the role " + std::string(core::name_of(role)) + " does not allow this",
                          "use a token with the role " + roles_with(permission));
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
