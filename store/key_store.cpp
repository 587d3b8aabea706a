#include "store/key_store.h"

#include "store/bulk.h"

namespace nexakey::store {

Result<std::vector<core::Key>> Changes::revoke(std::span<const core::KeyId> ids,
                                               const std::string& reason, core::Time now) {
  std::vector<core::Key> revoked;
  const auto collect = [&](std::span<const core::Key> keys) {
    revoked.insert(revoked.end(), keys.begin(), keys.end());
    return true;
  };
  return revoke(ids, reason, now, collect).map([&] { return std::move(revoked); });
}

Result<void> Changes::purge(std::span<const core::KeyId> ids, const core::PurgeOptions& options,
                            core::Time now,
                            const std::function<bool(std::span<const core::KeyId>)>& visit) {
  const auto step = [&](std::span<const core::KeyId> some) {
    return purge_step(some, options, now);
  };
  return purge_in_bulk(ids, step, visit);
}

}  // namespace nexakey::store
