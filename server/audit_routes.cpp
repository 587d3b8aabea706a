#include <utility>

#include "core/json.h"
#include "server/confine.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Result;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMaxPage = 1000;

Result<HttpResponse> write_entries(const Call& call, const core::AuditFilter& filter,
                                   std::size_t limit) {
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  json.begin_object().name("entries").begin_array();
  return call.store
      .audit(filter, limit,
             [&](const core::AuditEntry& entry) {
               core::write_audit_entry(json, entry);
               return true;
             })
      .map([&](const std::optional<std::int64_t>& next) {
        json.end_array().name("next_cursor");
        if (next) {
          json.number(*next);
        } else {
          json.null();
        }
        json.end_object();
        response.body += '\n';
        return std::move(response);
      });
}

}  // namespace

Result<HttpResponse> list_audit(Call& call) {
  core::AuditFilter filter;
  return core::take_audit_filter(call.query)
      .and_then([&](core::AuditFilter taken) {
        filter = std::move(taken);
        return confine(call, filter.workspace);
      })
      .and_then([&] { return core::take_number(call.query, "limit", 1, kMaxPage); })
      .and_then([&](const std::optional<std::uint64_t>& limit) {
        return call.query.check_taken().and_then(
            [&] { return write_entries(call, filter, limit.value_or(kDefaultPage)); });
      });
}

Result<HttpResponse> show_audit_head(Call& call) {
  return check_unconfined(call, "the head of the audit log is")
      .and_then([&] { return call.query.check_taken(); })
      .and_then([&] { return call.store.audit_head(); })
      .map([](const core::AuditHead& head) {
        return json_response([&](core::JsonWriter& json) {
          json.begin_object().name("head");
          core::write_audit_head(json, head);
          json.end_object();
        });
      });
}

}  // namespace nexakey::server
