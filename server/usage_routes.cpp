#include <utility>

#include "core/json.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/responses.h"

namespace nexakey::server {

using core::Result;

Result<HttpResponse> show_usage(Call& call) {
  auto query = core::take_usage_query(call.query);
  if (!query) {
    return tl::unexpected(std::move(query.error()));
  }
  if (auto confined = restrict_workspace(call, query->workspace); !confined) {
    return tl::unexpected(std::move(confined.error()));
  }
  if (auto rest = call.query.check_taken(); !rest) {
    return tl::unexpected(std::move(rest.error()));
  }
  if (query->key) {
    if (auto in_reach = check_in_reach(call, std::span(&*query->key, 1)); !in_reach) {
      return tl::unexpected(std::move(in_reach.error()));
    }
  }
  const auto report = call.store.usage(*query, call.now);
  if (!report) {
    return tl::unexpected(report.error());
  }
  return json_response(
      [&](core::JsonWriter& json) { core::write_usage(json, query->key, *report); });
}

Result<HttpResponse> list_workspaces(Call& call) {
  const auto names = call.store.workspaces();
  if (!names) {
    return tl::unexpected(names.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("workspaces").begin_array();
    for (const std::string& name : *names) {
      if (name == call.workspace.value_or(name)) {
        json.string(name);
      }
    }
    json.end_array().end_object();
  });
}

}  // namespace nexakey::server
