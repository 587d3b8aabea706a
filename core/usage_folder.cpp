#include "core/usage_folder.h"

namespace nexakey::core {

void UsageFolder::add(KeyUsage usage) {
  const Time day = start_of_day(usage.hour);
  if (!continues(usage)) {
    finish();
  }
  if (day_.empty() && usage.grain == Grain::hour && day >= cutoff_) {
    pass_(std::move(usage));
    return;
  }
  usage.grain = Grain::day;
  usage.hour = day;
  const std::uint64_t requests = std::exchange(usage.requests, 0);
  std::pair row(usage.endpoint, usage.status);
  KeyUsage& sum = day_.try_emplace(std::move(row), std::move(usage)).first->second;
  sum.requests = add_counts(sum.requests, requests);
}

bool UsageFolder::continues(const KeyUsage& usage) const {
  return !day_.empty() && day_.begin()->second.key == usage.key &&
         day_.begin()->second.hour == start_of_day(usage.hour);
}

void UsageFolder::finish() {
  for (auto& [row, usage] : day_) {
    pass_(std::move(usage));
  }
  day_.clear();
}

}  // namespace nexakey::core
