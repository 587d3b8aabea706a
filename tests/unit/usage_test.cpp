#include "core/usage.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/usage.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using nexakey::test::by_name;
using test::at;

UsageReporter reporter(std::string_view now, std::optional<Time> since = std::nullopt,
                       Grouping by = Grouping::endpoint) {
  UsageQuery query;
  query.since = since;
  query.by = by;
  return {query, at(now)};
}

/// The report after the last row.
UsageReport done(UsageReporter usage) { return std::move(usage).finish(); }

TEST_CASE("A report has the highest peak of each window, the last one of several") {
  UsageReporter usage = reporter("2026-06-10T12:00:00Z", at("2026-06-09T10:30:00Z"));
  const auto add = [&](std::string_view hour, std::uint64_t window, std::uint64_t requests) {
    usage.add(Peak{.hour = at(hour), .window_seconds = window, .requests = requests});
  };
  add("2026-06-09T09:00:00Z", 60, 99);  // before the report
  add("2026-06-09T10:00:00Z", 60, 7);
  add("2026-06-09T11:00:00Z", 3600, 40);
  add("2026-06-10T08:00:00Z", 60, 8);
  add("2026-06-09T23:00:00Z", 60, 8);
  add("2026-06-10T11:00:00Z", 60, 3);
  UsageReport report = done(std::move(usage));
  const std::vector<Peak> peaks{
      {.hour = at("2026-06-10T08:00:00Z"), .window_seconds = 60, .requests = 8},
      {.hour = at("2026-06-09T11:00:00Z"), .window_seconds = 3600, .requests = 40}};
  CHECK(report.peaks == peaks);
  report.add(UsageReport());
  CHECK(report.peaks.empty());  // those of two keys are not comparable
}

TEST_CASE("A status of 400 and above is an error and 429 a rate-limit hit") {
  struct Row {
    int status;
    std::uint64_t errors;
    std::uint64_t rate_limited;
  };
  for (const Row& row :
       {Row{200, 0, 0}, Row{399, 0, 0}, Row{400, 7, 0}, Row{401, 7, 0}, Row{403, 7, 0},
        Row{428, 7, 0}, Row{429, 7, 7}, Row{430, 7, 0}, Row{500, 7, 0}, Row{503, 7, 0}}) {
    CAPTURE(row.status);
    Counts counts;
    counts.add(row.status, 7);
    CHECK(counts.requests == 7);
    CHECK(counts.errors() == row.errors);
    CHECK(counts.rate_limited == row.rate_limited);
  }
  Counts large;
  large.add(429, 1ULL << 40U);
  large.add(200, 1ULL << 40U);
  CHECK(large ==
        Counts{.requests = 1ULL << 41U, .denied = 1ULL << 40U, .rate_limited = 1ULL << 40U});
}

TEST_CASE("An upstream response is not a request, and an error only from 400 on") {
  struct Row {
    int status;
    std::uint64_t upstream_errors;
  };
  for (const Row& row : {Row{100, 0}, Row{200, 0}, Row{399, 0}, Row{400, 7}, Row{429, 7},
                         Row{500, 7}, Row{599, 7}}) {
    CAPTURE(row.status);
    Counts counts;
    counts.add(kUpstreamStatus + row.status, 7);
    CHECK(counts == Counts{.upstream_errors = row.upstream_errors});
    counts.add(200, 10);
    counts.add(403, 2);
    CHECK(counts.requests == 12);
    CHECK(counts.denied == 2);
    CHECK(counts.rate_limited == 0);
    CHECK(counts.errors() == 2 + row.upstream_errors);
  }
}

TEST_CASE("Upstream responses have their own groups among the statuses") {
  struct Row {
    Grouping by;
    std::map<std::string, Counts> groups;
  };
  for (const Row& row :
       {Row{Grouping::status,
            {{"200", {.requests = 9}},
             {"upstream 200", {.requests = 6}},
             {"upstream 404", {.requests = 1, .upstream_errors = 1}},
             {"upstream 502", {.requests = 2, .upstream_errors = 2}}}},
        Row{Grouping::endpoint, {{"GET /a", {.requests = 9, .upstream_errors = 3}}}}}) {
    UsageReporter usage = reporter("2026-06-17T12:30:00Z", std::nullopt, row.by);
    const auto add = [&](int status, std::uint64_t requests) {
      usage.add({at("2026-06-17T01:00:00Z"), "GET /a", status, requests});
    };
    add(200, 9);
    add(kUpstreamStatus + 200, 6);
    add(kUpstreamStatus + 404, 1);
    add(kUpstreamStatus + 502, 2);
    CHECK(by_name(done(usage)) == row.groups);
    CHECK(done(usage).total == Counts{.requests = 9, .upstream_errors = 3});
    CHECK(done(usage).error_rate() == doctest::Approx(3.0 / 9));
  }
}

