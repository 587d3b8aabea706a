#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/key.h"
#include "core/policy.h"
#include "core/sha256.h"
#include "core/time.h"
#include "core/token.h"

namespace nexakey::core {

/// The log of all changes: who made which, when, and from where. Its entries are chained by hash,
/// so that altering, removing or inserting one is detected. An attacker who can write to the store
/// can compute the whole chain anew; a head that is kept elsewhere reveals that.

/// The author of a change.
struct Actor {
  std::string name{};    ///< the local user, or the name of the token
  std::string source{};  ///< the host, or the address of the peer

  friend bool operator==(const Actor&, const Actor&) = default;
};

enum class AuditAction {
  create,
  edit,
  revoke,
  rotate,
  whitelist,  ///< an edit of the whitelist alone
  import,
  restore,  ///< of a backup
  purge,    ///< removal of a key that has ended
  token_create,
  token_revoke,
  policy_set,    ///< of a workspace
  policy_clear,  ///< removal of all its rules
};

std::string_view name_of(AuditAction action);
std::optional<AuditAction> parse_audit_action(std::string_view name);

/// A change, as the store that makes it describes it.
struct AuditRecord {
  AuditAction action{};
  std::string workspace{};     ///< of the key; of the token, if it is bound to one
  std::string subject{};       ///< the id of the key or token; none for an import
  std::string details = "{}";  ///< what changed, as canonical JSON; never a secret
};

/// An entry of the log. Its text is unchecked: it may have been tampered with.
struct AuditEntry {
  std::int64_t number = 0;  ///< from 1 on, without gaps
  Time at{};
  std::string action{};
  Actor actor{};
  std::string workspace{};
  std::string subject{};
  std::string details = "{}";
  Sha256 hash{};  ///< see `hash_of`

  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

/// The last entry of a log, whose hash covers all of it.
struct AuditHead {
  std::int64_t number = 0;  ///< 0: the log is empty
  Sha256 hash{};

  /// `NUMBER:HASH`, which `parse` reads. Error: `usage`.
  [[nodiscard]] std::string to_string() const;
  static Result<AuditHead> parse(std::string_view text);
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

/// The hash of an entry: SHA-256 of the 32 bytes of the previous entry's hash (zeros for the first
/// entry), followed by the entry as JSON without `hash`, in the canonical form of RFC 8785 (no
/// spaces, sorted names, UTF-8, minimal escapes).
Sha256 hash_of(const AuditEntry& entry, const Sha256& previous);

/// The entry for a change that follows `head`.
AuditEntry next_entry(const AuditHead& head, const Actor& actor, Time at, AuditRecord record);

/// The records of changes. The details of a creation are all members of the new key or token that
/// have a value (core/json.h). Those of a change are the members that differ, as {"from": …, "to":
/// …}, and for the whitelist {"added": […], "removed": […]}. Empty if nothing changed. An `edit` of
/// the whitelist alone becomes `whitelist`.
AuditRecord record_creation(const Key& key);
AuditRecord record_creation(const Token& token);
std::optional<AuditRecord> record_change(AuditAction action, const Key& before, const Key& after);
/// Empty if nothing changed.
std::optional<AuditRecord> record_policy(const Policy& before, const Policy& after);
AuditRecord record_revocation(const Token& before, const Token& after);
/// What `record_change` returns for a key that was revoked.
AuditRecord record_revocation(const Key& before, const Key& after);
/// The purge of a key: its name, when it ended, and the keys that it was rotated from and to.
AuditRecord record_purge(const Key& key);
/// The restore of a backup, and how many revocations, earlier expiries and purges of the replaced
/// store it kept.
AuditRecord record_restore(std::uint64_t revoked_keys, std::uint64_t revoked_tokens,
                           std::uint64_t expired_earlier, std::uint64_t purged_keys);

/// Selects entries.
struct AuditFilter {
  std::vector<std::string> subjects{};  ///< about one of these keys or tokens; none: any
  std::optional<std::string> actor{};   ///< with this name
  std::optional<AuditAction> action{};
  std::optional<std::string> workspace{};  ///< none: every workspace, and what belongs to none
  std::optional<Time> since{};
  std::optional<Time> until{};        ///< before this
  std::int64_t after = 0;             ///< only entries after this number
  std::optional<std::size_t> last{};  ///< of these, only the newest, this many; at least 1

  /// Whether an entry meets all conditions but `last`.
  [[nodiscard]] bool matches(const AuditEntry& entry) const;
};

/// Checks a log, entry by entry from the first on.
class AuditChecker {
 public:
  /// `known`: a head of this log from an earlier time.
  explicit AuditChecker(std::optional<AuditHead> known = {}) : known_(known) {}

  /// Adds the next entry. Returns whether the log is intact up to it; false for all entries after a
  /// damaged one.
  bool add(const AuditEntry& entry);
  /// The head of the log. Error: `failed`, with the first entry that is wrong.
  [[nodiscard]] Result<AuditHead> finish() const;

 private:
  std::optional<AuditHead> known_;
  AuditHead head_;
  std::string problem_;
};

}  // namespace nexakey::core
