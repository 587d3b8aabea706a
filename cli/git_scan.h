#pragma once

#include <string>
#include <vector>

#include "cli/leak_sink.h"

namespace nexakey::cli {

/// Searches every object of the repository where the process is, reachable or not: the contents of
/// files, and what commits and tags say; or, if revisions are named, every object that
/// `git rev-list` reaches from them.
void scan_history(const std::vector<std::string>& revisions, LeakSink& sink);

/// Finds out which commit brought each content that leaks, and under which path: the first one, in
/// the order of history. Contents with several paths come once for each; those that no commit has
/// stay as they are.
std::vector<FoundLeak> attribute(std::vector<FoundLeak> found,
                                 const std::vector<std::string>& revisions);

/// Searches what `git commit` would commit of the files that have changed.
void scan_staged(LeakSink& sink);

}  // namespace nexakey::cli
