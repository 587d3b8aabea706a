#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/time.h"
#include "core/trust.h"

namespace nexakey::core {

/// How an ID token is signed (RFC 7518, 3.1). `none` and those with a shared secret are not
/// accepted.
enum class JwsAlgorithm {
  rs256,  ///< RSASSA-PKCS1-v1_5 with SHA-256
  es256,  ///< ECDSA with P-256 and SHA-256
};

/// The maximum length of an ID token. Those of CI services have about 2 KiB.
inline constexpr std::size_t kMaxIdTokenLength = 16384;

/// An ID token (OpenID Connect Core 1.0, 2): a JWT (RFC 7519) in the compact form of RFC 7515, 7.1.
/// Nothing in it is proven before its signature is verified.
struct IdToken {
  JwsAlgorithm algorithm{};
  std::string key_id;  ///< `kid`
  std::string issuer;
  std::string subject;
  std::vector<std::string> audiences;
  Time expires_at{};
  std::optional<Time> not_before{};
  /// All claims that are texts, numbers or truth values, as text.
  std::map<std::string, std::string> claims{};
  std::string signed_text;  ///< what the signature is of
  std::string signature;
};

/// Whether a text has the form of an ID token: three parts in base64url.
bool looks_like_id_token(std::string_view text);

/// Parses an ID token. The claims `iss`, `sub`, `aud` and `exp` and a `kid` are required. Error:
/// `usage`, with the reason; also for a repeated member and for critical extensions (RFC 7515,
/// 4.1.11), of which none is known.
Result<IdToken> parse_id_token(std::string_view text);

/// Whether a verified ID token is one of those that a trust is for. Error: `forbidden`, with the
/// reason.
Result<void> check_id_token(const IdToken& token, const Trust& trust);

/// Error: `forbidden`, if it has expired or is not valid yet. Clocks may differ by `kMaxSkew` for
/// the beginning of its validity.
inline constexpr std::chrono::seconds kMaxSkew{5};
Result<void> check_validity(const IdToken& token, Time now);

/// Decodes base64url without padding (RFC 4648, 5), strictly. Nothing for any other text.
std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace nexakey::core
