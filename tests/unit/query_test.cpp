#include "core/query.h"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::value_of;

TEST_CASE("Percent-encoding is decoded or refused") {
  struct Row {
    std::string_view text;
    std::optional<std::string> decoded;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"abc-._~", "abc-._~"},
      {"%41%42c", "ABc"},
      {"%2f%2F", "//"},
      {"%25", "%"},
      {"%2541", "%41"},
      {"%00", std::string(1, '\0')},
      {"%F0%9F%A6%80", "🦀"},
      {"%fF", "\xFF"},
      // Not a form: a plus is not a space.
      {"a+b", "a+b"},
      {"%", std::nullopt},
      {"%4", std::nullopt},
      {"a%", std::nullopt},
      {"%4g", std::nullopt},
      {"%g4", std::nullopt},
      {"%%41", std::nullopt},
      {"%+4", std::nullopt},
      {"%-4", std::nullopt},
      {"% 4", std::nullopt},
      {"%0x", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(percent_decode(row.text) == row.decoded);
    const auto query = Query::parse("a=" + std::string(row.text));
    CHECK(query.has_value() == row.decoded.has_value());
  }
}

TEST_CASE("A query is written so that it can be read again") {
  struct Row {
    std::string name;
    std::string value;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{{"a", "", "a="},
                                         {"a", "b", "a=b"},
                                         {"a", "b=c&d?e#f", "a=b%3Dc%26d%3Fe%23f"},
                                         {"a b", "+%/", "a%20b=%2B%25%2F"},
                                         {"é", "\x1B\xFF", "%C3%A9=%1B%FF"}}) {
    CAPTURE(row.text);
    Query query;
    query.add(row.name, row.value);
    CHECK(query.to_string() == row.text);
    Query again = value_of(Query::parse(row.text));
    CHECK(value_of(again.take(row.name)) == row.value);
    CHECK(again.check_taken().has_value());
  }
  CHECK(Query().to_string().empty());
}

TEST_CASE("Absent, repeated and unknown parameters are distinguished") {
  Query query = value_of(Query::parse("&a=1&b&c=3&c=4&&d=x=y&"));
  CHECK(value_of(query.take("a")) == "1");
  CHECK(value_of(query.take("a")) == std::nullopt);
  CHECK(value_of(query.take("b")) == "");
  CHECK(value_of(query.take("d")) == "x=y");
  CHECK(value_of(query.take("none")) == std::nullopt);
  const auto unknown = query.check_taken();
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().code == ErrorCode::usage);
  CHECK(unknown.error().message == "unknown parameter \"c\"");
  CHECK(Query(query).take_all("c") == std::vector<std::string>{"3", "4"});
  const auto doubled = query.take("c");
  REQUIRE_FALSE(doubled.has_value());
  CHECK(doubled.error().message == "the parameter c is given twice");
  CHECK_FALSE(Query::parse("a=1&%zz=2").has_value());
  CHECK_FALSE(Query::parse("a=1&b=%2").has_value());
}

/// The filter or the usage query after it was written and read.
template <typename Take, typename Add, typename T>
T over_the_wire(const T& value, const Add& add, const Take& take) {
  Query query;
  add(query, value);
  Query read = value_of(Query::parse(query.to_string()));
  T taken = value_of(take(read));
  CHECK(read.check_taken().has_value());
  return taken;
}

void check_equal(const KeyFilter& a, const KeyFilter& b) {
  CHECK(a.workspace == b.workspace);
  REQUIRE(a.ids.has_value() == b.ids.has_value());
  if (a.ids) {
    CHECK(a.ids->first == b.ids->first);
    CHECK(a.ids->last == b.ids->last);
  }
  CHECK(a.hash == b.hash);
  CHECK(a.name == b.name);
  CHECK(a.pattern == b.pattern);
  CHECK(a.status == b.status);
  CHECK(a.scopes == b.scopes);
  CHECK(a.labels == b.labels);
  CHECK(a.expires_before == b.expires_before);
  CHECK(a.unused_since == b.unused_since);
  CHECK(a.created_before == b.created_before);
  CHECK(a.newest_of_line == b.newest_of_line);
  CHECK(a.superseded == b.superseded);
}

