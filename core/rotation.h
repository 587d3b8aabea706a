#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/key.h"

namespace nexakey::core {

/// Why a rotation without grace revokes the old key.
inline constexpr std::string_view kRotatedReason = "rotated";

/// How a key gets a successor. Whoever asks for it makes the new key; asking twice for the same
/// rotation does it once.
struct Rotation {
  KeyId successor;
  KeyHash hash{};
  std::string last_four;
  Time created_at{};
  std::chrono::seconds grace{0};  ///< how long the old key lives on
  /// When the successor expires; not set: after the time that the old key had from its beginning.
  std::optional<std::optional<Time>> expires_at{};
};

/// The two keys of a rotation.
struct Rotated {
  Key successor;
  Key previous;

  friend bool operator==(const Rotated&, const Rotated&) = default;
};

/// The keys after the rotation. The successor takes over name, workspace, scopes, whitelist, limit,
/// description and labels. Without grace the old key is revoked now, else it expires with the
/// grace or when it would have anyway. A `conflict` if it was rotated before, or is not active.
Result<Rotated> rotate(const Key& key, const Rotation& rotation, Time now);

/// Whether `key` and its successor are what this very rotation has made of them before.
bool is_done(const Rotation& rotation, const Key& key, const Key& successor);

/// The whole of a rotation from outside.
Result<void> check_rotation(const Rotation& rotation);

}  // namespace nexakey::core
