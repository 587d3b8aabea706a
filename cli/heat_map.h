#pragma once

#include <string>

#include "cli/terminal.h"
#include "core/time.h"
#include "core/usage.h"

namespace nexakey::cli {

/// Whether a report by the hour is long enough that its hours of the week are of more interest than
/// each hour: 7 days.
bool is_for_heat_map(const core::UsageReport& report, core::Time now);

/// The requests of each hour of the week, as shades: a line per weekday. Counts that are kept by
/// the day are not part of it.
std::string render_heat_map(const core::UsageReport& report, const Terminal& terminal);

}  // namespace nexakey::cli
