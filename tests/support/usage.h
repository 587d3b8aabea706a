#pragma once

#include <map>
#include <string>

#include "core/usage.h"

namespace nexakey::test {

/// The counts of the groups of a report.
inline std::map<std::string, core::Counts> by_name(const core::UsageReport& report) {
  std::map<std::string, core::Counts> counts;
  for (const core::UsageGroup& group : report.groups) {
    counts[group.name] = group.counts;
  }
  return counts;
}

}  // namespace nexakey::test
