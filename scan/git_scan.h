#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Searches every object of the repository of the current folder, reachable or not: the contents of
/// files, and the texts of commits and tags; or, if revisions are named, every object that
/// `git rev-list` reaches from them. Objects that the repository should have and does not, as in a
/// partial or shallow clone, are reported. Error: `failed` if git fails before anything was read.
core::Result<void> scan_history(const std::vector<std::string>& revisions, LeakSink& sink);

/// Searches what `git commit` would commit of the files that have changed, in the whole index.
/// Error: `failed` if git fails.
core::Result<void> scan_staged(LeakSink& sink);

}  // namespace nexakey::scan
