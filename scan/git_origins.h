#pragma once

#include <string>
#include <vector>

#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Finds the first commit that added each leaking content, and its path. A content with several
/// paths is returned once for each path; one that is in no commit is returned unchanged. Calls
/// `note` if git fails, or if the history has too many paths: a small repository can have billions,
/// if its folders contain one another's trees several times.
std::vector<FoundLeak> attribute(std::vector<FoundLeak> found,
                                 const std::vector<std::string>& revisions, const Note& note);

}  // namespace nexakey::scan
