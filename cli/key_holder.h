#pragma once

#include <optional>
#include <string>

#include "cli/context.h"
#include "cli/key_file.h"
#include "core/key.h"

namespace nexakey::cli {

/// The key whose secret an interrupted command has staged in a file, if the store has the key. A
/// secret whose key has ended or has a successor is deleted; one that only another store may have
/// ends the command (`conflict`).
std::optional<core::Key> find_staged(const Context& context, store::KeyStore& store, KeyFile& file);

/// The key whose secret is in a file, if the store has it.
std::optional<core::Key> find_held(store::KeyStore& store, const KeyFile& file);

/// What a file has, for messages: "ci.key is empty", "ci.key has the key of crm (key_…), which is
/// revoked".
std::string describe_holder(const Context& context, const KeyFile& file,
                            const std::optional<core::Key>& held);

}  // namespace nexakey::cli
