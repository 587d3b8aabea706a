#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Searches files, folders with their contents, and standard input ("-").
///
/// In a git work tree, only the files that git would add are searched: neither `.git` nor, without
/// `ignored`, ignored files. A submodule or another repository in it has its own rules. Outside of
/// a work tree, nothing is ignored. In folders, symbolic links are not followed, and other files
/// (pipes, devices) are skipped. Paths that are arguments are always searched. Error: `usage`, if a
/// path does not exist; nothing has been searched then.
core::Result<void> scan_paths(const std::vector<std::string>& paths, bool ignored, LeakSink& sink);

}  // namespace nexakey::scan
