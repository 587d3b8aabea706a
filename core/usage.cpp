#include "core/usage.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "core/peaks.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr int kFirstErrorStatus = 400;
constexpr int kTooManyRequests = 429;
constexpr std::size_t kDateLength = 10;  // of 2026-11-24
constexpr std::size_t kHourLength = 13;  // of 2026-11-24T12
/// The reason of denials that were counted without one.
constexpr std::string_view kUnspecified = "unspecified";

constexpr std::array<std::pair<Grouping, std::string_view>, 6> kGroupings{
    {{Grouping::endpoint, "endpoint"},
     {Grouping::day, "day"},
     {Grouping::hour, "hour"},
     {Grouping::status, "status"},
     {Grouping::reason, "reason"},
     {Grouping::key, "key"}}};

constexpr std::array<std::pair<UsageOrder, std::string_view>, 4> kOrders{
    {{UsageOrder::requests, "requests"},
     {UsageOrder::errors, "errors"},
     {UsageOrder::denied, "denied"},
     {UsageOrder::rate_limited, "rate_limited"}}};

template <typename Names, typename Value>
constexpr std::string_view name_in(const Names& names, Value value) {
  return std::ranges::find(names, value, &Names::value_type::first)->second;
}

/// The value with this name, or an error that says what cannot be done by it.
template <typename Value, std::size_t kCount>
Result<Value> value_in(const std::array<std::pair<Value, std::string_view>, kCount>& names,
                       std::string_view name, const std::string& problem, const char* hint) {
  const auto* const found =
      std::ranges::find(names, name, &std::pair<Value, std::string_view>::second);
  return found == names.end() ? reject(problem + quote(name), hint) : Result<Value>(found->first);
}

std::string reason_in(int status) {
  if (const auto reason = denial_of(status)) {
    return std::string(name_of(*reason));
  }
  return std::string(status < kFirstErrorStatus ? name_of(Reason::allowed) : kUnspecified);
}

std::string status_in(int counted) {
  const int status = plain_status(counted);
  return status < kUpstreamStatus ? std::to_string(status)
                                  : "upstream " + std::to_string(status - kUpstreamStatus);
}

/// Nothing: the row is in no group.
std::optional<std::string> group_of(const UsageRow& row, Grouping by) {
  switch (by) {
    case Grouping::endpoint:
      return std::string(row.endpoint);
    case Grouping::day:
      return name_of_day(row.hour);
    case Grouping::hour:
      return row.grain == Grain::day ? name_of_day(row.hour) : name_of_hour(row.hour);
    case Grouping::status:
      return status_in(row.status);
    case Grouping::reason:
      return is_decision(row.status) ? std::optional(reason_in(row.status)) : std::nullopt;
    case Grouping::key:
      break;
  }
  return row.key.value_or(KeyId()).to_string();
}

std::uint64_t number_of(const Counts& counts, UsageOrder order) {
  switch (order) {
    case UsageOrder::requests:
      return counts.requests;
    case UsageOrder::errors:
      return counts.errors();
    case UsageOrder::denied:
      return counts.denied;
    case UsageOrder::rate_limited:
      break;
  }
  return counts.rate_limited;
}

}  // namespace

int counted_status(Reason reason) {
  return reason == Reason::allowed ? status_of(reason) : kDeniedStatus + number_of(reason);
}

bool is_decision(int status) { return status < kUpstreamStatus || status >= kDeniedStatus; }

std::optional<Reason> denial_of(int status) {
  return status < kDeniedStatus ? std::nullopt : reason_of(status - kDeniedStatus);
}

int plain_status(int status) {
  const auto reason = denial_of(status);
  return reason ? status_of(*reason) : status;
}

void Counts::add(int counted, std::uint64_t count) {
  const int status = plain_status(counted);
  if (status >= kUpstreamStatus) {
    add({.upstream_errors = status >= kUpstreamStatus + kFirstErrorStatus ? count : 0});
  } else {
    add({.requests = count,
         .denied = status >= kFirstErrorStatus ? count : 0,
         .rate_limited = status == kTooManyRequests ? count : 0});
  }
}

void Counts::add(const Counts& other) {
  requests = add_counts(requests, other.requests);
  denied = add_counts(denied, other.denied);
  rate_limited = add_counts(rate_limited, other.rate_limited);
  upstream_errors = add_counts(upstream_errors, other.upstream_errors);
}

std::string_view name_of(Grouping grouping) { return name_in(kGroupings, grouping); }

Result<Grouping> parse_grouping(std::string_view name) {
  return value_in(kGroupings, name, "usage cannot be grouped by ",
                  "use endpoint, day, hour, status, reason or key");
}

std::string name_of_day(Time time) { return format_time(time).substr(0, kDateLength); }

