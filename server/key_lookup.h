#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/key.h"
#include "server/routes.h"

/// Finding the keys that a call names. Keys outside of its workspace are not found.
namespace nexakey::server {

core::Error no_such_key(const std::string& id);

/// The id in the path, or of a body; `not_found` for what is not an id, because no key has it.
core::Result<core::KeyId> read_key_id(const std::string& text);

/// The keys with these ids or hashes, in their order; nothing in the place of one that is not
/// found.
core::Result<std::vector<std::optional<core::Key>>> find_keys(const Call& call,
                                                              std::span<const core::KeyId> ids);
core::Result<std::vector<std::optional<core::Key>>> find_keys(
    const Call& call, std::span<const core::KeyHash> hashes);

/// {"key": …}: the answer that is one key.
HttpResponse key_response(const core::Key& key, core::Time now);

/// `not_found` if one of the keys is not found. (The workspace of a key never changes, so a change
/// that follows is confined too.)
core::Result<void> check_in_reach(const Call& call, std::span<const core::KeyId> ids);

}  // namespace nexakey::server
