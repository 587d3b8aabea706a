#include "core/peaks.h"

#include <array>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using test::at;

Key key_with(std::uint32_t minute, std::string_view limits) {
  Key key;
  key.name = "crm";
  key.rate_limit = minute;
  key.limits = test::value_of(Limits::from_text(limits));
  return key;
}

Peak peak(std::string_view hour, std::uint64_t window, std::uint64_t requests) {
  return {.hour = at(hour), .window_seconds = window, .requests = requests};
}

TEST_CASE("A key has a limit for each of its sliding windows, and none for a quota") {
  const Key key = key_with(100, "20/1s 5000/1h 1000/day");
  CHECK(limit_of(key, 60) == 100);
  CHECK(limit_of(key, 1) == 20);
  CHECK(limit_of(key, 3600) == 5000);
  CHECK(limit_of(key, 2) == 0);
  CHECK(limit_of(key, seconds_of(Window::day)) == 0);
}

TEST_CASE("Of the hours of a key, the highest peak of each window is reported") {
  const Key key = key_with(10, "20/1s");
  const std::array hours{peak("2026-06-09T10:00:00Z", 60, 8),  peak("2026-06-09T11:00:00Z", 60, 11),
                         peak("2026-06-09T12:00:00Z", 60, 11), peak("2026-06-09T13:00:00Z", 60, 2),
                         peak("2026-06-09T10:00:00Z", 1, 4),   peak("2026-06-09T10:00:00Z", 2, 9)};
  PeakReporter reporter({}, at("2026-06-10T12:30:00Z"));
  CHECK(reporter.since() == at("2026-06-03T12:00:00Z"));
  reporter.add(key, hours);
  const PeakReport report = std::move(reporter).finish();
  CHECK(report.count == 2);
  REQUIRE(report.peaks.size() == 2);
  CHECK(report.peaks[0].hour == at("2026-06-09T12:00:00Z"));
  CHECK(report.peaks[0].requests == 11);
  CHECK(report.peaks[0].limit == 10);
  CHECK(report.peaks[0].share() == doctest::Approx(1.1));
  CHECK(report.peaks[0].hours == 4);
  CHECK(report.peaks[0].hours_above == 2);
  CHECK(report.peaks[1].window_seconds == 1);
  CHECK(report.peaks[1].hours_above == 0);
  CHECK(KeyPeak().share() == 0);
}

}  // namespace
}  // namespace nexakey::core
