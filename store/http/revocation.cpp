// Revocations and purges: POST /v1/keys/revoke, /v1/keys/purge and /v1/tokens/revoke.

#include <algorithm>
#include <iterator>

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

/// So many records fit into a reply, whatever their size.
constexpr std::size_t kMaxRecords = core::kMaxJsonSize / core::kMaxRecordSize;

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

constexpr const char* kNotRevoked = "not every requested revocation is in it";

/// What was revoked; an error if these are not the things with these ids, in this order, or if one
/// is not revoked.
template <typename Id, typename T>
Result<std::vector<T>> check_revoked(std::span<const Id> ids, Result<std::vector<T>> revoked) {
  const bool is_it = !revoked || std::ranges::equal(ids, *revoked, [](Id id, const T& thing) {
    return thing.id == id && thing.revoked_at;
  });
  return is_it ? std::move(revoked) : core::reject(kNotRevoked);
}

/// Checks the ids that `?return=ids` gives in place of records.
Result<void> check_ids(const Json& json, std::span<const KeyId> ids) {
  const bool is_it =
      json.is_array() && std::ranges::equal(ids, json, [](KeyId id, const Json& text) {
        return text == Json(id.to_string());
      });
  return is_it ? Result<void>() : core::reject(kNotRevoked);
}

/// What a step of a purge of these keys did.
Result<PurgeStep> read_step(const Json& json, std::span<const KeyId> ids) {
  const Json& done = member(json, "done");
  if (!done.is_number_unsigned() || done.get<std::size_t>() > ids.size()) {
    return core::reject("it is for other keys");
  }
  auto purged = read_list(member(json, "ids"), [&](const Json& text) -> Result<KeyId> {
    const auto id = text.is_string() ? KeyId::parse(text.get<std::string>()) : std::nullopt;
    return id && std::ranges::find(ids, *id) != ids.end()
               ? Result<KeyId>(*id)
               : core::reject("a key in it was not asked for");
  });
  return purged.map([&](std::vector<KeyId> keys) {
    return PurgeStep{.purged = std::move(keys), .done = done.get<std::size_t>()};
  });
}

}  // namespace

Result<void> RemoteStore::revoke(std::span<const KeyId> ids, const std::string& reason,
                                 core::Time /*now*/,
                                 const std::function<bool(std::span<const Key>)>& visit) {
  const auto find_existing = [&](std::span<const KeyId> some) {
    return find(some).map([](const std::vector<std::optional<Key>>& keys) {
      std::vector<KeyId> ids_found;
      for (const auto& key : keys) {
        if (key) {
          ids_found.push_back(key->id);
        }
      }
      return ids_found;
    });
  };
  // A request has so few keys that it need not be cut short when its time is over.
  const auto revoke_some = [&](std::span<const KeyId> some, const auto& /*is_over*/) {
    return revoke_at_once(some, reason);
  };
  return revoke_in_bulk(ids, kMaxAtOnce, find_existing, revoke_some, visit);
}

/// Revokes keys with one request, which takes all of them or none.
Result<std::vector<Key>> RemoteStore::revoke_at_once(std::span<const KeyId> ids,
                                                     const std::string& reason) {
  if (ids.size() > kMaxRecords && !is_older_) {
    const Call call = revocation("/v1/keys/revoke?return=ids", ids, reason);
    const auto revoked =
        client_.ask(call, [&](const Json& json) { return check_ids(member(json, "ids"), ids); });
    if (revoked) {
      return find_revoked(ids);
    }
    // An earlier version refuses the parameter, and revokes nothing.
    if (revoked.error().code != core::ErrorCode::usage) {
      return tl::unexpected(revoked.error());
    }
  }
  return client_.ask(revocation("/v1/keys/revoke", ids, reason), [&](const Json& json) {
    return check_revoked(ids, read_list(member(json, "keys"), read_key));
  });
}

/// The records of keys that were revoked.
Result<std::vector<Key>> RemoteStore::find_revoked(std::span<const KeyId> ids) {
  const auto found = find(ids).and_then([&](Found keys) {
    std::vector<Key> revoked;
    for (std::optional<Key>& key : keys) {
      if (key) {
        revoked.push_back(*std::move(key));
      }
    }
    return check_revoked(ids, Result<std::vector<Key>>(std::move(revoked)));
  });
  return found.map_error([](core::Error error) {
    error.message = "the keys are revoked, but cannot be shown: " + error.message;
    error.hint = kRunAgain;
    return error;
  });
}

Result<PurgeStep> RemoteStore::purge_step(std::span<const KeyId> ids,
                                          const core::PurgeOptions& options, core::Time /*now*/) {
  ids = ids.first(std::min(ids.size(), kMaxAtOnce));
  core::Purge purge{.ids = {},
                    .ended_before = options.ended_before,
                    .workspace = options.workspace,
                    .dry_run = options.dry_run};
  std::ranges::transform(ids, std::back_inserter(purge.ids),
                         [](KeyId id) { return id.to_string(); });
  // A second request could not tell which keys the first one has purged.
  const Call call{
      .message = {.method = "POST",
                  .target = "/v1/keys/purge",
                  .body = written([&](core::JsonWriter& json) { write_purge(json, purge); })},
      .repeat = Repeat::never,
      .remedy = kRunAgain};
  return client_.ask(call, [&](const Json& json) { return read_step(json, ids); });
}

Result<std::vector<Token>> RemoteStore::revoke_tokens(std::span<const TokenId> ids,
                                                      core::Time /*now*/) {
  if (ids.empty()) {
    return {};
  }
  return client_.ask(revocation("/v1/tokens/revoke", ids, ""), [&](const Json& json) {
    return check_revoked(ids, read_list(member(json, "tokens"), read_token));
  });
}

}  // namespace nexakey::store::http
