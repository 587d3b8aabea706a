#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/key.h"

namespace nexakey::core {

/// The reason with which a rotation without grace revokes the old key.
inline constexpr std::string_view kRotatedReason = "rotated";

/// The reason with which a successor is revoked that nobody got.
inline constexpr std::string_view kNotDeliveredReason = "not delivered";

/// A part of a rotation whose successor is handed over before it supersedes the old key. The same
/// rotation without a step confirms it.
enum class RotationStep {
  stage,   ///< makes the successor, unconfirmed, and leaves the old key as it is
  cancel,  ///< revokes the unconfirmed successor
};

std::string_view name_of(RotationStep step);
std::optional<RotationStep> parse_rotation_step(std::string_view name);

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
  std::optional<RotationStep> step{};  ///< none: the whole rotation, or what is left of it
};

/// The two keys of a rotation.
struct Rotated {
  Key successor;
  Key previous;

  friend bool operator==(const Rotated&, const Rotated&) = default;
};

/// The keys after the rotation. The successor takes over name, workspace, scopes, whitelist, limit,
/// description and labels. Without grace, the old key is revoked now; else it expires at the end of
/// the grace, or earlier if it would have. If the rotation is staged, the old key stays as it is.
/// Error: `conflict`, if the key has been rotated, is unconfirmed or is not active.
Result<Rotated> rotate(const Key& key, const Rotation& rotation, Time now);

/// The key after `successor` has superseded it.
Key supersede(Key key, KeyId successor, std::chrono::seconds grace, Time now);

/// Whether `key` and its successor are the result of this same rotation.
bool is_done(const Rotation& rotation, const Key& key, const Key& successor);

/// Whether `successor` is what this same rotation has staged for `key`.
bool is_staged(const Rotation& rotation, const Key& key, const Key& successor);

/// All members of a rotation from outside. Error: `usage`.
Result<void> check_rotation(const Rotation& rotation);

/// A key with the properties of another one and its lifetime, created at `now`: without its id,
/// secret, name and history.
Key new_key_like(const Key& key, Time now);

}  // namespace nexakey::core
