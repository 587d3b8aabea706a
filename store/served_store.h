#pragma once

#include <optional>
#include <span>
#include <vector>

#include "store/backup.h"
#include "store/key_store.h"

namespace nexakey::store {

/// What is done of the work that decisions and revocations defer.
struct Maintained {
  bool is_flushed = false;  ///< no counts are due to be moved to the tables
  /// Whether the revocation log had all that was ended when it was last written; none: there is no
  /// log.
  std::optional<bool> is_logged{};
};

/// A store that `nexakey serve` can serve: one that is not itself behind a server. It adds to
/// KeyStore what only a server needs.
class ServedStore : public KeyStore {
 public:
  /// The tokens with these hashes, active or not, in the same order; empty in the place of one that
  /// does not exist.
  virtual Result<std::vector<std::optional<core::Token>>> find_tokens(
      std::span<const core::CredentialHash> hashes) = 0;

  /// The trusts that are not revoked, newest first. A process that only decides may ask for them.
  virtual Result<std::vector<core::Token>> trusts() = 0;

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

  /// Does the work that is deferred. A server calls it a few times a second, on its own thread with
  /// its own store object. What fails is done by the next call, or by a verification.
  virtual Maintained maintain() = 0;
};

}  // namespace nexakey::store
