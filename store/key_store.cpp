#include "store/key_store.h"

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

}  // namespace nexakey::store
