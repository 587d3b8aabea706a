#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/rotation.h"
#include "store/change.h"
#include "store/key_store.h"

/// The rules for changing keys, which are the same for every engine. Each function implements the
/// function of Changes with its name, within one transaction.
namespace nexakey::store::rules {

Result<core::Key> create(Change& change, const core::Key& key, CreateMode mode);

Result<std::optional<core::Key>> update(Change& change, core::KeyId id,
                                        const core::KeyChange& key_change);

Result<std::optional<core::Rotated>> rotate(Change& change, core::KeyId id,
                                            const core::Rotation& rotation);

/// Revokes keys in small groups until all are revoked or `is_over`, which is called after each
/// group, returns true. Returns the keys that are revoked now, in the order of `ids`.
Result<std::vector<core::Key>> revoke(Change& change, std::span<const core::KeyId> ids,
                                      const std::string& reason,
                                      const std::function<bool()>& is_over);

}  // namespace nexakey::store::rules
