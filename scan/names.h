#pragma once

#include <functional>
#include <string_view>

#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Searches a name, or the target of a link, at a place.
void find_in_name(std::string_view name, LeakPart part, const DocumentPlace& place,
                  const std::function<void(FoundLeak)>& receive);

/// Searches the path of a place, up to its end. A find is at the path of the file or folder that
/// has the name.
void find_in_path(const DocumentPlace& place, LeakSink& sink);

}  // namespace nexakey::scan
