#include "core/time.h"

#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::at;

TEST_CASE("A duration is a whole number and a unit") {
  struct Row {
    std::string_view text;
    seconds expected;
  };
  for (const Row& row :
       {Row{"1s", seconds(1)}, Row{"30s", seconds(30)}, Row{"15m", seconds(900)},
        Row{"24h", hours(24)}, Row{"90d", days(90)}, Row{"12w", days(84)}, Row{"007d", days(7)},
        Row{"36500d", days(36500)}, Row{"876000h", days(36500)}, Row{"5214w", days(36498)},
        Row{"3153600000s", days(36500)}}) {
    CAPTURE(row.text);
    const auto duration = parse_duration(row.text);
    REQUIRE(duration.has_value());
    CHECK(duration->count() == row.expected.count());
  }
}

TEST_CASE("What is not a duration above zero and up to 100 years is refused") {
  for (const std::string& text : std::vector<std::string>{"",
                                                          " ",
                                                          "d",
                                                          "s",
                                                          "0",
                                                          "0s",
                                                          "0d",
                                                          "00w",
                                                          "-0d",
                                                          "-1d",
                                                          "-90d",
                                                          "+5d",
                                                          "5",
                                                          "5 d",
                                                          " 5d",
                                                          "5d ",
                                                          "5d\n",
                                                          "1.5h",
                                                          "1,5h",
                                                          "1e3s",
                                                          "0x10s",
                                                          "5D",
                                                          "5y",
                                                          "5M",
                                                          "5ms",
                                                          "5dd",
                                                          "1h30m",
                                                          "d5",
                                                          "--5d",
                                                          "5\xC2\xB5s",
                                                          std::string("5d\0", 3),
                                                          std::string("5\0d", 3),
                                                          "\xD9\xA5"
                                                          "d",
                                                          "36501d",
                                                          "5215w",
                                                          "876001h",
                                                          "3153600001s",
                                                          "9223372036854775807s",
                                                          "9223372036854775807w",
                                                          "9223372036854775808s",
                                                          "18446744073709551617d",
                                                          "99999999999999999999d",
                                                          "-99999999999999999999d",
                                                          "99999999999999999999",
                                                          "1" + std::string(10'000, '0') + "d"}) {
    CAPTURE(text.substr(0, 40));
    const auto duration = parse_duration(text);
    REQUIRE_FALSE(duration.has_value());
    CHECK(duration.error().code == ErrorCode::usage);
    CHECK(duration.error().message.size() < 300);
  }
  CHECK_FALSE(parse_duration(std::string_view()).has_value());
  CHECK(parse_duration("36501d").error().message ==
        "the duration \"36501d\" is longer than 100 years");
  CHECK(parse_duration("99999999999999999999d").error().message ==
        "the duration \"99999999999999999999d\" is longer than 100 years");
  CHECK(parse_duration("5y").error().message == "\"5y\" is not a duration");
}

TEST_CASE("A time is read as RFC 3339 or as a date") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  for (const Row& row : {Row{"2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000Z"},
                         Row{"2026-11-24t12:00:00z", "2026-11-24T12:00:00.000Z"},
                         Row{"2026-11-24 12:00:00Z", "2026-11-24T12:00:00.000Z"},
                         Row{"2026-11-24", "2026-11-24T00:00:00.000Z"},
                         Row{"1970-01-01", "1970-01-01T00:00:00.000Z"},
                         Row{"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
                         Row{"2024-02-29", "2024-02-29T00:00:00.000Z"},
                         Row{"2000-02-29", "2000-02-29T00:00:00.000Z"},
                         Row{"2026-11-24T12:00:00.5Z", "2026-11-24T12:00:00.500Z"},
                         Row{"2026-11-24T12:00:00.05Z", "2026-11-24T12:00:00.050Z"},
                         Row{"2026-11-24T12:00:00.123456789Z", "2026-11-24T12:00:00.123Z"},
                         Row{"2026-11-24T12:00:00.999999999Z", "2026-11-24T12:00:00.999Z"},
                         Row{"2026-11-24T12:00:00+00:00", "2026-11-24T12:00:00.000Z"},
                         Row{"2026-11-24T12:00:00-00:00", "2026-11-24T12:00:00.000Z"},
                         Row{"2026-11-24T12:00:00+02:00", "2026-11-24T10:00:00.000Z"},
                         Row{"2026-11-24T12:00:00-02:30", "2026-11-24T14:30:00.000Z"},
                         Row{"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"},
                         Row{"2024-02-28T23:30:00-01:00", "2024-02-29T00:30:00.000Z"},
                         Row{"2026-11-24T12:00:00.25+05:45", "2026-11-24T06:15:00.250Z"},
                         Row{"1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000Z"},
                         Row{"9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59.000Z"}}) {
    CAPTURE(row.text);
    const auto time = parse_time(row.text);
    REQUIRE(time.has_value());
    CHECK(format_time(*time) == row.expected);
  }
}

TEST_CASE("An invalid time is refused") {
  for (const std::string& text :
       std::vector<std::string>{"",
                                " ",
                                "now",
                                "2026",
                                "2026-11",
                                "2026-11-",
                                "2026-1-01",
                                "2026-11-2",
                                "20261124",
                                "2026/11/24",
                                "26-11-24",
                                "02026-11-24",
                                "-2026-11-24",
                                "+2026-11-24",
                                "2026-13-01",
                                "2026-00-01",
                                "2026-01-00",
                                "2026-01-32",
                                "2026-04-31",
                                "2026-02-29",
                                "2100-02-29",
                                "1900-02-29",
                                "2024-02-30",
                                "1969-12-31",
                                "0000-01-01",
                                "0001-01-01",
                                "10000-01-01",
                                "2026--1-01",
                                "2026-01--1",
                                "2026-+1-01",
                                "2026-11-24 ",
                                " 2026-11-24",
                                "2026-11-24\n",
                                "2026-11-24Z",
                                "2026-11-24T",
                                "2026-11-24T12",
                                "2026-11-24T12:00",
                                "2026-11-24T12:00Z",
                                "2026-11-24T12:00:00",
                                "2026-11-24T12:00:00 Z",
                                "2026-11-24T12:00:00Zx",
                                "2026-11-24T12:00:00Z ",
                                "2026-11-24T12:00:00ZZ",
                                "2026-11-24T12:00:00UTC",
                                "2026-11-24T24:00:00Z",
                                "2026-11-24T12:60:00Z",
                                "2026-11-24T12:00:61Z",
                                "2026-11-24T-1:00:00Z",
                                "2026-11-24T12:-1:00Z",
                                "2026-11-24T1:00:00Z",
                                "2026-11-24T12:00:0Z",
                                "2026-11-24T12:00:00.Z",
                                "2026-11-24T12:00:00.",
                                "2026-11-24T12:00:00.5",
                                "2026-11-24T12:00:00,5Z",
                                "2026-11-24T12:00:00.-5Z",
                                "2026-11-24T12:00:00+",
                                "2026-11-24T12:00:00+02",
                                "2026-11-24T12:00:00+0200",
                                "2026-11-24T12:00:00+2:00",
                                "2026-11-24T12:00:00+24:00",
                                "2026-11-24T12:00:00+01:60",
                                "2026-11-24T12:00:00+-1:00",
                                "2026-11-24T12:00:00--1:00",
                                "2026-11-24T12:00:00+02:00Z",
                                "2026-11-24T12:00:00-+2:00",
                                "2026-11-24T12:00:00+02:00 ",
                                "2026-11-24X12:00:00Z",
                                "2026-11-24T12-00-00Z",
                                std::string("2026-11-24\0", 11),
                                "2026-11-24T12:00:00." + std::string(10'000, '1') + "Z",
                                std::string(10'000, '2')}) {
    CAPTURE(text.substr(0, 40));
    const auto time = parse_time(text);
    REQUIRE_FALSE(time.has_value());
    CHECK(time.error().code == ErrorCode::usage);
    CHECK(time.error().hint == "use 2026-12-31 or 2026-12-31T18:00:00Z");
  }
  CHECK_FALSE(parse_time(std::string_view()).has_value());
}

TEST_CASE("The end of times has the form of a time, though its year has five digits") {
  CHECK(format_time(kLastTime) == "9999-12-31T23:59:59.999Z");
  CHECK(format_time(kEndOfTimes) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("An offset cannot move a time out of the years 1970 to 9999") {
  for (const std::string_view text :
       {"1970-01-01T00:00:00+00:01", "1970-01-01T22:59:59+23:00", "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:59.999-23:59"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text).has_value());
  }
}

TEST_CASE("Every time is read back as it was written") {
  std::mt19937_64 random(20260401);
  const auto end =
      static_cast<std::uint64_t>(at("9999-12-31T23:59:59.999Z").time_since_epoch().count());
  for (int i = 0; i < 50'000; ++i) {
    const Time time{milliseconds(test::below(random, end + 1))};
    const std::string text = format_time(time);
    CAPTURE(text);
    REQUIRE(text.size() == 24);
    REQUIRE(parse_time(text).value_or(Time::min()) == time);
    std::string appended = "x";
    append_time(appended, time);
    REQUIRE(appended == "x" + text);
  }
}

TEST_CASE("A time or a duration is counted from now") {
  const Time now = at("2026-03-01T12:00:00Z");
  struct Row {
    std::string_view text;
    std::string_view after;
    std::string_view before;
  };
  for (const Row& row :
       {Row{"90d", "2026-05-30T12:00:00.000Z", "2025-12-01T12:00:00.000Z"},
        Row{"1s", "2026-03-01T12:00:01.000Z", "2026-03-01T11:59:59.000Z"},
        Row{"1w", "2026-03-08T12:00:00.000Z", "2026-02-22T12:00:00.000Z"},
        Row{"2026-12-31", "2026-12-31T00:00:00.000Z", "2026-12-31T00:00:00.000Z"},
        Row{"2020-01-01T01:02:03+01:00", "2020-01-01T00:02:03.000Z", "2020-01-01T00:02:03.000Z"}}) {
    CAPTURE(row.text);
    CHECK(format_time(test::value_of(parse_time_after(row.text, now))) == row.after);
    CHECK(format_time(test::value_of(parse_time_before(row.text, now))) == row.before);
  }
  for (const std::string_view text : {"", "never", "0d", "-1d", "1.5h", "2026-13-01", "d",
                                      "99999999999999999999d", "tomorrow", "2026-12-31x"}) {
    CAPTURE(text);
    for (const auto& time : {parse_time_after(text, now), parse_time_before(text, now)}) {
      REQUIRE_FALSE(time.has_value());
      CHECK(time.error().code == ErrorCode::usage);
      CHECK(time.error().message ==
            "\"" + std::string(text) + "\" is neither a time nor a duration");
    }
  }
}

TEST_CASE("An expiry is a time, a duration from now, or never") {
  const Time now = at("2026-03-01T12:00:00Z");
  CHECK(test::value_of(parse_expiry("90d", now)) == at("2026-05-30T12:00:00Z"));
  CHECK(test::value_of(parse_expiry("2026-12-31", now)) == at("2026-12-31"));
  CHECK_FALSE(test::value_of(parse_expiry("never", now)).has_value());
  for (const std::string_view text : {"", "Never", "never ", "0d"}) {
    CAPTURE(text);
    const auto expiry = parse_expiry(text, now);
    REQUIRE_FALSE(expiry.has_value());
    CHECK(expiry.error().code == ErrorCode::usage);
    CHECK(expiry.error().hint.ends_with(", or never"));
  }
}

TEST_CASE("Only timestamps from 1970 to 9999 are times") {
  const std::int64_t end = kEndOfTimes.time_since_epoch().count();
  CHECK(time_from_milliseconds(0) == Time());
  CHECK(time_from_milliseconds(end - 1) == kLastTime);
  for (const std::int64_t timestamp : {std::int64_t{-1}, end, INT64_MIN, INT64_MAX}) {
    CAPTURE(timestamp);
    CHECK_FALSE(time_from_milliseconds(timestamp).has_value());
  }
}

TEST_CASE("A sum of a time and a duration stays between 1970 and 9999") {
  CHECK(add(at("2026-06-01"), days(1)) == at("2026-06-02"));
  CHECK(add(at("2026-06-01"), -days(1)) == at("2026-05-31"));
  CHECK(add(at("1970-01-02"), -kMaxDuration) == Time());
  CHECK(add(kLastTime, kMaxDuration) == kLastTime);
  CHECK(parse_time_before("36500d", at("2026-06-01")) == Time());
  CHECK(parse_time_after("36500d", kLastTime) == kLastTime);
  CHECK(format_time(kLastTime) == "9999-12-31T23:59:59.999Z");
}

TEST_CASE("A table shows a time relative to now") {
  const Time now = at("2026-06-15T12:00:00Z");
  struct Row {
    milliseconds distance;
    std::string_view past;
    std::string_view future;
  };
  for (const Row& row :
       {Row{milliseconds(0), "now", "now"}, Row{milliseconds(999), "now", "in 1 second"},
        Row{seconds(1), "1 second ago", "in 1 second"},
        Row{milliseconds(1999), "1 second ago", "in 2 seconds"},
        Row{seconds(2), "2 seconds ago", "in 2 seconds"},
        Row{seconds(59), "59 seconds ago", "in 59 seconds"},
        Row{seconds(60), "1 minute ago", "in 1 minute"},
        Row{seconds(3599), "59 minutes ago", "in 60 minutes"},
        Row{hours(1), "1 hour ago", "in 1 hour"}, Row{hours(2), "2 hours ago", "in 2 hours"},
        Row{hours(24) - seconds(1), "23 hours ago", "in 24 hours"},
        Row{days(1), "1 day ago", "in 1 day"}, Row{days(3), "3 days ago", "in 3 days"},
        Row{days(7), "7 days ago", "in 7 days"}, Row{days(400), "400 days ago", "in 400 days"},
        Row{days(90) - milliseconds(1), "89 days ago", "in 90 days"}}) {
    CAPTURE(row.distance.count());
    CHECK(relative_time(now - row.distance, now) == row.past);
    CHECK(relative_time(now + row.distance, now) == row.future);
  }
}

TEST_CASE("Days, weeks from Monday and months begin in UTC") {
  struct Row {
    std::string_view time;
    std::string_view day;
    std::string_view week;
    std::string_view month;
  };
  for (const Row& row :
       {Row{"2026-06-15T00:00:00Z", "2026-06-15", "2026-06-15", "2026-06-01"},  // a Monday
        Row{"2026-06-17T12:34:56.789Z", "2026-06-17", "2026-06-15", "2026-06-01"},
        Row{"2026-06-21T23:59:59.999Z", "2026-06-21", "2026-06-15", "2026-06-01"},  // a Sunday
        Row{"2026-06-22T00:00:00Z", "2026-06-22", "2026-06-22", "2026-06-01"},
        Row{"2026-07-01T00:00:00Z", "2026-07-01", "2026-06-29", "2026-07-01"},
        Row{"2026-06-30T23:59:59.999Z", "2026-06-30", "2026-06-29", "2026-06-01"},
        Row{"2026-01-01T00:00:00Z", "2026-01-01", "2025-12-29", "2026-01-01"},
        Row{"2025-12-31T23:59:59.999Z", "2025-12-31", "2025-12-29", "2025-12-01"},
        Row{"2027-01-03T10:00:00Z", "2027-01-03", "2026-12-28", "2027-01-01"},
        Row{"2024-02-29T10:00:00Z", "2024-02-29", "2024-02-26", "2024-02-01"},
        Row{"2024-03-01T00:00:00Z", "2024-03-01", "2024-02-26", "2024-03-01"},
        Row{"1970-01-05T00:00:00Z", "1970-01-05", "1970-01-05", "1970-01-01"}}) {
    CAPTURE(row.time);
    CHECK(format_time(start_of_day(at(row.time))) == format_time(at(row.day)));
    CHECK(format_time(start_of_week(at(row.time))) == format_time(at(row.week)));
    CHECK(format_time(start_of_month(at(row.time))) == format_time(at(row.month)));
  }
}

}  // namespace
}  // namespace nexakey::core
