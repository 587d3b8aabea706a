#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/backup.h"
#include "store/key_store.h"

namespace nexakey::store {

/// A store that `nexakey serve` can serve: one that is not itself behind a server. It adds to
/// KeyStore what only a server needs.
class ServedStore : public KeyStore {
 public:
  /// The tokens with these hashes, active or not, in the same order; empty in the place of one that
  /// does not exist.
  virtual Result<std::vector<std::optional<core::Token>>> find_tokens(
      std::span<const core::CredentialHash> hashes) = 0;

  /// Whether the store is as new as its revocation log, if it has one. Error: `store_unavailable`.
  virtual Result<void> check_revocation_log() { return {}; }
  /// Writes to the revocation log, if there is one, what it lacks.
  virtual Result<void> write_revocation_log() { return {}; }
  /// Ends what has ended according to the revocation log, which the store must have. The audit log
  /// names `actor`.
  virtual Result<AppliedEndings> apply_revocation_log(const core::Actor& /*actor*/,
                                                      core::Time /*now*/) {
    return AppliedEndings();
  }

  /// Does the work that verifications defer. A server calls it a few times a second, on its own
  /// thread with its own store object.
  virtual Result<void> maintain() = 0;
};

}  // namespace nexakey::store
