#include "core/limits.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "core/key.h"
#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;
using test::value_of;

TEST_CASE("A rate limit is a number, with the length of a window or a minute") {
  struct Row {
    std::string_view text;
    Window window;
    std::optional<std::uint64_t> requests;
  };
  for (const Row& row :
       {Row{"1", Window::minute, 1}, Row{"100000", Window::minute, 100'000},
        Row{"500/1m", Window::minute, 500}, Row{"500/60s", Window::minute, 500},
        Row{"20/1s", Window{1}, 20}, Row{"7/59s", Window{59}, 7},
        Row{"1000/10m", Window{600}, 1000}, Row{"1000/1h", Window::hour, 1000},
        Row{"none/1s", Window{1}, std::nullopt}, Row{"none/1h", Window::hour, std::nullopt}}) {
    CAPTURE(row.text);
    CHECK(value_of(parse_rate_limit(row.text)) ==
          LimitChange{.window = row.window, .requests = row.requests});
  }
  for (const std::string_view text : {"",
                                      "0",
                                      "-1",
                                      "+1",
                                      "100001",
                                      "1e3",
                                      "5 ",
                                      "none",
                                      "none/1m",
                                      "none/60s",
                                      "/1s",
                                      "5/",
                                      "5/0s",
                                      "5/61m",
                                      "5/2h",
                                      "5/1d",
                                      "5/1",
                                      "5/s",
                                      "5/day",
                                      "5/month",
                                      "5/1s/1s",
                                      "5/1.5s",
                                      "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rate_limit(text));
  }
}

TEST_CASE("A quota is for a day or a month") {
  CHECK(value_of(parse_quota("1000/day")) == LimitChange{.window = Window::day, .requests = 1000});
  CHECK(value_of(parse_quota("1000000000000/month")) ==
        LimitChange{.window = Window::month, .requests = kMaxQuota});
  CHECK(value_of(parse_quota("none/day")) == LimitChange{.window = Window::day});
  for (const std::string_view text : {"", "1000", "0/day", "1000000000001/month", "5/1d", "5/week",
                                      "5/days", "/day", "5/", "none", "-5/day", "5/1h"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_quota(text));
  }
}

TEST_CASE("Limits are in the order of their lengths, and have a text from which they are read") {
  Limits limits;
  for (const std::string_view text : {"1000/1h", "20/1s", "7/10m"}) {
    REQUIRE(limits.apply(value_of(parse_rate_limit(text))));
  }
  REQUIRE(limits.apply(value_of(parse_quota("5/month"))));
  REQUIRE(limits.apply(value_of(parse_quota("3/day"))));
  CHECK(limits.to_text() == "20/1s 7/10m 1000/1h 3/day 5/month");
  CHECK(limits.has_quota());
  CHECK(value_of(Limits::from_text(limits.to_text())) == limits);

  // The minute is the fourth sliding window.
  CHECK_FALSE(limits.apply({.window = Window{2}, .requests = 5}));
  CHECK_FALSE(limits.apply({.window = Window::minute, .requests = 5}));
  CHECK_FALSE(limits.apply({.window = Window{1}, .requests = 0}));
  REQUIRE(limits.apply({.window = Window{1}, .requests = 30}));
  REQUIRE(limits.apply({.window = Window::hour}));
  REQUIRE(limits.apply({.window = Window::hour}));  // it has none
  REQUIRE(limits.apply({.window = Window{2}, .requests = 5}));
  CHECK(limits.to_text() == "30/1s 5/2s 7/10m 3/day 5/month");
  const std::vector<LimitChange> changes{{Window{5}, 5}, {Window{1}, std::nullopt}};
  REQUIRE(limits.apply(changes));
  CHECK(limits.to_text() == "5/2s 5/5s 7/10m 3/day 5/month");

  for (const std::string_view text :
       {"5/1m", "none/1s", "5", "1/1s  2/2s", "1/1s 2/2s ", "1/2s 2/3s 3/4s 4/5s", "0/1s", "x"}) {
    CAPTURE(text);
    if (text != "1/1s 2/2s ") {
      CHECK_FALSE(Limits::from_text(text));
    }
  }
}

TEST_CASE("The windows of a key have the minute in its place") {
  KeyRules rules;
  rules.rate_limit = 9;
  const auto text_of_windows = [&] {
    std::string text;
    for (const Limit& limit : rules.windows()) {
      text += text_of(limit) + " ";
    }
    return text;
  };
  CHECK(text_of_windows() == "9/1m ");
  rules.limits = value_of(Limits::from_text("1/1s 2/1h 3/day"));
  CHECK(text_of_windows() == "1/1s 9/1m 2/1h 3/day ");
  CHECK(longest_of(rules.windows()) == 3600);
  rules.limits = value_of(Limits::from_text("1/1s 1/59s 4/month"));
  CHECK(text_of_windows() == "1/1s 1/59s 9/1m 4/month ");
  CHECK(longest_of(rules.windows()) == 60);
}

TEST_CASE("A limit is set or removed in the order of the windows") {
  const auto second = static_cast<Window>(1);
  const auto changed = [](std::vector<std::pair<Window, std::optional<Limit>>> changes) {
    Windows windows;
    windows.push_back({.window = Window::minute, .requests = 5});
    windows.push_back({.window = Window::day, .requests = 9});
    for (const auto& [window, limit] : changes) {
      windows.set(window, limit);
    }
    std::string text;
    for (const Limit& limit : windows) {
      text += text_of(limit) + " ";
    }
    return text;
  };
  CHECK(changed({{Window::minute, Limit{Window::minute, 7}}}) == "7/1m 9/day ");
  CHECK(changed({{second, Limit{second, 1}}}) == "1/1s 5/1m 9/day ");
  CHECK(changed({{Window::hour, Limit{Window::hour, 8}}}) == "5/1m 8/1h 9/day ");
  CHECK(changed({{Window::day, std::nullopt}}) == "5/1m ");
  CHECK(changed({{Window::hour, std::nullopt}}) == "5/1m 9/day ");
  Windows one;
  one.push_back({.window = Window::minute, .requests = 5});
  Windows other = one;
  other.set(Window::hour, Limit{Window::hour, 8});
  CHECK(one != other);
  other.set(Window::hour, std::nullopt);
  CHECK(one == other);
}

TEST_CASE("Quotas are counted by days and months of UTC") {
  struct Row {
    std::string_view time;
    std::uint64_t day;
    std::uint64_t month;
    std::string_view end_of_day;
    std::string_view end_of_month;
  };
  std::uint32_t day = 0;
  std::uint64_t day_count = 0;
  std::uint64_t month_count = 0;
  QuotaCounters counters(day, day_count, month_count);
  for (const Row& row : {
           Row{"2028-02-28T23:59:59.999Z", 0, 0, "2028-02-29", "2028-03-01"},
           Row{"2028-02-29T00:00:00Z", 0, 1, "2028-03-01", "2028-03-01"},
           Row{"2028-02-29T23:59:59.999Z", 1, 2, "2028-03-01", "2028-03-01"},
           Row{"2028-03-01T00:00:00Z", 0, 0, "2028-03-02", "2028-04-01"},
           Row{"2028-03-31T12:00:00Z", 0, 1, "2028-04-01", "2028-04-01"},
           Row{"2028-03-31T12:00:00Z", 1, 2, "2028-04-01", "2028-04-01"},
           Row{"2029-03-31T12:00:00Z", 0, 0, "2029-04-01", "2029-04-01"},
           Row{"2029-12-31T23:59:59.999Z", 0, 0, "2030-01-01", "2030-01-01"},
           Row{"2030-01-01T00:00:00Z", 0, 0, "2030-01-02", "2030-02-01"},
       }) {
    CAPTURE(row.time);
    const Time now = at(row.time);
    CHECK(counters.used(Window::day, now) == row.day);
    CHECK(counters.used(Window::month, now) == row.month);
    CHECK(end_of(Window::day, now) == at(row.end_of_day));
    CHECK(end_of(Window::month, now) == at(row.end_of_month));
    counters.add(now);
  }
}

}  // namespace
}  // namespace nexakey::core
