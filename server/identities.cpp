#include "server/identities.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/id_token.h"
#include "core/text.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;
using core::IdToken;
using core::Result;
using core::Token;

/// The trusts in an issuer that are active. Error: `forbidden`, if there is none.
Result<std::vector<Token>> trusts_in(store::ServedStore& store, const std::string& issuer,
                                     core::Time now) {
  auto trusts = store.trusts();
  if (!trusts) {
    return trusts;
  }
  std::erase_if(*trusts, [&](const Token& token) {
    return token.trust->issuer != issuer || !token.is_active(now);
  });
  return trusts->empty() ? core::fail(ErrorCode::forbidden,
                                      "the issuer " + core::quote(issuer) + " is not trusted",
                                      "see nexakey token trust")
                         : trusts;
}

/// The trust that an ID token matches. Error: `forbidden`, with what the newest one requires.
Result<Token> choose(const std::vector<Token>& trusts, const IdToken& token,
                     Permission permission) {
  std::optional<Token> chosen;
  std::optional<core::Error> problem;
  for (const Token& trust : trusts) {
    if (const auto matches = core::check_id_token(token, *trust.trust); !matches) {
      problem = problem ? problem : matches.error();
    } else if (!chosen || (!allows(chosen->role, permission) && allows(trust.role, permission))) {
      chosen = trust;
    }
  }
  return chosen ? Result<Token>(*std::move(chosen)) : tl::unexpected(*std::move(problem));
}

}  // namespace

Result<Identity> Identities::verify(store::ServedStore& store, const std::string& text,
                                    Permission permission, core::Time now) {
  const auto token = core::parse_id_token(text);
  if (!token) {
    return core::fail(ErrorCode::forbidden, token.error().message, token.error().hint);
  }
  const auto trusts = trusts_in(store, token->issuer, now);
  if (!trusts) {
    return tl::unexpected(trusts.error());
  }
  const auto key = keys_.find(token->issuer, token->key_id, IssuerKeys::Clock::now());
  if (!key) {
    return tl::unexpected(key.error());
  }
  if (!*key || !is_signed_with(*token, **key)) {
    return core::fail(ErrorCode::forbidden, *key ? "the signature of the ID token is not valid"
                                                 : "the issuer did not have the key of the ID token"
                                                   " when it was last asked");
  }
  if (const auto valid = core::check_validity(*token, now); !valid) {
    return tl::unexpected(valid.error());
  }
  auto trust = choose(*trusts, *token, permission);
  if (!trust) {
    return tl::unexpected(std::move(trust.error()));
  }
  trust->expires_at = std::min(trust->expires_at.value_or(core::kLastTime), token->expires_at);
  return Identity{.token = *std::move(trust), .subject = core::printable(token->subject)};
}

}  // namespace nexakey::server
