#pragma once

#include <span>
#include <vector>

#include "core/purge.h"
#include "store/change.h"
#include "store/key_store.h"

/// The rules for removing keys for good, which are the same for every engine.
namespace nexakey::store::rules {

/// Implements Changes::purge_step within one transaction.
PurgeStep purge(Change& change, std::span<const core::KeyId> ids,
                const core::PurgeOptions& options);

/// The same as a dry run.
PurgeStep find_purgeable(Tables& tables, std::span<const core::KeyId> ids,
                         const core::PurgeOptions& options, core::Time now);

/// Replaces keys without usage by their tombstones, and joins the keys that each was rotated from
/// and to.
void bury(Tables& tables, const std::vector<core::Key>& keys, core::Time now);

/// The tombstone that prevents adding a key: one with its id or its hash.
std::optional<core::Tombstone> find_tombstone(Tables& tables, const core::Key& key);

}  // namespace nexakey::store::rules
