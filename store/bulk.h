#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "store/key_store.h"

/// Changes of more keys than one transaction takes. A single writer has the store at a time, so a
/// change of many keys is split into transactions that are short enough for others to wait for.
namespace nexakey::store {

/// Looks keys up, as KeyStore::find.
using LookUp =
    std::function<Result<std::vector<std::optional<core::Key>>>(std::span<const core::KeyId> ids)>;
/// Revokes the first of some keys in one transaction, until `is_over` returns true, and returns
/// them; or fails, and revokes none.
using RevokeSome = std::function<Result<std::vector<core::Key>>(
    std::span<const core::KeyId> ids, const std::function<bool()>& is_over)>;

/// Changes::revoke, by means of a look-up and of a revocation of at most `kMaxAtOnce` keys.
Result<void> revoke_in_bulk(std::span<const core::KeyId> ids, const LookUp& look_up,
                            const RevokeSome& revoke_some,
                            const std::function<bool(std::span<const core::Key>)>& visit);

}  // namespace nexakey::store
