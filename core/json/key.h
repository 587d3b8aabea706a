#pragma once

#include "core/json/shape.h"

namespace nexakey::core::shape {

/// The members of a key without damage.
inline constexpr auto kDecodedKeyMembers = std::make_tuple(
    member<Key>("id", &Key::id, Presence::required), member<Key>("name", &Key::name),
    member<Key>("workspace", &Key::workspace),
    member_as<Hint<kApiKeyForm>>("hint", &Key::last_four, Presence::required),
    member_as<AnyScopes>("scopes", &Key::scopes, Presence::required),
    member<Key>("whitelist", &Key::whitelist),
    member_as<RateLimitCodec>("rate_limit", &Key::rate_limit),
    computed<Named<KeyStatus, parse_status>>(
        "status", [](const Key& key, Time now) { return key.status(now); }),
    member<Key>("labels", &Key::labels), member_as<OptionalText>("description", &Key::description),
    member<Key>("created_at", &Key::created_at), member<Key>("expires_at", &Key::expires_at),
    member<Key>("suspended_at", &Key::suspended_at), member<Key>("revoked_at", &Key::revoked_at),
    member_as<OptionalText>("revoke_reason", &Key::revoke_reason),
    member<Key>("last_used_at", &Key::last_used_at),
    member<Key>("rotated_from", &Key::rotated_from),
    member<Key>("superseded_by", &Key::superseded_by));
inline constexpr auto kKeyMembers = std::tuple_cat(
    kDecodedKeyMembers, std::make_tuple(member<Key>("damage", &Key::damage, Presence::sparse)));

/// The hash, which another store needs to import the key.
inline constexpr auto kKeyHashMember =
    std::make_tuple(member<Key>("hash", &Key::hash, Presence::required));
inline constexpr auto kKeyRecordMembers = std::tuple_cat(kKeyMembers, kKeyHashMember);
inline constexpr auto kNewKeyMembers = std::tuple_cat(kDecodedKeyMembers, kKeyHashMember);

}  // namespace nexakey::core::shape
