#include "store/token_rules.h"

#include <utility>

#include "store/refusals.h"
#include "store/revocation.h"

namespace nexakey::store::rules {

using core::Token;
using core::TokenId;

Result<Token> create(Change& change, const Token& token) {
  const auto same = change.tables.find_tokens({&token.id, 1});
  if (!same.empty()) {
    return same.front() == token ? Result<Token>(token) : tl::unexpected(id_taken(token.id));
  }
  if (!change.tables.find_tokens({&token.hash, 1}).empty()) {
    return tl::unexpected(token_hash_taken());
  }
  change.tables.insert({&token, 1});
  change.log(core::record_creation(token));
  return token;
}

Result<std::vector<Token>> revoke(Change& change, std::span<const TokenId> ids) {
  return revoke_rows(change, ids, change.tables.find_tokens(ids), [&](Token& token) {
    const Token before = token;
    token.revoked_at = change.now;
    return core::record_revocation(before, token);
  });
}

}  // namespace nexakey::store::rules
