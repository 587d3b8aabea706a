#pragma once

#include <optional>
#include <string_view>

namespace nexakey::core {

/// The reason of a decision: the outcomes of the checks, in their order.
enum class Reason {
  missing_key,
  malformed_key,
  unknown_key,
  revoked_key,
  damaged_key,  ///< the store cannot decode a member of KeyRules
  suspended_key,
  expired_key,
  ip_not_allowed,
  insufficient_scope,
  busy_key,  ///< something else keeps the key or its window locked
  rate_limited,
  quota_exceeded,
  allowed,
};

std::string_view name_of(Reason reason);
std::optional<Reason> parse_reason(std::string_view name);

/// The HTTP status for a reason: 200, 401, 403, 429, or 503 for `damaged_key` and
/// `busy_key`.
int status_of(Reason reason);

/// The number of a reason in stores, which never changes (docs/file-formats.md).
int number_of(Reason reason);
std::optional<Reason> reason_of(int number);

}  // namespace nexakey::core
