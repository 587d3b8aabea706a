// Look-ups of keys by their ids and hashes.

#include "store/http/remote_store.h"

namespace nexakey::store::http {

using core::Key;
using core::KeyId;

Result<std::optional<Key>> RemoteStore::find_one(const core::KeyFilter& filter) {
  std::optional<Key> found;
  return list(filter, {.limit = 1}, {},
              [&](const Key& key) {
                found = key;
                return false;
              })
      .map([&](const std::optional<KeyId>& /*next*/) { return std::move(found); });
}

Result<std::vector<std::optional<Key>>> RemoteStore::find(std::span<const KeyId> ids) {
  std::vector<std::optional<Key>> keys;
  for (const KeyId id : ids) {
    auto found = find_one({.ids = core::KeyIdRange{id, id}});
    if (!found) {
      return tl::unexpected(std::move(found.error()));
    }
    keys.push_back(*std::move(found));
  }
  return keys;
}

Result<std::vector<std::optional<Key>>> RemoteStore::find(std::span<const core::KeyHash> hashes) {
  std::vector<std::optional<Key>> keys;
  for (const core::KeyHash& hash : hashes) {
    auto found = find_one({.hash = hash});
    if (!found) {
      return tl::unexpected(std::move(found.error()));
    }
    keys.push_back(*std::move(found));
  }
  return keys;
}

}  // namespace nexakey::store::http
