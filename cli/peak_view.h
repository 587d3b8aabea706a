#pragma once

#include <vector>

#include "cli/context.h"
#include "core/peaks.h"

namespace nexakey::cli {

/// Prints how close keys came to their limits in the output format of the settings.
void print_peaks(Context& context, const core::PeakReport& report);

/// Prints a key as a change would leave it and, for each sliding window that the change sets, in
/// how many hours the key was above the new limit. `limits`: the new ones. `peaks`: those that are
/// recorded, compared with them.
void print_planned_key(Context& context, const core::Key& key,
                       const std::vector<core::Limit>& limits,
                       const std::vector<core::KeyPeak>& peaks);

}  // namespace nexakey::cli
