#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/settings.h"
#include "core/error.h"
#include "core/secret.h"

namespace nexakey::cli {

/// Where an ID token for a server comes from (`nexakey token trust`).
struct IdTokenSource {
  std::string name;  ///< for messages: "the ID token of GitHub Actions"
  std::function<core::Result<core::Secret>()> read;
};

/// The file that NEXAKEY_OIDC_TOKEN_FILE names, else the service that gives the jobs of GitHub
/// Actions their ID tokens; nothing if the environment has neither. The audience is
/// NEXAKEY_OIDC_AUDIENCE, or the URL of the store.
std::optional<IdTokenSource> find_id_token(const Settings& settings);

}  // namespace nexakey::cli
