// What happened: GET /v1/usage, /v1/usage/peaks, /v1/audit and /v1/audit/head.

#include <algorithm>
#include <utility>

#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::AuditEntry;
using core::Json;
using core::reject;

struct AuditPage {
  std::vector<AuditEntry> entries;
  std::optional<std::int64_t> next;
};

/// A page of what was asked for: the oldest `limit` entries that the filter selects, with the last
/// one as the cursor.
Result<AuditPage> read_page(const Json& json, const core::AuditFilter& filter, std::size_t limit) {
  auto entries = read_list(member(json, "entries"), core::read_audit_entry);
  if (!entries) {
    return tl::unexpected(std::move(entries.error()));
  }
  std::int64_t last = filter.after;
  for (const AuditEntry& entry : *entries) {
    if (entry.number <= std::exchange(last, entry.number) || !filter.matches(entry)) {
      return reject("it has entries that were not requested or are out of order");
    }
  }
  const Json& next = member(json, "next_cursor");
  if (entries->size() > limit || !(next.is_null() || (!entries->empty() && next == last))) {
    return reject("it has too many entries, or its next_cursor is not the last one");
  }
  if (filter.last && entries->size() >= *filter.last &&
      (entries->size() > *filter.last || !next.is_null())) {
    return reject("it has more entries than the last ones that were requested");
  }
  return AuditPage{.entries = *std::move(entries),
                   .next = next.is_null() ? std::nullopt : std::optional(last)};
}

std::string target_of(const core::AuditFilter& filter, std::size_t limit) {
  core::Query query;
  core::add_audit_filter(query, filter);
  query.add("limit", std::to_string(limit));
  return target("/v1/audit", query);
}

}  // namespace

Result<core::UsageReport> RemoteStore::usage(const core::UsageQuery& query, core::Time /*now*/) {
  core::Query parameters;
  core::add_usage_query(parameters, query);
  return client_.ask(
      get(target("/v1/usage", parameters)), [&](const Json& json) -> Result<core::UsageReport> {
        const Json& key = member(json, "key_id");
        const bool is_it = query.key ? key == Json(query.key->to_string()) : key.is_null();
        return is_it ? core::read_usage(json, query.by) : reject("it is for another key");
      });
}

Result<core::PeakReport> RemoteStore::peaks(const core::PeakQuery& query, core::Time /*now*/) {
  core::Query parameters;
  core::add_peak_query(parameters, query);
  return client_.ask(
      get(target("/v1/usage/peaks", parameters)),
      [&](const Json& json) -> Result<core::PeakReport> {
        auto report = core::read_peaks(json);
        const bool is_it =
            !report || (report->peaks.size() <= query.top &&
                        std::ranges::all_of(report->peaks, [&](const core::KeyPeak& peak) {
                          return peak.key == query.key.value_or(peak.key);
                        }));
        return is_it ? std::move(report) : reject("it has peaks that were not requested");
      });
}

Result<std::optional<std::int64_t>> RemoteStore::audit(
    const core::AuditFilter& filter, std::size_t limit,
    const std::function<bool(const AuditEntry&)>& visit) {
  core::AuditFilter rest = filter;
  const bool has_all_last = filter.last && *filter.last <= limit;
  limit = std::min(limit, filter.last.value_or(limit));
  while (limit > 0) {
    const std::size_t wanted = std::min(limit, core::kMaxPage);
    const auto page = client_.ask(get(target_of(rest, wanted)),
                                  [&](const Json& json) { return read_page(json, rest, wanted); });
    if (!page) {
      return tl::unexpected(page.error());
    }
    for (const AuditEntry& entry : page->entries) {
      if (!visit(entry)) {
        return std::nullopt;
      }
    }
    if (!page->next) {
      return std::nullopt;
    }
    rest.after = *page->next;
    rest.last.reset();  // the first page has shown where they begin
    limit -= page->entries.size();
  }
  return has_all_last ? std::nullopt : std::optional(rest.after);
}

Result<core::AuditHead> RemoteStore::audit_head() {
  return client_.ask(get("/v1/audit/head"),
                     [](const Json& json) { return core::read_audit_head(member(json, "head")); });
}

}  // namespace nexakey::store::http
