#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/audit.h"
#include "store/backup.h"
#include "store/engine.h"
#include "store/revocation_log.h"

namespace nexakey::store {

/// Keeps the revocation log of a store, and finds out whether the store is older than its log:
/// whether a backup was restored, or a fail-over has lost changes.
///
/// The log is written from the audit log. Each block of it names the last entry of the audit log
/// that it covers. The entries are chained by hash, so a store that has this entry has all changes
/// that the log has. A process that dies between a change and the log leaves entries that are not
/// covered; the next one that writes the log adds them.
class RevocationKeeper {
 public:
  /// `path`: the log; it need not exist yet.
  explicit RevocationKeeper(std::filesystem::path path) : path_(std::move(path)) {}

  enum class Use { decision, change };
  /// Whether the store may be used, looked up at most once a second. Errors (`store_unavailable`):
  /// the store is older than its log; the log is that of another store; for a decision, the log
  /// cannot be read, and never could by this object. A change is made without the log, and `write`
  /// tells.
  Result<void> check(Engine& engine, Use use);

  /// Writes to the log, durably, what the store ended since it was last written; everything, if it
  /// does not exist. Error: `outcome_unknown`, because the changes of the caller are made.
  Result<void> write(Engine& engine);

  /// Makes each revocation of the log that the store lacks; and each shorter expiry, if the log has
  /// it from a time after the state of the store. Then writes the log. What the store does not know
  /// is skipped. Changes at most `kMaxAtOnce` rows in a transaction.
  Result<AppliedEndings> apply(Engine& engine, const core::Actor& actor, core::Time now);

 private:
  using Clock = std::chrono::steady_clock;
  /// The state that a log was written in.
  struct State {
    StoreId store{};
    core::AuditHead through;
  };

  [[nodiscard]] Result<std::optional<State>> read_state() const;

  std::filesystem::path path_;
  std::optional<State> state_;  // when the log was last read
  Clock::time_point checked_until_;
};

}  // namespace nexakey::store
