#pragma once

#include <string>

#include "cli/context.h"
#include "core/key_filter.h"

namespace nexakey::cli {

// Hints for what a store does not have: where it is, or what is similar to it. There is none if the
// store cannot be asked. Only the newest keys of a large store are compared.

/// The hint for a key name that a workspace does not have; empty if there is none.
std::string hint_for_name(const Context& context, store::KeyStore& store,
                          const std::string& workspace, const std::string& name);

/// Prints the hint for a filter that selects no keys, if the workspace that the user named, or a
/// label of the filter, does not exist and is similar to one that does.
void note_near_miss(const Context& context, store::KeyStore& store, const core::KeyFilter& filter);

}  // namespace nexakey::cli