std::string name_of_hour(Time time) { return format_time(time).substr(0, kHourLength) + ":00:00Z"; }

std::string_view name_of(UsageOrder order) { return name_in(kOrders, order); }

Result<UsageOrder> parse_usage_order(std::string_view name) {
  return value_in(kOrders, name, "usage cannot be sorted by ",
                  "use requests, errors, denied or rate_limited");
}

double UsageReport::error_rate() const {
  return total.requests == 0
             ? 0.0
             : static_cast<double>(total.errors()) / static_cast<double>(total.requests);
}

void UsageReport::add(const UsageReport& other) {
  peaks.clear();
  today.add(other.today);
  this_week.add(other.this_week);
  this_month.add(other.this_month);
  total.add(other.total);
  for (const UsageGroup& group : other.groups) {
    const auto same = std::ranges::find(groups, group.name, &UsageGroup::name);
    if (same == groups.end()) {
      groups.push_back(group);
    } else {
      same->counts.add(group.counts);
    }
  }
}

void UsageReport::rank(const UsageQuery& query) {
  std::ranges::sort(groups, {}, &UsageGroup::name);
  if (query.sort || query.top) {
    const UsageOrder order = query.sort.value_or(UsageOrder::requests);
    std::ranges::stable_sort(groups, std::greater<>(), [&](const UsageGroup& group) {
      return number_of(group.counts, order);
    });
  }
  if (query.top && groups.size() > *query.top) {
    groups.resize(*query.top);
  }
}

UsageReporter::UsageReporter(const UsageQuery& query, Time now)
    : query_(query),
      day_(start_of_day(now)),
      week_(start_of_week(now)),
      month_(start_of_month(now)) {
  report_.by = query.by;
  report_.since = start_of_hour(query.since.value_or(month_));
}

// Weeks and months begin with a day, and so may the report. Otherwise its first day is counted by
// the hour, if it is not folded.
UsageSpan UsageReporter::span() const {
  const Time first_day = start_of_day(report_.since);
  UsageSpan span{.first = std::min({first_day, week_, month_}),
                 .hours_from = first_day,
                 .hours_until = first_day};
  if (report_.by == Grouping::hour) {
    span.hours_until = kEndOfTimes;
  } else if (report_.since != first_day) {
    span.hours_until = first_day + std::chrono::days(1);
  }
  return span;
}

void UsageReporter::add(const UsageRow& row) {
  const auto count_since = [&](Counts& counts, Time since) {
    if (row.hour >= since) {
      counts.add(row.status, row.requests);
    }
  };
  count_since(report_.today, day_);
  count_since(report_.this_week, week_);
  count_since(report_.this_month, month_);
  const Time first_day = start_of_day(report_.since);
  if (row.hour >= report_.since) {
    add_to_groups(row);
  } else if (row.hour >= first_day && row.grain == Grain::day) {
    is_first_day_folded_ = true;
    add_to_groups(row);
  } else if (row.hour >= first_day) {
    early_.push_back({row.hour, std::string(row.endpoint), row.status, row.requests, row.key});
  }
}

void UsageReporter::add(const Peak& peak) {
  if (peak.hour < report_.since) {
    return;
  }
  const auto same =
      std::ranges::lower_bound(report_.peaks, peak.window_seconds, {}, &Peak::window_seconds);
  if (same == report_.peaks.end() || same->window_seconds != peak.window_seconds) {
    report_.peaks.insert(same, peak);
  } else if (is_higher(peak, *same)) {
    *same = peak;
  }
}

UsageReport UsageReporter::finish() && {
  if (is_first_day_folded_) {
    for (const EarlyRow& row : early_) {
      add_to_groups({.hour = row.hour,
                     .endpoint = row.endpoint,
                     .status = row.status,
                     .requests = row.requests,
                     .key = row.key});
    }
    report_.since = start_of_day(report_.since);
  }
  for (auto& [name, counts] : groups_) {
    report_.groups.push_back({.name = name, .counts = counts});
  }
  report_.rank(query_);
  return std::move(report_);
}

void UsageReporter::add_to_groups(const UsageRow& row) {
  report_.total.add(row.status, row.requests);
  const auto name = group_of(row, report_.by);
  if (!name) {
    return;
  }
  Counts& group = groups_[*name];
  group.add(row.status, row.requests);
  if (report_.by == Grouping::status && !is_decision(row.status)) {
    group.add({.requests = row.requests});
  }
}

Time start_of_hours(Time now, std::chrono::hours kept) {
  return start_of_day(core::add(now, -kept));
}

Time start_of_hour(Time time) { return std::chrono::floor<std::chrono::hours>(time); }

}  // namespace nexakey::core
