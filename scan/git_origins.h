#pragma once

#include <string>
#include <vector>

#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Finds the commit that added each object with a leak, and the path there: the first one in the
/// history. An object with several paths is returned once for each; an object that is in no commit
/// is returned unchanged. Calls `note` if git fails, or if the history has too many paths: a small
/// repository can have billions, if its folders contain one another's trees several times.
std::vector<FoundLeak> attribute(std::vector<FoundLeak> found,
                                 const std::vector<std::string>& revisions, const Note& note);

}  // namespace nexakey::scan
