#include "cli/activity.h"

#include <algorithm>
#include <chrono>

#include "cli/bars.h"
#include "cli/exit_status.h"

namespace nexakey::cli {

Activity find_activity(store::KeyStore& store, core::KeyId key, core::Time now) {
  const core::Time first = core::start_of_day(now) - std::chrono::days(kActivityDays - 1);
  const auto report =
      value_of(store.usage({.key = key, .since = first, .by = core::Grouping::day}, now));
  Activity activity{};
  for (std::size_t i = 0; i < activity.size(); ++i) {
    const auto group = std::ranges::find(
        report.groups, core::name_of_day(first + std::chrono::days(i)), &core::UsageGroup::name);
    activity[i] = group == report.groups.end() ? 0 : group->counts.requests;
  }
  return activity;
}

std::string sparkline(const Activity& activity, bool draws_blocks) {
  const Bars bars(1, *std::ranges::max_element(activity), draws_blocks);
  std::string line;
  for (const std::uint64_t requests : activity) {
    line += bars.spark(requests);
  }
  return line;
}

}  // namespace nexakey::cli
