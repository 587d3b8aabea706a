#include "core/json/audit.h"

namespace nexakey::core {
namespace shape {
namespace {

constexpr auto kHead = std::make_tuple(
    member_as<Integer<std::int64_t, 0, std::int64_t{kMaxCount}>>("number", &AuditHead::number),
    member<AuditHead>("hash", &AuditHead::hash, Presence::required));

}  // namespace

void Details::write(JsonWriter& json, const std::string& details) {
  // The entry is one level around its details.
  if (const auto value = parse_json(details, kMaxJsonDepth - 1)) {
    write_json(json, *value);
  } else {
    json.string(details);
  }
}

Result<std::string> Details::read(const Json& value, std::string_view /*name*/) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<ShapeSchema> audit_schemas() {
  return {schema_of("AuditEntry", kAuditMembers), schema_of("AuditHead", kHead)};
}

}  // namespace shape

void write_audit_entry(JsonWriter& json, const AuditEntry& entry) {
  shape::write_object(json, entry, shape::kAuditMembers);
}

Result<AuditEntry> read_audit_entry(const Json& json) {
  return shape::read_object<AuditEntry>(json, "an entry of the audit log", shape::kAuditMembers,
                                        Unknown::ignored);
}

void write_audit_head(JsonWriter& json, const AuditHead& head) {
  shape::write_object(json, head, shape::kHead);
}

Result<AuditHead> read_audit_head(const Json& json) {
  return shape::read_object<AuditHead>(json, "the head of an audit log", shape::kHead,
                                       Unknown::ignored);
}

}  // namespace nexakey::core
