#include "cli/heat_map.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cli/bars.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kHours = 24;
constexpr std::size_t kHoursPerTitle = 6;
constexpr std::size_t kWideTerminal = 60;
constexpr std::array<std::string_view, 7> kWeekdays{"Mon", "Tue", "Wed", "Thu",
                                                    "Fri", "Sat", "Sun"};

using Week = std::array<std::array<std::uint64_t, kHours>, kWeekdays.size()>;

/// The number of a weekday, from Monday on.
std::size_t weekday_of(core::Time day) {
  const std::chrono::weekday weekday{std::chrono::floor<std::chrono::days>(day)};
  return weekday.iso_encoding() - 1;
}

Week hours_of_week(const core::UsageReport& report) {
  Week week{};
  for (const core::UsageGroup& group : report.groups) {
    const auto time = core::parse_time(group.name);
    if (time && core::name_of_hour(*time) == group.name) {
      const auto hour = std::chrono::floor<std::chrono::hours>(*time - core::start_of_day(*time));
      auto& sum = week[weekday_of(*time)][static_cast<std::size_t>(hour.count())];
      sum = core::add_counts(sum, group.counts.requests);
    }
  }
  return week;
}

std::string two_digits(std::size_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

}  // namespace

bool is_for_heat_map(const core::UsageReport& report, core::Time now) {
  return report.by == core::Grouping::hour && now - report.since >= std::chrono::days(7);
}

std::string render_heat_map(const core::UsageReport& report, const Terminal& terminal) {
  const Week week = hours_of_week(report);
  std::uint64_t max = 0;
  std::size_t busiest_day = 0;
  std::size_t busiest_hour = 0;
  for (std::size_t day = 0; day < week.size(); ++day) {
    for (std::size_t hour = 0; hour < kHours; ++hour) {
      if (week[day][hour] > max) {
        max = week[day][hour];
        busiest_day = day;
        busiest_hour = hour;
      }
    }
  }
  const std::size_t width = terminal.width.value_or(0) >= kWideTerminal ? 2 : 1;
  const Bars shades(width, max, terminal.draws_blocks);
  std::string map = "UTC  ";
  for (std::size_t hour = 0; hour < kHours; hour += kHoursPerTitle) {
    map += two_digits(hour) + std::string(kHoursPerTitle * width - 2, ' ');
  }
  map.erase(map.find_last_not_of(' ') + 1);
  map += '\n';
  for (std::size_t day = 0; day < week.size(); ++day) {
    map += std::string(kWeekdays[day]) + "  ";
    for (const std::uint64_t requests : week[day]) {
      map += shades.shade(requests);
    }
    map += '\n';
  }
  map += "\n" + shades.shades() + "\n";
  if (max > 0) {
    map += "busiest: " + std::string(kWeekdays[busiest_day]) + " " + two_digits(busiest_hour) +
           ":00, " + std::to_string(max) + (max == 1 ? " request\n" : " requests\n");
  }
  return map;
}

}  // namespace nexakey::cli
