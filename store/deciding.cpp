#include "store/deciding.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/endpoint.h"
#include "store/arrange.h"

namespace nexakey::store {
namespace {

using core::Key;
using core::Time;

/// Counts one request of a key under its endpoint, or under core::kOtherEndpoints if the key has
/// too many endpoints on that day.
void count(DecidingTables& tables, const Key& key, std::string endpoint, int status, Time now) {
  const auto known = tables.endpoints_of(key.id, core::start_of_day(now));
  if (!known.contains(endpoint) && known.size() >= core::kEndpointsPerDay) {
    endpoint = core::kOtherEndpoints;
  }
  core::KeyUsage row{.key = key.id,
                     .hour = core::start_of_hour(now),
                     .endpoint = std::move(endpoint),
                     .status = status,
                     .requests = 0};
  row.requests = tables.counts_of({&row, 1}).front() + 1;
  tables.set_counts({&row, 1});
}

/// The log of a key, with room for one more request if its windows have any.
Window window_of(DecidingTables& tables, const Key& key, core::Tick tick) {
  const core::Windows windows = key.windows();
  const core::Tick longest = std::chrono::seconds(longest_of(windows));
  Window window = tables.window(key.id);
  if (window.ring.empty()) {
    window.ring.assign(1, -longest);
  }
  if (core::is_short({window.count, window.ring}, windows, tick)) {
    std::vector<core::Tick> larger(2 * window.ring.size(), -longest);
    core::SlidingWindow(window.count, window.ring).copy_to(larger, tick, longest);
    window.ring = std::move(larger);
  }
  return window;
}

/// The counters of the quotas of a key, from its counts.
struct Quotas {
  Quotas(DecidingTables& tables, const Key& key, Time now)
      : day(core::QuotaCounters::day_of(now)),
        day_count(tables.admitted_since(key.first_of_line(), core::start_of_day(now))),
        month_count(tables.admitted_since(key.first_of_line(), core::start_of_month(now))) {}

  std::uint32_t day;
  std::uint64_t day_count;
  std::uint64_t month_count;
};

Verification decide_one(DecidingTables& tables, const core::Request& request,
                        const VerifyOptions& options, core::Tick tick) {
  const bool is_dry_run = options.counting == Counting::dry_run;
  const Time now = core::system_time();
  std::optional<Key> key;
  if (request.credential == core::Credential::key) {
    key = find(tables, std::span(&request.key_hash, 1)).front();
  }
  std::optional<Window> window;
  std::optional<Quotas> quotas;
  std::optional<core::KeyWindows> view;
  if (key && key->is_active(now)) {
    window = window_of(tables, *key, tick);
    view.emplace(core::KeyWindows{.log = {window->count, window->ring}, .quotas = std::nullopt});
    if (key->limits.has_quota()) {
      quotas.emplace(tables, *key, now);
      view->quotas.emplace(quotas->day, quotas->day_count, quotas->month_count);
    }
  }
  Verification verification;
  const Key* const known = key ? &*key : nullptr;
  verification.decision =
      core::decide(request, known, view ? &*view : nullptr, now, tick, is_dry_run);
  if (options.explain) {
    verification.checks = core::explain(request, known, verification.decision, now);
  }
  if (verification.decision.is_counted() && !is_dry_run) {
    if (window) {
      tables.set_window(key->id, *window);
    }
    for (const auto& [limit, remaining, reset_at, reset_in] : verification.decision.limits) {
      if (!is_quota(limit.window) && remaining < limit.requests) {
        tables.raise_peak(key->id, {.hour = core::start_of_hour(now),
                                    .window_seconds = seconds_of(limit.window),
                                    .requests = limit.requests - remaining});
      }
    }
    count(tables, *key, core::endpoint_of(request.method, request.path),
          core::counted_status(verification.decision.reason), now);
    key->last_use = {.at = now, .ip = request.ip};
    tables.set_last_used({&*key, 1});
  }
  return verification;
}

}  // namespace

std::vector<Verification> decide(DecidingTables& tables, std::span<const core::Request> requests,
                                 const VerifyOptions& options, core::Tick tick) {
  std::vector<Verification> verifications;
  for (const core::Request& request : requests) {
    verifications.push_back(decide_one(tables, request, options, tick));
  }
  return verifications;
}

void count(DecidingTables& tables, std::span<const core::UpstreamResponse> responses) {
  const Time now = core::system_time();
  for (const core::UpstreamResponse& response : responses) {
    const auto key = find_one(tables, response.key);
    if (key && response.workspace.value_or(key->workspace) == key->workspace) {
      count(tables, *key, core::endpoint_of(response.method, response.path),
            core::kUpstreamStatus + response.status, now);
    }
  }
}

}  // namespace nexakey::store
