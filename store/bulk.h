#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "store/key_store.h"

/// Changes of more keys than one transaction takes. A store has one writer at a time, so a change
/// of many keys is split into transactions that are short enough for others to wait for.
namespace nexakey::store {

/// Returns those of these ids that keys have, in any order.
using FindExisting =
    std::function<Result<std::vector<core::KeyId>>(std::span<const core::KeyId> ids)>;
/// Revokes keys in one transaction, from the first on, until `is_over` returns true. Returns those
/// that it revoked; after an error, none is revoked.
using RevokeSome = std::function<Result<std::vector<core::Key>>(
    std::span<const core::KeyId> ids, const std::function<bool()>& is_over)>;

/// Implements Changes::revoke with look-ups of at most `kMaxAtOnce` ids, and revocations of at most
/// `at_once` keys, which is not less.
Result<void> revoke_in_bulk(std::span<const core::KeyId> ids, std::size_t at_once,
                            const FindExisting& find_existing, const RevokeSome& revoke_some,
                            const std::function<bool(std::span<const core::Key>)>& visit);

/// Takes a step of a purge of these keys.
using PurgeSome = std::function<Result<PurgeStep>(std::span<const core::KeyId> ids)>;

/// Implements Changes::purge with its steps.
Result<void> purge_in_bulk(std::span<const core::KeyId> ids, const PurgeSome& purge_some,
                           const std::function<bool(std::span<const core::KeyId>)>& visit);

}  // namespace nexakey::store
