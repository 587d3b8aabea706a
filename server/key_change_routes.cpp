// Changing keys.

#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Key;
using core::KeyId;
using core::Result;

/// Reads a new key. The client chose its id, so that a repeated request creates it once.
Result<Key> read_new_key(const Call& call) {
  const auto json = core::parse_json(call.request.body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  if (json->is_object() && json->contains("damage")) {
    return core::reject("a new key has no member damage");
  }
  if (json->is_object() && json->contains("unconfirmed")) {
    return core::reject("only a rotation makes an unconfirmed key");
  }
  auto key = core::read_key(*json, core::Unknown::refused);
  if (key && key->id.to_string() != call.id()) {
    return core::reject("the id of the key is not the one of the path");
  }
  return key;
}

std::vector<KeyId> relatives_of(const Key& key) {
  std::vector<KeyId> relatives;
  for (const auto& relative : {key.rotated_from, key.superseded_by}) {
    if (relative) {
      relatives.push_back(*relative);
    }
  }
  return relatives;
}

/// The id in the path. Error: `not_found`, if the call cannot reach the key.
Result<KeyId> reach_id(const Call& call) {
  auto id = read_key_id(call.id());
  if (!id) {
    return id;
  }
  const auto is_in_reach = check_in_reach(call, std::span(&*id, 1));
  return is_in_reach ? id : tl::unexpected(is_in_reach.error());
}

/// The mode by the parameters `unless_named` and `unique`.
Result<store::CreateMode> take_mode(core::Query& query) {
  const auto unless_named = core::take_flag(query, "unless_named");
  if (!unless_named) {
    return tl::unexpected(unless_named.error());
  }
  const auto unique = core::take_flag(query, "unique");
  if (!unique) {
    return tl::unexpected(unique.error());
  }
  if (*unless_named && *unique) {
    return core::reject("both unless_named and unique are given", "name one of them");
  }
  return *unless_named ? store::CreateMode::unless_named
         : *unique     ? store::CreateMode::unique
                       : store::CreateMode::always;
}

}  // namespace

Result<HttpResponse> put_key(Call& call) {
  const auto mode = take_mode(call.query);
  if (!mode) {
    return tl::unexpected(mode.error());
  }
  if (auto rest = call.query.check_taken(); !rest) {
    return tl::unexpected(std::move(rest.error()));
  }
  const auto key = read_new_key(call);
  if (!key) {
    return tl::unexpected(key.error());
  }
  std::optional<std::string> workspace = key->workspace;
  if (auto confined = restrict_workspace(call, workspace); !confined) {
    return tl::unexpected(std::move(confined.error()));
  }
  const std::vector<KeyId> relatives = relatives_of(*key);
  if (!relatives.empty() && call.request.resolved.token->role == core::Role::creator) {
    return core::fail(core::ErrorCode::forbidden,
                      "the role creator makes new keys, and no successors of others",
                      "use a token with the role rotator or admin");
  }
  if (auto in_reach = check_in_reach(call, relatives); !in_reach) {
    return tl::unexpected(std::move(in_reach.error()));
  }
  const auto created = call.store.as(call.actor).create(*key, *mode, call.now);
  if (!created) {
    return tl::unexpected(created.error());
  }
  return key_response(*created, call.now);
}

Result<HttpResponse> change_key(Call& call) {
  const auto json = core::parse_json(call.request.body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  const auto change = core::read_change(*json);
  if (!change) {
    return tl::unexpected(change.error());
  }
  const auto id = reach_id(call);
  if (!id) {
    return tl::unexpected(id.error());
  }
  const auto key = call.store.as(call.actor).update(*id, *change, call.now);
  if (!key) {
    return tl::unexpected(key.error());
  }
  return *key ? Result<HttpResponse>(key_response(**key, call.now))
              : tl::unexpected(no_such_key(call.id()));
}

Result<HttpResponse> rotate_key(Call& call) {
  const auto json = core::parse_json(call.request.body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  const auto rotation = core::read_rotation(*json);
  if (!rotation) {
    return tl::unexpected(rotation.error());
  }
  const auto id = reach_id(call);
  if (!id) {
    return tl::unexpected(id.error());
  }
  const auto rotated = call.store.as(call.actor).rotate(*id, *rotation, call.now);
  if (!rotated) {
    return tl::unexpected(rotated.error());
  }
  if (!*rotated) {
    return tl::unexpected(no_such_key(call.id()));
  }
  return json_response([&](core::JsonWriter& json_writer) {
    json_writer.begin_object().name("key");
    core::write_key_record(json_writer, (*rotated)->successor, call.now);
    json_writer.name("previous");
    core::write_key_record(json_writer, (*rotated)->previous, call.now);
    json_writer.end_object();
  });
}

}  // namespace nexakey::server
