// Look-ups of keys by their ids and hashes: POST /v1/keys/find. A server of an earlier version does
// not know it, and is asked for a list for each key.

#include <algorithm>
#include <iterator>

#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::Key;
using core::KeyHash;
using core::KeyId;
using core::reject;
using Found = RemoteStore::Found;

// What names a key: its id or its hash.
std::string text_of(KeyId id) { return id.to_string(); }
std::string text_of(const KeyHash& hash) { return core::to_hex(hash); }
bool has_name(const Key& key, KeyId id) { return key.id == id; }
bool has_name(const Key& key, const KeyHash& hash) { return key.hash == hash; }
core::KeyFilter filter_of(KeyId id) { return {.ids = core::KeyIdRange{id, id}}; }
core::KeyFilter filter_of(const KeyHash& hash) { return {.hash = hash}; }

/// `kind`: "ids" or "hashes".
template <typename Name>
Call look_up(const char* kind, std::span<const Name> names) {
  auto body = written([&](core::JsonWriter& json) {
    json.begin_object().name(kind).begin_array();
    for (const Name& name : names) {
      json.plain(text_of(name));
    }
    json.end_array().end_object();
  });
  return {.message = {.method = "POST", .target = "/v1/keys/find", .body = std::move(body)},
          .may_miss = true};  // an earlier version may not have this path
}

/// The keys of the first names, at least of one.
template <typename Name>
Result<Found> read_found(const Json& json, std::span<const Name> names) {
  const auto read = [](const Json& key) -> Result<std::optional<Key>> {
    return key.is_null() ? Result<std::optional<Key>>(std::nullopt) : read_key(key);
  };
  auto found = read_list(member(json, "keys"), read);
  if (!found) {
    return found;
  }
  if (found->empty() || found->size() > names.size()) {
    return reject("it has another number of keys than requested");
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (const auto& key = (*found)[i]; key && !has_name(*key, names[i])) {
      return reject("it has a key that was not requested");
    }
  }
  return found;
}

/// Whether a server refuses a look-up because it is of an earlier version: with 404 or 405.
bool is_unknown_path(const core::Error& error) {
  return error.code == core::ErrorCode::not_found || error.code == core::ErrorCode::usage;
}

}  // namespace

Result<Found> RemoteStore::find(std::span<const KeyId> ids) { return find_all("ids", ids); }

Result<Found> RemoteStore::find(std::span<const KeyHash> hashes) {
  return find_all("hashes", hashes);
}

template <typename Name>
Result<Found> RemoteStore::find_all(const char* kind, std::span<const Name> names) {
  Found found;
  while (found.size() < names.size()) {
    const auto rest = names.subspan(found.size());
    auto some = find_first(kind, rest.first(std::min(rest.size(), kMaxAtOnce)));
    if (!some) {
      return some;
    }
    std::ranges::move(*some, std::back_inserter(found));
  }
  return found;
}

/// The keys of as many of the first names as one reply has.
template <typename Name>
Result<Found> RemoteStore::find_first(const char* kind, std::span<const Name> names) {
  if (!is_older_) {
    auto found = client_.ask(look_up(kind, names),
                             [&](const Json& json) { return read_found(json, names); });
    if (found || !is_unknown_path(found.error())) {
      return found;
    }
    is_older_ = true;
  }
  return find_one(filter_of(names.front()));
}

/// The only key that matches, if there is one, by means of a list.
Result<Found> RemoteStore::find_one(const core::KeyFilter& filter) {
  Found found(1);
  return list(filter, {.limit = 1}, {},
              [&](const Key& key) {
                found.front() = key;
                return false;
              })
      .map([&](const std::optional<KeyId>& /*next*/) { return std::move(found); });
}

}  // namespace nexakey::store::http