TEST_CASE("Each condition of a list is unchanged after a query") {
  const Time time = at("2026-06-01T12:00:00.123Z");
  std::vector<KeyFilter> filters{
      {},
      {.workspace = "acme-1.x_y"},
      {.ids = KeyIdRange::parse("key_9f3k")},
      {.ids = KeyIdRange::parse("key_9f3kq2m7x0ab")},
      {.hash = test::some_key().hash},
      {.name = "Zoë & \"co\"=+%/ 🦀"},
      {.name = "key_0123456789ab"},
      {.pattern = "crm-*[!a-c]?"},
      {.labels = {{"team", "crm"}, {"env", ""}, {"url", "a=b&c"}}},
      {.expires_before = time},
      {.unused_since = time},
      {.created_before = time},
      {.newest_of_line = true},
      {.superseded = true},
  };
  for (const KeyStatus status :
       {KeyStatus::active, KeyStatus::suspended, KeyStatus::expired, KeyStatus::revoked}) {
    filters.push_back({.status = status});
  }
  for (const std::string_view names : {"read", "write", "read,write"}) {
    filters.push_back({.scopes = test::scopes(std::string(names))});
  }
  filters.push_back({.workspace = "acme",
                     .ids = KeyIdRange::parse("key_9f3k"),
                     .hash = test::some_key().hash,
                     .name = "crm",
                     .pattern = "*",
                     .status = KeyStatus::active,
                     .scopes = test::scopes("read"),
                     .labels = {{"a", "b"}},
                     .expires_before = time,
                     .unused_since = time - std::chrono::hours(1),
                     .created_before = time + std::chrono::hours(1),
                     .newest_of_line = true,
                     .superseded = true});
  for (const KeyFilter& filter : filters) {
    Query query;
    add_filter(query, filter);
    CAPTURE(query.to_string());
    check_equal(over_the_wire(filter, add_filter, take_filter), filter);
  }
}

TEST_CASE("Each usage query is unchanged after a query string") {
  std::vector<UsageQuery> queries{{},
                                  {.key = test::id("key_0123456789ab")},
                                  {.workspace = "acme"},
                                  {.since = at("2026-06-01T12:00:00.123Z")}};
  for (const Grouping by : {Grouping::endpoint, Grouping::day, Grouping::hour, Grouping::status,
                            Grouping::reason, Grouping::key}) {
    queries.push_back({.by = by});
  }
  queries.push_back({.key = test::id("key_0123456789ab"),
                     .workspace = "acme",
                     .since = at("2026-06-01"),
                     .by = Grouping::hour});
  queries.push_back({.by = Grouping::key, .sort = UsageOrder::rate_limited, .top = 10});
  for (const UsageQuery& usage : queries) {
    const UsageQuery taken = over_the_wire(usage, add_usage_query, take_usage_query);
    CHECK(taken.key == usage.key);
    CHECK(taken.workspace == usage.workspace);
    CHECK(taken.since == usage.since);
    CHECK(taken.by == usage.by);
    CHECK(taken.sort == usage.sort);
    CHECK(taken.top == usage.top);
  }
}

TEST_CASE("Each query of peaks is unchanged after a query string") {
  for (const PeakQuery& peaks : {PeakQuery{},
                                 PeakQuery{.key = test::id("key_0123456789ab"),
                                 .since = at("2026-06-01T12:00:00.123Z"),
                                 .above = {{Window::minute, 50}, {static_cast<Window>(1), 20}}},
                                 PeakQuery{.workspace = "acme", .top = kMaxTopPeaks}}) {
    const PeakQuery taken = over_the_wire(peaks, add_peak_query, take_peak_query);
    CHECK(taken.key == peaks.key);
    CHECK(taken.workspace == peaks.workspace);
    CHECK(taken.since == peaks.since);
    CHECK(taken.top == peaks.top);
    CHECK(taken.above == peaks.above);
  }
  for (const std::string_view text : {"top=0", "top=10001", "top=x", "above=none/1s", "above=5/day",
                                      "above=", "above=0/1m", "key=crm", "since=x"}) {
    CAPTURE(text);
    Query query = value_of(Query::parse(text));
    const auto peaks = take_peak_query(query);
    REQUIRE_FALSE(peaks.has_value());
    CHECK(peaks.error().code == ErrorCode::usage);
  }
}

