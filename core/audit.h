#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/key.h"
#include "core/sha256.h"
#include "core/time.h"
#include "core/token.h"

namespace nexakey::core {

/// The log of all changes: who made which, when, and from where. Its entries are chained by hash,
/// so that none can be altered, removed or put in between without a trace; whoever can write to
/// the store could chain the whole log anew, which is what a head that is kept elsewhere is for.

/// Who makes changes.
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
  whitelist,  ///< nothing but the whitelist was edited
  import,
  token_create,
  token_revoke,
};

std::string_view name_of(AuditAction action);
std::optional<AuditAction> parse_audit_action(std::string_view name);

/// A change as the store that makes it writes it down.
struct AuditRecord {
  AuditAction action{};
  std::string workspace{};     ///< of the key; of the token, if it is bound to one
  std::string subject{};       ///< the id of the key or token; none for an import
  std::string details = "{}";  ///< what changed, as canonical JSON; never a secret
};

/// What is known of an entry. Text is as it was found: it may have been tampered with.
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

/// The last entry of a log, which stands for all of it.
struct AuditHead {
  std::int64_t number = 0;  ///< 0: there is no entry
  Sha256 hash{};

  /// `NUMBER:HASH`, and back.
  [[nodiscard]] std::string to_string() const;
  static Result<AuditHead> parse(std::string_view text);
  friend bool operator==(const AuditHead&, const AuditHead&) = default;
};

/// The hash of an entry behind another one: SHA-256 of the 32 bytes of the other's hash (zeros
/// before the first entry) and the entry as JSON, without `hash`, in the canonical form of RFC 8785
/// (no spaces, names sorted, UTF-8, nothing escaped that need not be).
Sha256 hash_of(const AuditEntry& entry, const Sha256& previous);

/// The entry for a change, as the next one of a log.
AuditEntry next_entry(const AuditHead& head, const Actor& actor, Time at, AuditRecord record);

/// The records of changes. A creation has all members of the new key or token that have a value
/// (see core/json.h); a change has each member that differs, as {"from": …, "to": …}, but of the
/// whitelist only what was {"added": […], "removed": […]}. Nothing if nothing changed. `edit`
/// becomes `whitelist` where that is all.
AuditRecord record_creation(const Key& key);
AuditRecord record_creation(const Token& token);
std::optional<AuditRecord> record_change(AuditAction action, const Key& before, const Key& after);
AuditRecord record_revocation(const Token& before, const Token& after);

/// Which entries are wanted.
struct AuditFilter {
  std::vector<std::string> subjects{};  ///< about one of these keys or tokens; none: any
  std::optional<std::string> actor{};   ///< by whoever has this name
  std::optional<AuditAction> action{};
  std::optional<std::string> workspace{};  ///< none: every workspace, and what belongs to none
  std::optional<Time> since{};
  std::optional<Time> until{};  ///< before this
  std::int64_t after = 0;       ///< behind this number

  [[nodiscard]] bool matches(const AuditEntry& entry) const;
};

/// Checks a log that is fed to it from its first entry on.
class AuditChecker {
 public:
  /// `known`: a head of this log from an earlier time.
  explicit AuditChecker(std::optional<AuditHead> known = {}) : known_(known) {}

  /// Whether the log is whole up to this entry; after the first one that is not, all are refused.
  bool add(const AuditEntry& entry);
  /// The head, if the log is whole; else what is wrong with which entry (`failed`).
  [[nodiscard]] Result<AuditHead> finish() const;

 private:
  std::optional<AuditHead> known_;
  AuditHead head_;
  std::string problem_;
};

}  // namespace nexakey::core