TEST_CASE("Denials are grouped by their reasons") {
  UsageReporter usage = reporter("2026-06-17T12:30:00Z", std::nullopt, Grouping::reason);
  const auto add = [&](int status, std::uint64_t requests) {
    usage.add({at("2026-06-17T01:00:00Z"), "GET /a", status, requests});
  };
  add(200, 9);
  add(counted_status(Reason::ip_not_allowed), 3);
  add(counted_status(Reason::rate_limited), 2);
  add(403, 4);  // counted before reasons were
  add(kUpstreamStatus + 500, 1);
  CHECK(by_name(done(usage)) ==
        std::map<std::string, Counts>{
            {"allowed", {.requests = 9}},
            {"ip_not_allowed", {.requests = 3, .denied = 3}},
            {"rate_limited", {.requests = 2, .denied = 2, .rate_limited = 2}},
            {"unspecified", {.requests = 4, .denied = 4}}});
}

TEST_CASE("Groups are ranked, and the first ones kept") {
  struct Row {
    Grouping by;
    std::optional<UsageOrder> sort;
    std::optional<std::uint32_t> top;
    std::vector<std::string> names;
  };
  for (const Row& row :
       {Row{Grouping::endpoint, {}, {}, {"GET /a", "GET /b", "GET /c"}},
        Row{Grouping::endpoint, {}, 2, {"GET /c", "GET /a"}},
        Row{Grouping::endpoint, UsageOrder::errors, {}, {"GET /b", "GET /c", "GET /a"}},
        Row{Grouping::endpoint, UsageOrder::denied, {}, {"GET /b", "GET /a", "GET /c"}},
        Row{Grouping::endpoint, UsageOrder::rate_limited, 1, {"GET /b"}},
        Row{Grouping::day, {}, {}, {"2026-06-15", "2026-06-16", "2026-06-17"}},
        Row{Grouping::day, {}, 1, {"2026-06-17"}},
        Row{Grouping::day, UsageOrder::denied, {}, {"2026-06-16", "2026-06-15", "2026-06-17"}}}) {
    CAPTURE(name_of(row.by));
    const UsageQuery query{.by = row.by, .sort = row.sort, .top = row.top};
    UsageReporter usage(query, at("2026-06-17T12:30:00Z"));
    usage.add({at("2026-06-15T01:00:00Z"), "GET /a", 200, 5});
    usage.add({at("2026-06-16T01:00:00Z"), "GET /b", counted_status(Reason::rate_limited), 4});
    usage.add({at("2026-06-17T01:00:00Z"), "GET /c", 200, 9});
    usage.add({at("2026-06-17T01:00:00Z"), "GET /c", kUpstreamStatus + 500, 1});
    std::vector<std::string> names;
    for (const UsageGroup& group : done(std::move(usage)).groups) {
      names.push_back(group.name);
    }
    CHECK(names == row.names);
  }
}

