#include <utility>

#include "core/json.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/responses.h"

namespace nexakey::server {

using core::Result;

namespace {

/// Restricts a query, the last that is taken of the parameters, to what the call can reach.
template <typename Query>
Result<Query> restrict_query(Call& call, Result<Query> query) {
  if (!query) {
    return query;
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
  return query;
}

}  // namespace

Result<HttpResponse> show_peaks(Call& call) {
  const auto query = restrict_query(call, core::take_peak_query(call.query));
  if (!query) {
    return tl::unexpected(query.error());
  }
  const auto report = call.store.peaks(*query, call.now);
  if (!report) {
    return tl::unexpected(report.error());
  }
  return json_response([&](core::JsonWriter& json) { core::write_peaks(json, *report); });
}

Result<HttpResponse> show_usage(Call& call) {
  const auto query = restrict_query(call, core::take_usage_query(call.query));
  if (!query) {
    return tl::unexpected(query.error());
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
