#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "core/token.h"
#include "server/http.h"
#include "store/key_store.h"

namespace nexakey::server {

/// What a route wants of whoever asks.
enum class Access {
  open,     ///< nothing
  gateway,  ///< to be a trusted proxy
  key,      ///< the API key that it is about
  decide,   ///< a token of a verifier or an admin
  read,     ///< of an auditor or an admin
  change,   ///< of an admin
};

bool allows(core::Role role, Access access);

/// The live token of a request, if its role has this access; else the answer: 401 without such a
/// token, 403 with one of another role.
tl::expected<core::Token, HttpResponse> authorize(store::KeyStore& store,
                                                  const HttpRequest& request, Access access);

/// The only workspace that a token is good for on a server, which may itself serve only one; none:
/// all of them. A token for another workspace than the server's is `forbidden`.
core::Result<std::optional<std::string>> workspace_of(const core::Token& token,
                                                      const std::optional<std::string>& served);

}  // namespace nexakey::server
