// Revocations: POST /v1/keys/revoke and /v1/tokens/revoke.

#include <algorithm>

#include "store/bulk.h"
#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::Key;
using core::KeyId;
using core::Token;
using core::TokenId;

template <typename Id>
Call revocation(std::string path, std::span<const Id> ids, const std::string& reason) {
  core::Revocation revocation{.ids = {}, .reason = reason};
  for (const Id id : ids) {
    revocation.ids.push_back(id.to_string());
  }
  return {.message = {.method = "POST",
                      .target = std::move(path),
                      .body = written(
                          [&](core::JsonWriter& json) { write_revocation(json, revocation); })},
          .may_miss = true,
          .remedy = kRunAgain};
}

/// What was revoked; an error if these are not the things with these ids, in this order, or if one
/// is not revoked.
template <typename Id, typename T>
Result<std::vector<T>> check_revoked(std::span<const Id> ids, Result<std::vector<T>> revoked) {
  const bool is_it = !revoked || std::ranges::equal(ids, *revoked, [](Id id, const T& thing) {
    return thing.id == id && thing.revoked_at;
  });
  return is_it ? std::move(revoked) : core::reject("not every requested revocation is in it");
}

}  // namespace

Result<void> RemoteStore::revoke(std::span<const KeyId> ids, const std::string& reason,
                                 core::Time /*now*/,
                                 const std::function<bool(std::span<const Key>)>& visit) {
  const auto look_up = [&](std::span<const KeyId> some) { return find(some); };
  // A request takes so few keys that it need not be looked at when its time is over.
  const auto revoke_some = [&](std::span<const KeyId> some, const auto& /*is_over*/) {
    return connection_.ask(revocation("/v1/keys/revoke", some, reason), [&](const Json& json) {
      return check_revoked(some, read_list(member(json, "keys"), read_key));
    });
  };
  return revoke_in_bulk(ids, look_up, revoke_some, visit);
}

Result<std::vector<Token>> RemoteStore::revoke_tokens(std::span<const TokenId> ids,
                                                      core::Time /*now*/) {
  if (ids.empty()) {
    return {};
  }
  return connection_.ask(revocation("/v1/tokens/revoke", ids, ""), [&](const Json& json) {
    return check_revoked(ids, read_list(member(json, "tokens"), read_token));
  });
}

}  // namespace nexakey::store::http
