#include "server/open_routes.h"

#include "server/openapi.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

HttpResponse ok() {
  return json_response(
      [](core::JsonWriter& json) { json.begin_object().name("status").plain("ok").end_object(); });
}

}  // namespace

HttpResponse no_such_path() {
  return problem(
      {core::ErrorCode::not_found, "there is nothing at this path", "see nexakey-api(7)"});
}

HttpResponse show_openapi(const Metrics& /*metrics*/) {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "application/json");
  response.static_body = kOpenApi;
  return response;
}

HttpResponse show_health(const Metrics& /*metrics*/) { return ok(); }

HttpResponse show_metrics(const Metrics& metrics) {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = format_metrics(metrics, NEXAKEY_VERSION);
  return response;
}

HttpResponse probe(const core::Result<store::KeyStore*>& store) {
  if (!store) {
    return store_problem(store.error());
  }
  core::Request unknown;
  unknown.credential = core::Credential::key;  // one that the store must look up
  const auto decided = (*store)->verify({&unknown, 1}, {.counting = store::Counting::dry_run});
  return decided ? ok() : store_problem(decided.error());
}

}  // namespace nexakey::server
