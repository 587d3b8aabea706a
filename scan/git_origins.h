#pragma once

#include <string>
#include <vector>

#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Finds the commit that brought each content that leaks, and its path: the first one, in the order
/// of history. A content with several paths is returned once for each; one that no commit has is
/// returned as it is. Calls `note` if git fails, or if the history has too many paths: a small
/// repository can have billions, if its folders contain one another's trees several times.
std::vector<FoundLeak> attribute(std::vector<FoundLeak> found,
                                 const std::vector<std::string>& revisions, const Note& note);

}  // namespace nexakey::scan
