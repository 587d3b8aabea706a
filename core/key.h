#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_key.h"
#include "core/error.h"
#include "core/id.h"
#include "core/ip_range.h"
#include "core/limits.h"
#include "core/scopes.h"
#include "core/time.h"

namespace nexakey::core {

inline constexpr std::uint32_t kDefaultRateLimit = 100;
inline constexpr std::string_view kDefaultWorkspace = "default";

/// `damaged`: the store cannot decode a member of KeyRules.
enum class KeyStatus { active, suspended, expired, revoked, damaged };
inline constexpr std::size_t kKeyStatuses = 5;

std::string_view name_of(KeyStatus status);
std::optional<KeyStatus> parse_status(std::string_view name);

/// The members of a key that decisions depend on.
struct KeyRules {
  KeyId id;
  std::string workspace{kDefaultWorkspace};
  Scopes scopes;
  Whitelist whitelist;
  std::uint32_t rate_limit = kDefaultRateLimit;  ///< requests in any 60 seconds
  Limits limits;                                 ///< the others
  /// The first key of its line of rotations, by which quotas are counted; none: the key itself.
  std::optional<KeyId> line;
  std::optional<Time> expires_at;  ///< expired from this moment on
  std::optional<Time> suspended_at;
  std::optional<Time> revoked_at;
  /// The store cannot decode one of the members above, which then has its default value. Such a key
  /// admits no request, but can be revoked.
  bool is_damaged = false;

  /// The first that applies: revoked, damaged, suspended, expired, active.
  [[nodiscard]] KeyStatus status(Time now) const;
  /// Only an active key has a window.
  [[nodiscard]] bool is_active(Time now) const { return status(now) == KeyStatus::active; }
  /// Revoked or expired: it can neither be used nor resumed.
  [[nodiscard]] bool has_ended(Time now) const { return ended_at(now).has_value(); }
  [[nodiscard]] KeyId first_of_line() const { return line.value_or(id); }
  /// All limits, that of the minute included.
  [[nodiscard]] Windows windows() const;
  /// When it was revoked or expired, whichever came first; none if it has not ended.
  [[nodiscard]] std::optional<Time> ended_at(Time now) const;
};

using Labels = std::map<std::string, std::string>;

/// Whether a member of a key, with its name in JSON and in tables, is one of KeyRules.
bool is_rule(std::string_view member);

/// The last decision about a key.
struct LastUse {
  std::optional<Time> at{};       ///< none: it was never used
  std::optional<IpAddress> ip{};  ///< of the client; none: unknown

  friend bool operator==(const LastUse&, const LastUse&) = default;
};

/// A key, without its secret.
struct Key : KeyRules {
  KeyHash hash{};
  std::string last_four;  ///< the end of the key
  std::string name;
  std::string description;
  Labels labels;
  Time created_at{};
  std::string revoke_reason;
  LastUse last_use;
  std::optional<KeyId> rotated_from;
  std::optional<KeyId> superseded_by;
  /// It was made to replace `rotated_from`, which it has not superseded yet: whether somebody got
  /// it is not confirmed.
  bool unconfirmed = false;
  /// The names of the members that the store cannot decode, including those of KeyRules.
  std::vector<std::string> damage;

  friend bool operator==(const Key& a, const Key& b);
};

/// A change by `edit` or `whitelist`. What is not set stays.
struct KeyChange {
  std::optional<std::string> name{};
  std::optional<std::string> description{};
  std::optional<Scopes> scopes{};
  std::optional<std::optional<Time>> expires_at{};
  std::optional<std::uint32_t> rate_limit{};
  std::vector<LimitChange> limits{};  ///< of other windows than the minute
  Labels labels{};                    ///< set; one with an empty value is removed
  std::optional<bool> suspended{};
  Whitelist allow{};
  Whitelist disallow{};
  bool may_open = false;  ///< whether `disallow` may empty the whitelist, which allows any address
};

/// The error for a change of a key with damage. It can only be revoked, because writing it would
/// make the damage permanent.
Error damaged_key(const Key& key);

/// The key after the change. Errors: `conflict`, if the key is revoked; `confirmation_required`,
/// see KeyChange::may_open.
Result<Key> apply(Key key, const KeyChange& change, Time now);

// Checks of input. Error: `usage`.

/// A name: 1–64 printable characters that do not look like an id, a key or an option.
Result<void> check_name(std::string_view name);
/// A workspace: 1–64 of [A-Za-z0-9._-], not beginning with - or a dot.
Result<void> check_workspace(std::string_view name);
/// A description or the reason of a revocation: at most 1,000 printable characters.
Result<void> check_description(std::string_view text);
/// At most 64 labels, each with a name like a workspace's and a value of at most 256 printable
/// characters.
Result<void> check_labels(const Labels& labels);
Result<void> check_rate_limit(std::int64_t limit);
/// The last four characters of a secret.
Result<void> check_last_four(std::string_view text);
/// All members of a key from outside, such as another store.
Result<void> check_key(const Key& key);

/// Parses labels: `name=value`. Error: `usage`.
Result<Labels> parse_labels(const std::vector<std::string>& texts);

}  // namespace nexakey::core
