#pragma once

#include "core/json/shape.h"

namespace nexakey::core::shape {

/// The details of an entry: JSON, or a string if the log was tampered with.
struct Details {
  static TypeSchema schema() { return {.type = ""}; }
  static void write(JsonWriter& json, const std::string& details);
  static Result<std::string> read(const Json& value, std::string_view name);
};

inline constexpr auto kAuditMembers = std::make_tuple(
    member_as<Integer<std::int64_t, 0, std::int64_t{kMaxCount}>>("number", &AuditEntry::number),
    member<AuditEntry>("at", &AuditEntry::at, Presence::required),
    member<AuditEntry>("action", &AuditEntry::action),
    member_as<OptionalText>(
        "actor", [](auto& entry) -> auto& { return entry.actor.name; }),
    member_as<OptionalText>(
        "source", [](auto& entry) -> auto& { return entry.actor.source; }),
    member_as<OptionalText>("workspace", &AuditEntry::workspace),
    member_as<OptionalText>("subject", &AuditEntry::subject),
    member_as<Details>("details", &AuditEntry::details),
    member<AuditEntry>("hash", &AuditEntry::hash, Presence::required));

}  // namespace nexakey::core::shape
