#pragma once

#include "core/json/limits.h"
#include "core/json/shape.h"

namespace nexakey::core::shape {

/// The members of a key without damage. `ip`: the presence of the address of the last use.
constexpr auto decoded_key_members(Presence ip) {
  return std::make_tuple(
      member<Key>("id", &Key::id, Presence::required), member<Key>("name", &Key::name),
      member<Key>("workspace", &Key::workspace),
      member_as<Hint<kApiKeyForm>>("hint", &Key::last_four, Presence::required),
      member_as<AnyScopes>("scopes", &Key::scopes, Presence::required),
      member<Key>("whitelist", &Key::whitelist),
      member_as<RateLimitCodec>("rate_limit", &Key::rate_limit),
      member<Key>("limits", &Key::limits, Presence::sparse),
      computed<Named<KeyStatus, parse_status>>(
          "status", [](const Key& key, Time now) { return key.status(now); }),
      member<Key>("labels", &Key::labels),
      member_as<OptionalText>("description", &Key::description),
      member<Key>("created_at", &Key::created_at), member<Key>("expires_at", &Key::expires_at),
      member<Key>("suspended_at", &Key::suspended_at), member<Key>("revoked_at", &Key::revoked_at),
      member_as<OptionalText>("revoke_reason", &Key::revoke_reason),
      member<Key>(
          "last_used_at", [](auto& key) -> auto& { return key.last_use.at; }),
      member<Key>(
          "last_used_ip", [](auto& key) -> auto& { return key.last_use.ip; }, ip),
      member<Key>("rotated_from", &Key::rotated_from),
      member<Key>("line", &Key::line, Presence::sparse),
      member<Key>("superseded_by", &Key::superseded_by),
      member<Key>("unconfirmed", &Key::unconfirmed, Presence::sparse));
}
inline constexpr auto kDamageMember =
    std::make_tuple(member<Key>("damage", &Key::damage, Presence::sparse));
inline constexpr auto kKeyMembers =
    std::tuple_cat(decoded_key_members(Presence::optional), kDamageMember);

/// The hash, which another store needs to import the key.
inline constexpr auto kKeyHashMember =
    std::make_tuple(member<Key>("hash", &Key::hash, Presence::required));
inline constexpr auto kKeyRecordMembers = std::tuple_cat(kKeyMembers, kKeyHashMember);
/// In an export, an address that is not known is absent, as in the exports of older versions.
inline constexpr auto kExportedKeyMembers =
    std::tuple_cat(decoded_key_members(Presence::sparse), kDamageMember, kKeyHashMember);
inline constexpr auto kNewKeyMembers =
    std::tuple_cat(decoded_key_members(Presence::optional), kKeyHashMember);

}  // namespace nexakey::core::shape
