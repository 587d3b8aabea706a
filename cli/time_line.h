#pragma once

#include <vector>

#include "core/time.h"
#include "core/usage.h"

namespace nexakey::cli {

/// The groups of a report by the day or hour, from its beginning until now, those without requests
/// too. They are named for people; a span that is not whole is marked with an asterisk.
std::vector<core::UsageGroup> time_line(const core::UsageReport& report, core::Time now);

/// The explanation of the mark.
inline constexpr const char* kMarkLegend = "* only a part of it\n";

}  // namespace nexakey::cli
