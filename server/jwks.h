#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "core/error.h"
#include "core/id_token.h"

namespace nexakey::server {

/// A public key of an issuer (RFC 7517).
struct IssuerKey {
  core::JwsAlgorithm algorithm{};
  std::shared_ptr<EVP_PKEY> key;
};

/// The keys of an issuer, by their `kid`.
using Jwks = std::map<std::string, IssuerKey>;

/// Parses a JWK set (RFC 7517, 5). Leaves out keys of other kinds or uses than an ID token can be
/// signed with: RSA of 2048 to 8192 bits, and P-256. Error: `failed`, if it is none, has one `kid`
/// twice, or has more than 100 keys.
core::Result<Jwks> parse_jwks(std::string_view text);

/// Whether an ID token was signed with a key (RFC 7518, 3.3 and 3.4). False also if the key is for
/// another algorithm: the issuer, and not the token, chooses it. Uses OpenSSL, which nexakey needs
/// for TLS anyway; libcjose would be one more library, and leave the claims to us all the same.
bool is_signed_with(const core::IdToken& token, const IssuerKey& key);

}  // namespace nexakey::server