TEST_CASE("A row counts in each period that it is in") {
  struct Row {
    std::string_view now;
    std::string_view hour;
    bool today;
    bool week;
    bool month;
  };
  for (const Row& row : {// A Wednesday.
                         Row{"2026-06-17T12:30:00Z", "2026-06-17T12:00:00Z", true, true, true},
                         Row{"2026-06-17T12:30:00Z", "2026-06-17T00:00:00Z", true, true, true},
                         Row{"2026-06-17T12:30:00Z", "2026-06-16T23:00:00Z", false, true, true},
                         Row{"2026-06-17T12:30:00Z", "2026-06-15T00:00:00Z", false, true, true},
                         Row{"2026-06-17T12:30:00Z", "2026-06-14T23:00:00Z", false, false, true},
                         Row{"2026-06-17T12:30:00Z", "2026-06-01T00:00:00Z", false, false, true},
                         Row{"2026-06-17T12:30:00Z", "2026-05-31T23:00:00Z", false, false, false},
                         // A week that began in the month before, and in the year before.
                         Row{"2026-07-01T00:00:00Z", "2026-06-30T23:00:00Z", false, true, false},
                         Row{"2026-01-01T05:00:00Z", "2025-12-29T00:00:00Z", false, true, false},
                         Row{"2026-01-01T05:00:00Z", "2025-12-28T23:00:00Z", false, false, false},
                         // A Monday and a Sunday.
                         Row{"2026-06-15T00:00:00Z", "2026-06-14T23:00:00Z", false, false, true},
                         Row{"2026-06-21T23:59:59Z", "2026-06-15T00:00:00Z", false, true, true}}) {
    CAPTURE(row.now);
    CAPTURE(row.hour);
    UsageReporter usage = reporter(row.now);
    CHECK((usage.span().first <= at(row.hour)) == (row.week || row.month));
    usage.add({.hour = at(row.hour), .endpoint = "GET /", .status = 429, .requests = 3});
    const Counts three{.requests = 3, .denied = 3, .rate_limited = 3};
    CHECK(done(usage).today == (row.today ? three : Counts()));
    CHECK(done(usage).this_week == (row.week ? three : Counts()));
    CHECK(done(usage).this_month == (row.month ? three : Counts()));
    // By default, the total is that of the month.
    CHECK(done(usage).total == (row.month ? three : Counts()));
    CHECK(done(usage).groups.size() == (row.month ? 1 : 0));
  }
}

TEST_CASE("The total and the groups begin with the hour of the query") {
  const Time since = at("2026-06-10T10:45:00Z");
  UsageReporter usage = reporter("2026-06-17T12:30:00Z", since);
  CHECK(format_time(done(usage).since) == "2026-06-10T10:00:00.000Z");
  CHECK(format_time(usage.span().first) == "2026-06-01T00:00:00.000Z");
  usage.add(
      {.hour = at("2026-06-10T10:00:00Z"), .endpoint = "GET /", .status = 200, .requests = 1});
  usage.add(
      {.hour = at("2026-06-10T09:00:00Z"), .endpoint = "GET /", .status = 200, .requests = 2});
  CHECK(done(usage).total.requests == 1);
  CHECK(done(usage).this_month.requests == 3);
  CHECK(by_name(done(usage)).at("GET /").requests == 1);
}

TEST_CASE("The first row is from the earliest day of all that a report counts") {
  struct Row {
    std::string_view now;
    std::optional<std::string_view> since;
    std::string_view first;
  };
  for (const Row& row :
       {Row{"2026-06-17T12:30:00Z", std::nullopt, "2026-06-01T00:00:00.000Z"},
        Row{"2026-07-01T12:30:00Z", std::nullopt, "2026-06-29T00:00:00.000Z"},
        Row{"2026-06-17T12:30:00Z", "2026-06-17T12:00:00Z", "2026-06-01T00:00:00.000Z"},
        Row{"2026-06-17T12:30:00Z", "2025-01-01T01:59:59Z", "2025-01-01T00:00:00.000Z"}}) {
    CAPTURE(row.now);
    const auto since = row.since ? std::optional(at(*row.since)) : std::nullopt;
    CHECK(format_time(reporter(row.now, since).span().first) == row.first);
  }
}

TEST_CASE("A report that begins within a folded day begins with that day") {
  for (const Grouping by : {Grouping::endpoint, Grouping::hour}) {
    UsageReporter usage = reporter("2026-06-17T12:30:00Z", at("2026-06-10T10:45:00Z"), by);
    CHECK(format_time(usage.span().hours_from) == "2026-06-10T00:00:00.000Z");
    CHECK(format_time(usage.span().hours_until) ==
          (by == Grouping::hour ? format_time(kEndOfTimes) : "2026-06-11T00:00:00.000Z"));
    usage.add({at("2026-06-09T00:00:00Z"), "GET /", 200, 1000, Grain::day});
    usage.add({at("2026-06-10T09:00:00Z"), "GET /", 200, 1});
    usage.add({at("2026-06-10T10:00:00Z"), "GET /", 200, 10});
    CHECK(done(usage).total.requests == 10);
    CHECK(format_time(done(usage).since) == "2026-06-10T10:00:00.000Z");
    usage.add({at("2026-06-10T00:00:00Z"), "GET /", 200, 100, Grain::day});
    CHECK(done(usage).total.requests == 111);
    CHECK(format_time(done(usage).since) == "2026-06-10T00:00:00.000Z");
    if (by == Grouping::hour) {
      CHECK(by_name(done(usage)) ==
            std::map<std::string, Counts>{{"2026-06-10", {100, 0, 0}},
                                          {"2026-06-10T09:00:00Z", {1, 0, 0}},
                                          {"2026-06-10T10:00:00Z", {10, 0, 0}}});
    }
  }
}

