// Changes of one key: PUT and PATCH /v1/keys/{id}, POST /v1/keys/{id}/rotate.

#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::Key;
using core::KeyId;
using core::reject;
using core::Rotated;
using core::Time;

/// Whether the store has the key as it was sent. Only the store knows when it was last used, and to
/// which line of rotations it belongs.
bool is_same(Key stored, const Key& sent) {
  stored.last_use = sent.last_use;
  stored.line = sent.line;
  return stored == sent;
}

/// The parameter of a PUT for a mode.
const char* parameter_of(CreateMode mode) {
  switch (mode) {
    case CreateMode::unless_named:
      return "?unless_named=true";
    case CreateMode::unique:
      return "?unique=true";
    case CreateMode::always:
      break;
  }
  return "";
}

Result<Key> read_created(const Json& json, const Key& sent, CreateMode mode) {
  auto created = read_key(member(json, "key"));
  if (!created) {
    return created;
  }
  const bool is_namesake = mode == CreateMode::unless_named && created->id != sent.id &&
                           created->name == sent.name && created->workspace == sent.workspace;
  return is_namesake || is_same(*created, sent) ? std::move(created)
                                                : reject("it is for another key");
}

Result<Rotated> read_rotated(const Json& json, KeyId id, const core::Rotation& rotation) {
  auto successor = read_key(member(json, "key"));
  if (!successor) {
    return tl::unexpected(std::move(successor.error()));
  }
  auto previous = read_key(member(json, "previous"));
  if (!previous) {
    return tl::unexpected(std::move(previous.error()));
  }
  // A successor that is staged or cancelled has not superseded its key.
  const bool is_confirmed = previous->superseded_by == successor->id;
  const bool is_it = previous->id == id && (is_confirmed || rotation.step) &&
                     successor->id == rotation.successor && successor->hash == rotation.hash &&
                     successor->rotated_from == id;
  if (!is_it) {
    return reject("it is for another rotation");
  }
  return Rotated{.successor = *std::move(successor), .previous = *std::move(previous)};
}

/// The result of a change of a key; nothing if the key is not found. `not_found` may also mean what
/// the change is to take from the key.
template <typename T>
Result<std::optional<T>> unless_missing(KeyStore& store, KeyId id,
                                        Result<std::optional<T>> changed) {
  if (changed || changed.error().code != core::ErrorCode::not_found) {
    return changed;
  }
  const auto found = store.find(std::span(&id, 1));
  if (!found) {
    return tl::unexpected(found.error());
  }
  return found->front() ? std::move(changed) : std::nullopt;
}

}  // namespace

Result<Key> RemoteStore::create(const Key& key, CreateMode mode, Time now) {
  const std::string id = key.id.to_string();
  const Call call{.message = {.method = "PUT",
                              .target = "/v1/keys/" + id + parameter_of(mode),
                              .body = written([&](core::JsonWriter& json) {
                                write_key_record(json, key, now);
                              })},
                  .may_miss = true,  // the key that it was rotated from
                  .remedy = "revoke " + id + ", if it is there, and run the command again"};
  return client_.ask(call, [&](const Json& json) { return read_created(json, key, mode); });
}

Result<std::optional<Key>> RemoteStore::update(KeyId id, const core::KeyChange& change,
                                               Time /*now*/) {
  const Call call{
      .message = {.method = "PATCH",
                  .target = "/v1/keys/" + id.to_string(),
                  .body = written([&](core::JsonWriter& json) { write_change(json, change); })},
      .repeat = Repeat::never,
      .may_miss = true,
      .remedy = kRunAgain};
  auto changed = client_.ask(call, [&](const Json& json) -> Result<std::optional<Key>> {
    auto key = read_key(member(json, "key"));
    return !key || key->id == id ? std::move(key) : reject("it is for another key");
  });
  return unless_missing(*this, id, std::move(changed));
}

Result<std::optional<Rotated>> RemoteStore::rotate(KeyId id, const core::Rotation& rotation,
                                                   Time /*now*/) {
  const Call call{
      .message = {.method = "POST",
                  .target = "/v1/keys/" + id.to_string() + "/rotate",
                  .body = written([&](core::JsonWriter& json) { write_rotation(json, rotation); })},
      .may_miss = true,
      .remedy = "check whether nexakey show " + id.to_string() + " has a successor"};
  auto rotated = client_.ask(call, [&](const Json& json) -> Result<std::optional<Rotated>> {
    return read_rotated(json, id, rotation);
  });
  return unless_missing(*this, id, std::move(rotated));
}

}  // namespace nexakey::store::http
