#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace nexakey::store {

/// What a backup contains.
struct BackupSummary {
  std::uint64_t tokens = 0;
  std::uint64_t keys = 0;
};

/// What a restore did: what the backup contains, and the revocations and purges of the replaced
/// store that the backup did not have.
struct RestoreSummary {
  BackupSummary restored;
  std::uint64_t revoked_tokens = 0;
  std::uint64_t revoked_keys = 0;
  std::uint64_t expired_earlier = 0;  ///< keys whose expiry was shortened
  std::uint64_t purged_keys = 0;      ///< keys of the backup that were purged
  /// Why the replaced store could not be read to the end. Its revocations may be missing.
  std::optional<std::string> unread;
};

}  // namespace nexakey::store
