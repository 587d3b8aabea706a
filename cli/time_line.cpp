#include "cli/time_line.h"

#include <chrono>
#include <map>
#include <string>

namespace nexakey::cli {
namespace {

constexpr std::size_t kDateLength = 10;  // of 2026-11-24T12:00:00Z
constexpr std::size_t kMinuteLength = 16;

/// `2026-11-24 12:00`.
std::string label_of(core::Time hour) {
  std::string label = core::format_time(hour).substr(0, kMinuteLength);
  label[kDateLength] = ' ';
  return label;
}

}  // namespace

std::vector<core::UsageGroup> time_line(const core::UsageReport& report, core::Time now) {
  std::map<std::string, core::Counts> counts;
  for (const core::UsageGroup& group : report.groups) {
    counts[group.name] = group.counts;
  }
  const auto count_of = [&](const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? core::Counts() : found->second;
  };
  const bool is_by_day = report.by == core::Grouping::day;
  std::vector<core::UsageGroup> line;
  const auto add = [&](const std::string& label, const std::string& name, core::Time from,
                       core::Time until) {
    const bool is_whole = from >= report.since && until <= now;
    line.push_back({.name = label + (is_whole ? "" : " *"), .counts = count_of(name)});
  };
  core::Time from = is_by_day ? core::start_of_day(report.since) : report.since;
  while (from <= now) {
    const core::Time day = core::start_of_day(from);
    // The hours of old days are folded.
    if (is_by_day || (from == day && counts.contains(core::name_of_day(day)))) {
      from = day + std::chrono::days(1);
      add(core::name_of_day(day), core::name_of_day(day), day, from);
    } else {
      add(label_of(from), core::name_of_hour(from), from, from + std::chrono::hours(1));
      from += std::chrono::hours(1);
    }
  }
  return line;
}

}  // namespace nexakey::cli
