// Purging keys, step by step.

#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::KeyId;
using core::Result;

Result<core::Purge> read_purge(const Call& call) {
  const auto json = core::parse_json(call.request.body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  auto purge = core::read_purge(*json);
  if (!purge) {
    return purge;
  }
  if (purge->ids.size() > store::kMaxAtOnce) {
    return core::reject("a purge has at most " + std::to_string(store::kMaxAtOnce) + " ids");
  }
  if (purge->ended_before > call.now) {
    return core::reject("ended_before is in the future");
  }
  return restrict_workspace(call, purge->workspace).map([&] { return *std::move(purge); });
}

}  // namespace

Result<HttpResponse> purge_keys(Call& call) {
  auto purge = read_purge(call);
  if (!purge) {
    return tl::unexpected(std::move(purge.error()));
  }
  std::vector<KeyId> ids;
  for (const std::string& text : purge->ids) {
    const auto id = read_key_id(text);
    if (!id) {
      return tl::unexpected(id.error());
    }
    ids.push_back(*id);
  }
  const core::PurgeOptions options{.ended_before = purge->ended_before,
                                   .workspace = std::move(purge->workspace),
                                   .dry_run = purge->dry_run};
  const auto step = call.store.as(call.actor).purge_step(ids, options, call.now);
  if (!step) {
    return tl::unexpected(step.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("ids").begin_array();
    for (const KeyId id : step->purged) {
      json.plain(id.to_string());
    }
    json.end_array().name("done").number(step->done).end_object();
  });
}

}  // namespace nexakey::server
