#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::core {

/// Which identities of an OpenID Connect issuer have the rights of a token (OpenID Connect Core
/// 1.0). A CI job or a pod proves its identity with an ID token that the issuer signed for it, so
/// that no secret has to be kept.
struct Trust {
  std::string issuer;                         ///< the URL in the claim `iss`
  std::string audience;                       ///< has to be in the claim `aud`
  std::map<std::string, std::string> claims;  ///< others that the ID token must have

  friend bool operator==(const Trust&, const Trust&) = default;
};

/// The last characters of a token that is a trust: it has no secret.
inline constexpr std::string_view kTrustHint = "oidc";

/// All members of a trust from outside. The issuer has an https URL, or is on this machine; at
/// least one claim is required, because an issuer signs tokens for anybody's jobs. Error: `usage`.
Result<void> check_trust(const Trust& trust);

}  // namespace nexakey::core
