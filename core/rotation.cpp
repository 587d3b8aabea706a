#include "core/rotation.h"

#include <algorithm>

namespace nexakey::core {
namespace {

/// Error: `conflict`, if the key cannot be rotated.
Result<void> check_rotatable(const Key& key, Time now) {
  const std::string id = key.id.to_string();
  if (key.superseded_by) {
    return fail(ErrorCode::conflict,
                id + " was already rotated: its successor is " + key.superseded_by->to_string(),
                "rotate that one");
  }
  if (key.unconfirmed) {
    return fail(ErrorCode::conflict,
                id + " is the unconfirmed successor of another key and cannot be rotated",
                key.rotated_from ? "rotate " + key.rotated_from->to_string() : "");
  }
  if (!key.damage.empty() && !key.revoked_at) {
    return tl::unexpected(damaged_key(key));
  }
  switch (key.status(now)) {
    case KeyStatus::revoked:
      return fail(ErrorCode::conflict, id + " is revoked and cannot be rotated",
                  "create a new key with nexakey create");
    case KeyStatus::suspended:
      return fail(ErrorCode::conflict, id + " is suspended and cannot be rotated",
                  "resume it first with nexakey edit --resume");
    case KeyStatus::expired:
      return fail(ErrorCode::conflict, id + " has expired and cannot be rotated",
                  "extend it with nexakey edit --expires, or create a new key");
    case KeyStatus::damaged:
    case KeyStatus::active:
      break;
  }
  return {};
}

/// The successor has the lifetime that the old key had.
std::optional<Time> inherited_expiry(const Key& key, Time created_at) {
  return key.expires_at ? std::optional(add(created_at, *key.expires_at - key.created_at))
                        : std::nullopt;
}

}  // namespace

std::string_view name_of(RotationStep step) {
  return step == RotationStep::stage ? "stage" : "cancel";
}

std::optional<RotationStep> parse_rotation_step(std::string_view name) {
  for (const RotationStep step : {RotationStep::stage, RotationStep::cancel}) {
    if (name == name_of(step)) {
      return step;
    }
  }
  return std::nullopt;
}

Key supersede(Key key, KeyId successor, std::chrono::seconds grace, Time now) {
  key.superseded_by = successor;
  key.unconfirmed = false;
  if (grace == std::chrono::seconds::zero()) {
    key.revoked_at = now;
    key.revoke_reason = kRotatedReason;
  } else {
    key.expires_at = std::min(key.expires_at.value_or(kLastTime), add(now, grace));
  }
  return key;
}

Result<Rotated> rotate(const Key& key, const Rotation& rotation, Time now) {
  if (const auto checked = check_rotatable(key, now); !checked) {
    return tl::unexpected(checked.error());
  }
  Rotated rotated{.successor = key, .previous = key};
  Key& successor = rotated.successor;
  successor.id = rotation.successor;
  successor.hash = rotation.hash;
  successor.last_four = rotation.last_four;
  successor.created_at = rotation.created_at;
  successor.expires_at = rotation.expires_at.value_or(inherited_expiry(key, rotation.created_at));
  if (successor.expires_at && *successor.expires_at <= now) {
    return reject("the successor of " + key.id.to_string() + " would already be expired",
                  "name a time in the future");
  }
  successor.last_use = {};
  successor.rotated_from = key.id;
  successor.line = key.first_of_line();
  if (key.name == key.id.to_string()) {
    successor.name = successor.id.to_string();
  }
  successor.unconfirmed = rotation.step == RotationStep::stage;
  if (!successor.unconfirmed) {
    rotated.previous = supersede(key, successor.id, rotation.grace, now);
  }
  return rotated;
}

bool is_done(const Rotation& rotation, const Key& key, const Key& successor) {
  return key.superseded_by == rotation.successor && successor.id == rotation.successor &&
         successor.hash == rotation.hash;
}

bool is_staged(const Rotation& rotation, const Key& key, const Key& successor) {
  return successor.unconfirmed && successor.rotated_from == key.id &&
         successor.id == rotation.successor && successor.hash == rotation.hash;
}

Result<void> check_rotation(const Rotation& rotation) {
  if (rotation.grace < std::chrono::seconds::zero() || rotation.grace > kMaxDuration) {
    return reject("a grace period must be from 0 to 100 years");
  }
  return check_last_four(rotation.last_four);
}

Key new_key_like(const Key& key, Time now) {
  Key fresh;
  fresh.workspace = key.workspace;
  fresh.scopes = key.scopes;
  fresh.whitelist = key.whitelist;
  fresh.rate_limit = key.rate_limit;
  fresh.limits = key.limits;
  fresh.labels = key.labels;
  fresh.description = key.description;
  fresh.created_at = now;
  fresh.expires_at = inherited_expiry(key, now);
  return fresh;
}

}  // namespace nexakey::core
