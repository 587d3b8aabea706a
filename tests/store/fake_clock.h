#pragma once

#include "core/sliding_window.h"

namespace nexakey::test {

/// Stops the wall clock and the time since boot of this process at a moment, given as the time
/// since 1970. The program that has this function has a clock_gettime(2) of its own; other clocks,
/// which measure how long something takes, go on.
void stop_clocks_at(core::Tick moment);

}  // namespace nexakey::test
