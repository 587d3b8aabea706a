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

/// What a store lacked of what had ended.
struct AppliedEndings {
  std::uint64_t revoked_tokens = 0;
  std::uint64_t revoked_keys = 0;
  std::uint64_t expired_earlier = 0;  ///< keys whose expiry was shortened

  AppliedEndings& operator+=(const AppliedEndings& more) {
    revoked_tokens += more.revoked_tokens;
    revoked_keys += more.revoked_keys;
    expired_earlier += more.expired_earlier;
    return *this;
  }
  friend bool operator==(const AppliedEndings&, const AppliedEndings&) = default;
};

/// What a restore did: what the backup contains, what has ended since in the replaced store or
/// according to the revocation log, and the purges of the replaced store that it did not have.
struct RestoreSummary {
  BackupSummary restored;
  AppliedEndings ended;
  std::uint64_t purged_keys = 0;  ///< keys of the backup that were purged
  /// Why the replaced store could not be read to the end. Its revocations may be missing.
  std::optional<std::string> unread;
};

}  // namespace nexakey::store
