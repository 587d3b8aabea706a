#include "server/access.h"

#include "server/gateway.h"
#include "server/responses.h"

namespace nexakey::server {

using core::ErrorCode;
using core::Result;
using core::Role;

bool allows(Role role, Access access) {
  switch (access) {
    case Access::decide:
      return role == Role::verifier || role == Role::admin;
    case Access::read:
      return role == Role::auditor || role == Role::admin;
    case Access::change:
      return role == Role::admin;
    case Access::open:
    case Access::gateway:
    case Access::key:
      break;
  }
  return false;  // these don't ask for a token
}

tl::expected<core::Token, HttpResponse> authorize(store::KeyStore& store,
                                                  const HttpRequest& request, Access access) {
  const auto bearer = read_bearer(request);
  const bool has_form = bearer && core::kTokenForm.matches(*bearer);
  auto token = has_form ? store.find_token(core::hash_credential(*bearer))
                        : Result<std::optional<core::Token>>();
  if (!token) {
    return tl::unexpected(problem(token.error()));
  }
  if (!*token || !(*token)->is_live(core::system_time())) {
    return tl::unexpected(
        problem(401, {ErrorCode::forbidden, "this needs a token that is known and alive",
                      "send it as Authorization: Bearer"}));
  }
  if (!allows((*token)->role, access)) {
    const std::string role(name_of((*token)->role));
    return tl::unexpected(
        problem({ErrorCode::forbidden, "the role " + role + " does not allow this",
                 access == Access::decide ? "use a token of a verifier or an admin"
                 : access == Access::read ? "use a token of an auditor or an admin"
                                          : "use a token of an admin"}));
  }
  return **std::move(token);
}

Result<std::optional<std::string>> workspace_of(const core::Token& token,
                                                const std::optional<std::string>& served) {
  if (token.workspace && served && *token.workspace != *served) {
    return core::fail(ErrorCode::forbidden, "this serves the workspace " + *served +
                                                " alone, and the token is for " + *token.workspace);
  }
  return token.workspace ? token.workspace : served;
}

}  // namespace nexakey::server
