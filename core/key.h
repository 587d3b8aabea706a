#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/api_key.h"
#include "core/error.h"
#include "core/id.h"
#include "core/ip_range.h"
#include "core/scopes.h"
#include "core/time.h"

namespace nexakey::core {

inline constexpr std::uint32_t kDefaultRateLimit = 100;
inline constexpr std::uint32_t kMaxRateLimit = 100'000;
inline constexpr std::string_view kDefaultWorkspace = "default";

/// `damaged`: the store cannot decode what decides about the key.
enum class KeyStatus { active, suspended, expired, revoked, damaged };

std::string_view name_of(KeyStatus status);
std::optional<KeyStatus> parse_status(std::string_view name);

/// What a decision needs to know of a key.
struct KeyRules {
  KeyId id;
  std::string workspace{kDefaultWorkspace};
  Scopes scopes;
  Whitelist whitelist;
  std::uint32_t rate_limit = kDefaultRateLimit;  ///< requests in any 60 seconds
  std::optional<Time> expires_at;                ///< from this very moment on it is expired
  std::optional<Time> suspended_at;
  std::optional<Time> revoked_at;
  /// The store cannot decode one of the members above, which then has its default value. No request
  /// is decided by such a key; it can be revoked.
  bool is_damaged = false;

  /// The first that applies of revoked, damaged, suspended and expired; else active.
  [[nodiscard]] KeyStatus status(Time now) const;
  /// Neither revoked, suspended nor expired: only then does it have a window.
  [[nodiscard]] bool is_active(Time now) const { return status(now) == KeyStatus::active; }
  /// Revoked or expired: it can no longer be used, nor be resumed.
  [[nodiscard]] bool has_ended(Time now) const;
};

using Labels = std::map<std::string, std::string>;

/// Whether a member of a key, by its name in JSON and in tables, is one of KeyRules.
bool is_rule(std::string_view member);

/// All that is known of a key; never the key itself.
struct Key : KeyRules {
  KeyHash hash{};
  std::string last_four;  ///< the end of the key
  std::string name;
  std::string description;
  Labels labels;
  Time created_at{};
  std::string revoke_reason;
  std::optional<Time> last_used_at;  ///< the last decision about it
  std::optional<KeyId> rotated_from;
  std::optional<KeyId> superseded_by;
  /// The columns that the store cannot decode, in any member, those of KeyRules included.
  std::vector<std::string> damage;

  friend bool operator==(const Key& a, const Key& b);
};

/// What `edit` and `whitelist` change of a key; what is not set stays.
struct KeyChange {
  std::optional<std::string> name{};
  std::optional<std::string> description{};
  std::optional<Scopes> scopes{};
  std::optional<std::optional<Time>> expires_at{};
  std::optional<std::uint32_t> rate_limit{};
  Labels labels{};  ///< set; one with an empty value is removed
  std::optional<bool> suspended{};
  Whitelist allow{};
  Whitelist disallow{};
  bool may_open = false;  ///< whether `disallow` may empty the whitelist, which lets anyone in
};

/// Why a key with damage takes no change but its revocation: writing it would make the damage
/// final.
Error damaged_key(const Key& key);

/// The key after the change, or why it can't be made: a revoked key takes none (`conflict`), and
/// see KeyChange::may_open (`confirmation_required`).
Result<Key> apply(Key key, const KeyChange& change, Time now);

/// The checks of what a user gives; each returns the error, if there is one.
/// A name: 1–64 printable characters; not what an id, a key or an option looks like.
Result<void> check_name(std::string_view name);
/// A workspace: 1–64 of [A-Za-z0-9._-], not beginning with - or a dot.
Result<void> check_workspace(std::string_view name);
/// A description or the reason of a revocation: at most 1,000 printable characters.
Result<void> check_description(std::string_view text);
/// A label: the name as a workspace's, the value at most 256 printable characters; at most 64.
Result<void> check_labels(const Labels& labels);
Result<void> check_rate_limit(std::int64_t limit);
/// What is shown of a secret.
Result<void> check_last_four(std::string_view text);
/// The whole of a key from outside, such as another store.
Result<void> check_key(const Key& key);

/// Reads `name=value`.
Result<Labels> parse_labels(const std::vector<std::string>& texts);

}  // namespace nexakey::core
