#pragma once

#include "cli/context.h"
#include "core/usage.h"

namespace nexakey::cli {

/// How a report is printed.
struct UsageStyle {
  bool has_chart = false;    ///< with bars, or as a heat map
  bool is_in_order = false;  ///< the groups are spans of time, all of them, one after the other
};

/// Prints a report of usage for people: the periods, the error rate and the groups.
void print_usage(Context& context, const core::UsageReport& report, const UsageStyle& style);

}  // namespace nexakey::cli
