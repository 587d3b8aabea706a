#pragma once

#include <vector>

#include "cli/context.h"
#include "cli/leak_report.h"

namespace nexakey::cli {

/// Prints the findings as SARIF 2.1.0 (OASIS), which code scanning services read.
void print_sarif(Context& context, const std::vector<Finding>& findings);

}  // namespace nexakey::cli
