#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/key.h"

namespace nexakey::core {

/// The reason with which a rotation without grace revokes the old key.
inline constexpr std::string_view kRotatedReason = "rotated";

/// A request to rotate a key. The caller generates the successor, so that a repeated request
/// rotates the key once.
struct Rotation {
  KeyId successor;
  KeyHash hash{};
  std::string last_four;
  Time created_at{};
  std::chrono::seconds grace{0};  ///< how long the old key stays valid
  /// When the successor expires; not set: after the lifetime that the old key had.
  std::optional<std::optional<Time>> expires_at{};
};

/// The two keys of a rotation.
struct Rotated {
  Key successor;
  Key previous;

  friend bool operator==(const Rotated&, const Rotated&) = default;
};

/// The keys after the rotation. The successor takes over name, workspace, scopes, whitelist, limit,
/// description and labels. Without grace, the old key is revoked now; else it expires at the end of
/// the grace, or earlier if it would have. Error: `conflict`, if the key has been rotated or is not
/// active.
Result<Rotated> rotate(const Key& key, const Rotation& rotation, Time now);

/// Whether `key` and its successor are the result of this same rotation.
bool is_done(const Rotation& rotation, const Key& key, const Key& successor);

/// All members of a rotation from outside. Error: `usage`.
Result<void> check_rotation(const Rotation& rotation);

/// A key with the properties of another one and its lifetime, created at `now`: without its id,
/// secret, name and history.
Key new_key_like(const Key& key, Time now);

}  // namespace nexakey::core
