#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "store/key_store.h"

namespace nexakey::store {

/// Requests of a dry run, in which the hash of each key that is named by its id is set. `find`
/// looks keys up, as KeyStore::find does. Errors: those of KeyStore::verify.
Result<std::vector<core::Request>> name_by_hash(
    std::span<const core::Request> requests, const VerifyOptions& options,
    const std::function<
        Result<std::vector<std::optional<core::Key>>>(std::span<const core::KeyId>)>& find);

}  // namespace nexakey::store
