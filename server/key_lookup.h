#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/key.h"
#include "server/routes.h"

/// The look-up of the keys that a call names. Keys outside of its workspace are not found.
namespace nexakey::server {

/// The error `not_found` for this id.
core::Error no_such_key(const std::string& id);

/// Parses an id in a path or a body. Error: `not_found`, because no key has a malformed id.
core::Result<core::KeyId> read_key_id(const std::string& text);

/// The keys with these ids or hashes, in the same order; empty for those that are not found.
core::Result<std::vector<std::optional<core::Key>>> look_up(const Call& call,
                                                            std::span<const core::KeyId> ids);
core::Result<std::vector<std::optional<core::Key>>> look_up(const Call& call,
                                                            std::span<const core::KeyHash> hashes);

/// The response {"key": …}.
HttpResponse key_response(const core::Key& key, core::Time now);

/// Error: `not_found`, if the call cannot reach one of the keys. (A key never changes its
/// workspace, so a change may follow in another transaction.)
core::Result<void> check_in_reach(const Call& call, std::span<const core::KeyId> ids);

}  // namespace nexakey::server
