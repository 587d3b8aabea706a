#include "server/key_lookup.h"

#include <utility>

#include "core/json.h"
#include "core/text.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Key;
using core::KeyId;
using core::Result;
using Found = std::vector<std::optional<Key>>;

/// Empties the places of keys that are outside of the workspace of the call.
Result<Found> drop_unreachable(const Call& call, Result<Found> found) {
  if (found && call.workspace) {
    for (std::optional<Key>& key : *found) {
      if (key && key->workspace != *call.workspace) {
        key.reset();
      }
    }
  }
  return found;
}

}  // namespace

core::Error no_such_key(const std::string& id) {
  return {core::ErrorCode::not_found, "no key " + core::quote(id), ""};
}

Result<KeyId> read_key_id(const std::string& text) {
  const auto id = KeyId::parse(text);
  return id ? Result<KeyId>(*id) : tl::unexpected(no_such_key(text));
}

Result<Found> look_up(const Call& call, std::span<const KeyId> ids) {
  return drop_unreachable(call, call.store.find(ids));
}

Result<Found> look_up(const Call& call, std::span<const core::KeyHash> hashes) {
  return drop_unreachable(call, call.store.find(hashes));
}

Result<void> check_in_reach(const Call& call, std::span<const KeyId> ids) {
  if (!call.workspace) {
    return {};  // the store reports those that do not exist
  }
  const auto found = look_up(call, ids);
  if (!found) {
    return tl::unexpected(found.error());
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!(*found)[i]) {
      return tl::unexpected(no_such_key(ids[i].to_string()));
    }
  }
  return {};
}

HttpResponse key_response(const Key& key, core::Time now) {
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("key");
    core::write_key_record(json, key, now);
    json.end_object();
  });
}

}  // namespace nexakey::server
