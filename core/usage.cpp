#include "core/usage.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr int kFirstErrorStatus = 400;
constexpr int kTooManyRequests = 429;
constexpr std::size_t kDateLength = 10;  // of 2026-11-24
constexpr std::size_t kHourLength = 13;  // of 2026-11-24T12

std::string group_of(const UsageRow& row, Grouping by) {
  switch (by) {
    case Grouping::endpoint:
      return std::string(row.endpoint);
    case Grouping::day:
      return format_time(row.hour).substr(0, kDateLength);
    case Grouping::hour:
      return row.grain == Grain::day ? format_time(row.hour).substr(0, kDateLength)
                                     : format_time(row.hour).substr(0, kHourLength) + ":00:00Z";
    case Grouping::status:
      break;
  }
  const int status = plain_status(row.status);
  return status < kUpstreamStatus ? std::to_string(status)
                                  : "upstream " + std::to_string(status - kUpstreamStatus);
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

std::string_view name_of(Grouping grouping) {
  switch (grouping) {
    case Grouping::endpoint:
      return "endpoint";
    case Grouping::day:
      return "day";
    case Grouping::hour:
      return "hour";
    case Grouping::status:
      break;
  }
  return "status";
}

Result<Grouping> parse_grouping(std::string_view name) {
  for (const Grouping grouping :
       {Grouping::endpoint, Grouping::day, Grouping::hour, Grouping::status}) {
    if (name == name_of(grouping)) {
      return grouping;
    }
  }
  return reject("usage cannot be grouped by " + quote(name), "use endpoint, day, hour or status");
}

double UsageReport::error_rate() const {
  return total.requests == 0
             ? 0.0
             : static_cast<double>(total.errors()) / static_cast<double>(total.requests);
}

void UsageReport::add(const UsageReport& other) {
  today.add(other.today);
  this_week.add(other.this_week);
  this_month.add(other.this_month);
  total.add(other.total);
  for (const auto& [name, counts] : other.groups) {
    groups[name].add(counts);
  }
}

UsageReporter::UsageReporter(const UsageQuery& query, Time now)
    : day_(start_of_day(now)), week_(start_of_week(now)), month_(start_of_month(now)) {
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
    early_.push_back({row.hour, std::string(row.endpoint), row.status, row.requests});
  }
}

UsageReport UsageReporter::finish() && {
  if (is_first_day_folded_) {
    for (const EarlyRow& row : early_) {
      add_to_groups({row.hour, row.endpoint, row.status, row.requests});
    }
    report_.since = start_of_day(report_.since);
  }
  return std::move(report_);
}

void UsageReporter::add_to_groups(const UsageRow& row) {
  report_.total.add(row.status, row.requests);
  report_.groups[group_of(row, report_.by)].add(row.status, row.requests);
}

Time start_of_hours(Time now, std::chrono::hours kept) {
  return start_of_day(core::add(now, -kept));
}

Time start_of_hour(Time time) { return std::chrono::floor<std::chrono::hours>(time); }

}  // namespace nexakey::core