TEST_CASE("The counts are grouped by the grouping of the query") {
  const std::vector<UsageRow> rows{
      {at("2026-06-16T23:00:00Z"), "GET /a", 200, 10},
      {at("2026-06-17T00:00:00Z"), "GET /a", 403, 2},
      {at("2026-06-17T01:00:00Z"), "POST /b", 200, 5},
      {at("2026-06-17T01:00:00Z"), "(other)", 429, 1},
      {at("2026-06-17T01:00:00Z"), "GET /a", 200, 3},
  };
  struct Row {
    Grouping by;
    std::string_view name;
    std::map<std::string, Counts> groups;
  };
  const std::vector<Row> expected{
      {Grouping::endpoint,
       "endpoint",
       {{"GET /a", {15, 2, 0}}, {"POST /b", {5, 0, 0}}, {"(other)", {1, 1, 1}}}},
      {Grouping::day, "day", {{"2026-06-16", {10, 0, 0}}, {"2026-06-17", {11, 3, 1}}}},
      {Grouping::hour,
       "hour",
       {{"2026-06-16T23:00:00Z", {10, 0, 0}},
        {"2026-06-17T00:00:00Z", {2, 2, 0}},
        {"2026-06-17T01:00:00Z", {9, 1, 1}}}},
      {Grouping::status, "status", {{"200", {18, 0, 0}}, {"403", {2, 2, 0}}, {"429", {1, 1, 1}}}},
  };
  for (const Row& row : expected) {
    CAPTURE(row.name);
    CHECK(name_of(row.by) == row.name);
    std::vector<UsageRow> shuffled = rows;
    for (int order = 0; order < 5; ++order) {
      std::ranges::rotate(shuffled, shuffled.begin() + 1);
      UsageReporter usage = reporter("2026-06-17T12:30:00Z", std::nullopt, row.by);
      for (const UsageRow& usage_row : shuffled) {
        usage.add(usage_row);
      }
      CHECK(by_name(done(usage)) == row.groups);
      CHECK(done(usage).total == Counts{.requests = 21, .denied = 3, .rate_limited = 1});
      CHECK(done(usage).by == row.by);
    }
  }
}

TEST_CASE("The error rate is the part of the total that failed") {
  struct Row {
    Counts total;
    double rate;
  };
  for (const Row& row : {Row{{}, 0.0}, Row{{10, 0, 0}, 0.0}, Row{{10, 10, 3}, 1.0},
                         Row{{50, 1, 0}, 0.02}, Row{{4, 1, 1}, 0.25}}) {
    UsageReport report;
    report.total = row.total;
    CHECK(report.error_rate() == doctest::Approx(row.rate));
  }
}

TEST_CASE("A count stops at the largest number that JSON keeps exact") {
  CHECK(add_counts(2, 3) == 5);
  CHECK(add_counts(kMaxCount, 0) == kMaxCount);
  CHECK(add_counts(kMaxCount, 1) == kMaxCount);
  CHECK(add_counts(1, UINT64_MAX) == kMaxCount);
  CHECK(add_counts(UINT64_MAX, UINT64_MAX) == kMaxCount);
  Counts counts;
  counts.add(429, kMaxCount);
  counts.add(429, kMaxCount);
  counts.add(counts);
  CHECK(counts == Counts{.requests = kMaxCount, .denied = kMaxCount, .rate_limited = kMaxCount});
  CHECK(counts.errors() == kMaxCount);
}

TEST_CASE("A column with a negative or larger number has no count") {
  CHECK(count_from_column(0) == 0);
  CHECK(count_from_column(static_cast<std::int64_t>(kMaxCount)) == kMaxCount);
  for (const std::int64_t value :
       {std::int64_t{-1}, static_cast<std::int64_t>(kMaxCount) + 1, INT64_MAX, INT64_MIN}) {
    CAPTURE(value);
    CHECK_FALSE(count_from_column(value).has_value());
  }
}

TEST_CASE("An hour begins with its first millisecond") {
  CHECK(format_time(start_of_hour(at("2026-06-17T12:59:59.999Z"))) == "2026-06-17T12:00:00.000Z");
  CHECK(format_time(start_of_hour(at("2026-06-17T12:00:00Z"))) == "2026-06-17T12:00:00.000Z");
}

}  // namespace
}  // namespace nexakey::core
