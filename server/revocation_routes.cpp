// Revoking keys.

#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Key;
using core::KeyId;
using core::Result;

struct Revocation {
  std::vector<KeyId> ids;
  std::string reason;
};

Result<Revocation> read_revocation(const std::string& body) {
  const auto json = core::parse_json(body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  auto read = core::read_revocation(*json);
  if (!read) {
    return tl::unexpected(std::move(read.error()));
  }
  Revocation revocation{.ids = {}, .reason = std::move(read->reason)};
  for (const std::string& text : read->ids) {
    const auto id = read_key_id(text);
    if (!id) {
      return tl::unexpected(id.error());
    }
    revocation.ids.push_back(*id);
  }
  return revocation;
}

/// `return=ids`: the response has the ids of the keys instead of their records.
Result<bool> take_return(core::Query& query) {
  const auto form = query.take("return");
  if (!form) {
    return tl::unexpected(form.error());
  }
  if (*form && **form != "ids") {
    return core::reject("return can only be ids");
  }
  const auto rest = query.check_taken();
  return rest ? Result<bool>(form->has_value()) : tl::unexpected(rest.error());
}

}  // namespace

Result<HttpResponse> revoke_keys(Call& call) {
  const auto only_ids = take_return(call.query);
  if (!only_ids) {
    return tl::unexpected(only_ids.error());
  }
  const auto revocation = read_revocation(call.request.body);
  if (!revocation) {
    return tl::unexpected(revocation.error());
  }
  if (auto in_reach = check_in_reach(call, revocation->ids); !in_reach) {
    return tl::unexpected(std::move(in_reach.error()));
  }
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  json.begin_object().name(*only_ids ? "ids" : "keys").begin_array();
  const auto write = [&](std::span<const Key> keys) {
    for (const Key& key : keys) {
      if (*only_ids) {
        json.plain(key.id.to_string());
      } else {
        core::write_key_record(json, key, call.now);
      }
    }
    return true;
  };
  const auto revoked =
      call.store.as(call.actor).revoke(revocation->ids, revocation->reason, call.now, write);
  if (!revoked) {
    return tl::unexpected(revoked.error());
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

Result<HttpResponse> revoke_self(Call& call) {
  if (!call.request.body.empty()) {
    const auto json = core::parse_json(call.request.body);
    if (!json) {
      return tl::unexpected(json.error());
    }
    if (!json->is_object() || !json->empty()) {
      return core::reject("this request has no members");
    }
  }
  const core::KeyHash hash = *call.request.resolved.credential;
  const auto found = look_up(call, std::span(&hash, 1));
  if (!found) {
    return tl::unexpected(found.error());
  }
  const auto& key = found->front();
  if (!key) {
    return problem(401, {core::ErrorCode::forbidden, "the key is not known", ""});
  }
  core::Actor holder{.name = key->id.to_string(), .source = call.request.head.peer.to_string()};
  const auto revoked = call.store.as(std::move(holder))
                           .revoke(std::span(&key->id, 1), "revoked by its holder", call.now);
  if (!revoked) {
    return tl::unexpected(revoked.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("key");
    core::write_key(json, revoked->front(), call.now);
    json.end_object();
  });
}

}  // namespace nexakey::server
