#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Searches files, folders with all that is in them, and standard input ("-").
///
/// A folder in a work tree of git has what git would take into it: neither ignored files nor `.git`
/// (with `ignored` they are searched too, but for `.git`); a submodule or another repository in it
/// has its own. Outside of a work tree nothing is ignored. In folders, symbolic links are not
/// followed, and what is no file (pipes, devices) is passed over. What is named is searched,
/// whatever it is. Error: `usage` if a path does not exist; nothing has been searched then.
core::Result<void> scan_paths(const std::vector<std::string>& paths, bool ignored, LeakSink& sink);

}  // namespace nexakey::scan
