#include "core/json/audit.h"
#include "core/json/key.h"
#include "core/json/token.h"

namespace nexakey::core {
namespace shape {
namespace {

constexpr auto kUsage =
    std::make_tuple(member<KeyUsage>("key_id", &KeyUsage::key, Presence::required),
                    member<KeyUsage>("hour", &KeyUsage::hour, Presence::required),
                    member<KeyUsage>("endpoint", &KeyUsage::endpoint, Presence::required),
                    member_as<Integer<int, 0, std::int64_t{2} * kUpstreamStatus>>(
                        "status", &KeyUsage::status, Presence::required),
                    member<KeyUsage>("requests", &KeyUsage::requests, Presence::required));

/// The type of a record, and its other members.
template <typename T>
struct RecordShape;
template <>
struct RecordShape<Token> {
  static constexpr std::string_view kType = "token";
  static constexpr const auto& kMembers = kTokenRecordMembers;
};
template <>
struct RecordShape<Key> {
  static constexpr std::string_view kType = "key";
  static constexpr const auto& kMembers = kKeyRecordMembers;
};
template <>
struct RecordShape<KeyUsage> {
  static constexpr std::string_view kType = "usage";
  static constexpr const auto& kMembers = kUsage;
};
template <>
struct RecordShape<AuditEntry> {
  static constexpr std::string_view kType = "audit";
  static constexpr const auto& kMembers = kAuditMembers;
};

Result<KeyUsage> read_usage_record(const Json& json) {
  return read_object<KeyUsage>(json, "a record of usage", kUsage, Unknown::refused)
      .and_then(
          [](const KeyUsage& usage) { return check_usage(usage).map([&] { return usage; }); });
}

Result<Record> as_record(auto result) {
  return std::move(result).map([](auto value) { return Record(std::move(value)); });
}

}  // namespace
}  // namespace shape

void write_record(JsonWriter& json, const Record& record) {
  json.begin_object();
  std::visit(
      [&]<typename T>(const T& one) {
        json.name("type").plain(shape::RecordShape<T>::kType);
        shape::write_members(json, one, shape::RecordShape<T>::kMembers);
      },
      record);
  json.end_object();
}

Result<Record> read_record(Json json) {
  if (!json.is_object()) {
    return reject("a record must be a JSON object");
  }
  auto type = shape::read_string(json.value("type", Json("")), "type");
  if (!type) {
    return tl::unexpected(std::move(type.error()));
  }
  json.erase("type");
  if (*type == shape::RecordShape<Token>::kType) {
    return shape::as_record(read_token(json, Unknown::refused));
  }
  if (*type == shape::RecordShape<Key>::kType) {
    return shape::as_record(read_key(json, Unknown::refused));
  }
  if (*type == shape::RecordShape<KeyUsage>::kType) {
    return shape::as_record(shape::read_usage_record(json));
  }
  if (*type == shape::RecordShape<AuditEntry>::kType) {
    return shape::as_record(read_audit_entry(json));
  }
  return reject("unknown record type " + quote(*type));
}

}  // namespace nexakey::core
