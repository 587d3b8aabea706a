#include <algorithm>
#include <utility>

#include "core/json.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/page.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Result;

Result<HttpResponse> write_entries(const Call& call, const core::AuditFilter& filter,
                                   std::size_t limit) {
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  json.begin_object().name("entries").begin_array();
  const auto next = call.store.audit(filter, limit, [&](const core::AuditEntry& entry) {
    core::write_audit_entry(json, entry);
    return true;
  });
  if (!next) {
    return tl::unexpected(next.error());
  }
  json.end_array().name("next_cursor");
  if (*next) {
    json.number(**next);
  } else {
    json.null();
  }
  json.end_object();
  response.body += '\n';
  return response;
}

}  // namespace

Result<HttpResponse> list_audit(Call& call) {
  auto filter = core::take_audit_filter(call.query);
  if (!filter) {
    return tl::unexpected(std::move(filter.error()));
  }
  if (auto confined = restrict_workspace(call, filter->workspace); !confined) {
    return tl::unexpected(std::move(confined.error()));
  }
  // The last entries fit on one page, as far as one can have them.
  const auto limit =
      take_limit(call.query, std::min(filter->last.value_or(kDefaultLimit), core::kMaxPage));
  if (!limit) {
    return tl::unexpected(limit.error());
  }
  if (auto rest = call.query.check_taken(); !rest) {
    return tl::unexpected(std::move(rest.error()));
  }
  return write_entries(call, *filter, *limit);
}

Result<HttpResponse> show_audit_head(Call& call) {
  if (auto unconfined = check_unconfined(call, "the head of the audit log is"); !unconfined) {
    return tl::unexpected(std::move(unconfined.error()));
  }
  const auto head = call.store.audit_head();
  if (!head) {
    return tl::unexpected(head.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("head");
    core::write_audit_head(json, *head);
    json.end_object();
  });
}

}  // namespace nexakey::server
