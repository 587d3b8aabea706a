#pragma once

#include "cli/context.h"
#include "core/key.h"

namespace nexakey::cli {

/// Prints a note, unless --quiet is given, if another key that has not ended has the name of `key`
/// in its workspace: the name then refers to neither.
void note_twins(const Context& context, store::KeyStore& store, const core::Key& key);

}  // namespace nexakey::cli
