#pragma once

#include <string_view>

#include "scan/byte_source.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Searches the names in a git tree, which are entries of `MODE NAME`, a zero and an id of
/// `id_size` bytes.
void scan_tree(ByteSource& tree, std::size_t id_size, LeakSink& sink);

/// Searches the names of the references of the repository of the current folder.
void scan_references(LeakSink& sink);

}  // namespace nexakey::scan