TEST_CASE("A parameter that has an invalid value is refused") {
  for (const std::string_view text : {"workspace=",
                                      "workspace=a%20b",
                                      "workspace=a&workspace=b",
                                      "id=",
                                      "id=key_",
                                      "id=9f3k",
                                      "id=key_9f3k-",
                                      "id=key_9f3k-key_9f3l",
                                      "hash=",
                                      "hash=00",
                                      "name=%1B",
                                      "status=",
                                      "status=Active",
                                      "scope=",
                                      "scope=admin",
                                      "scope=read&scope=write",
                                      "label=",
                                      "label=a%20b=c",
                                      "expires_before=",
                                      "unused_since=soon",
                                      "created_before=2026-13-01",
                                      "newest_of_line=",
                                      "newest_of_line=1",
                                      "superseded=yes",
                                      "pattern=%2A%2A%2A%2A%2A%2A%2A%2A%2A"}) {
    CAPTURE(text);
    Query query = value_of(Query::parse(text));
    const auto filter = take_filter(query);
    REQUIRE_FALSE(filter.has_value());
    CHECK(filter.error().code == ErrorCode::usage);
  }
  for (const std::string_view text : {"key=", "key=key_9f3k", "key=crm", "workspace=-a", "since=x",
                                      "by=", "by=week", "by=day&by=day"}) {
    CAPTURE(text);
    Query query = value_of(Query::parse(text));
    const auto usage = take_usage_query(query);
    REQUIRE_FALSE(usage.has_value());
    CHECK(usage.error().code == ErrorCode::usage);
  }
}

TEST_CASE("A filter of the audit log is unchanged after a query") {
  const AuditFilter full{.subjects = {"key_0123456789ab", "a&b"},
                         .actor = "Zoë & co",
                         .action = AuditAction::token_create,
                         .workspace = "acme",
                         .since = at("2026-01-01T00:00:00.001Z"),
                         .until = at("2026-02-01"),
                         .after = 7,
                         .last = 20};
  for (const AuditFilter& filter : {full, AuditFilter()}) {
    Query written;
    add_audit_filter(written, filter);
    Query query = value_of(Query::parse(written.to_string()));
    const AuditFilter read = value_of(take_audit_filter(query));
    CHECK(query.check_taken().has_value());
    CHECK(read.subjects == filter.subjects);
    CHECK(read.actor == filter.actor);
    CHECK(read.action == filter.action);
    CHECK(read.workspace == filter.workspace);
    CHECK(read.since == filter.since);
    CHECK(read.until == filter.until);
    CHECK(read.after == filter.after);
    CHECK(read.last == filter.last);
  }
  for (const std::string_view text :
       {"action=", "action=Create", "workspace=-a", "since=x", "until=", "after=", "after=-1",
        "after=1x", "after=99999999999999999999", "after=1&after=2", "actor=%1B", "last=", "last=0",
        "last=-1", "last=1x", "last=99999999999999999999", "last=1&last=2"}) {
    CAPTURE(text);
    Query query = value_of(Query::parse(text));
    const auto filter = take_audit_filter(query);
    REQUIRE_FALSE(filter.has_value());
    CHECK(filter.error().code == ErrorCode::usage);
  }
}

TEST_CASE("A number is whole and within its bounds") {
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, std::string>>{{"n=2", "2"},
                                                        {"n=10", "10"},
                                                        {"n=007", "7"},
                                                        {"", "none"},
                                                        {"n=1", "usage"},
                                                        {"n=11", "usage"},
                                                        {"n=-2", "usage"},
                                                        {"n=+2", "usage"},
                                                        {"n=2.0", "usage"},
                                                        {"n=", "usage"},
                                                        {"n=%202", "usage"},
                                                        {"n=18446744073709551618", "usage"},
                                                        {"n=2&n=2", "usage"}}) {
    CAPTURE(text);
    Query query = value_of(Query::parse(text));
    const auto number = take_number(query, "n", 2, 10);
    CHECK((number ? *number ? std::to_string(**number) : "none"
                  : std::string(name_of(number.error().code))) == expected);
  }
}

}  // namespace
}  // namespace nexakey::core
