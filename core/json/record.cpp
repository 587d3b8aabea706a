#include "core/json/audit.h"
#include "core/json/key.h"
#include "core/json/record_line.h"
#include "core/json/token.h"

namespace nexakey::core {
namespace shape {
namespace {

/// The status of a count without its reason.
struct PlainStatus : Integer<int, 0, std::int64_t{2} * kUpstreamStatus - 1> {
  static void write(JsonWriter& json, int status) { json.number(plain_status(status)); }
  static char* put(char* at, int status) = delete;  // that of Integer writes the reason too
};

/// The reason of a denial, if it is known. It follows the status, to which it is added.
struct DenialMember {
  using C = Named<Reason, parse_reason>;
  std::string_view name = "reason";

  [[nodiscard]] MemberSchema schema() const {
    return {.name = name, .type = C::schema(), .is_required = false, .is_always_written = false};
  }
  void write(JsonWriter& json, const KeyUsage& usage, const std::optional<Time>& /*now*/) const {
    if (const auto reason = denial_of(usage.status)) {
      C::write(json.name(name), *reason);
    }
  }
  Result<void> read(const Json* value, std::string_view /*what*/, KeyUsage& usage) const {
    if (value == nullptr) {
      return {};
    }
    return C::read(*value, name).and_then([&](Reason reason) -> Result<void> {
      if (status_of(reason) != usage.status) {
        return reject("the reason " + std::string(name_of(reason)) + " does not have the status " +
                      std::to_string(usage.status));
      }
      usage.status = counted_status(reason);
      return {};
    });
  }
};

/// The time of a count, in a member with the name of its grain. That of a day comes first.
template <Grain grain>
struct TimeMember {
  using C = Codec<Time>;
  std::string_view name = grain == Grain::day ? "day" : "hour";

  [[nodiscard]] MemberSchema schema() const {
    return {.name = name, .type = C::schema(), .is_required = false, .is_always_written = false};
  }
  void write(JsonWriter& json, const KeyUsage& usage, const std::optional<Time>& /*now*/) const {
    if (usage.grain == grain) {
      C::write(json.name(name), usage.hour);
    }
  }
  Result<void> read(const Json* value, std::string_view /*what*/, KeyUsage& usage) const {
    if (grain == Grain::hour && (value != nullptr) == (usage.grain == Grain::day)) {
      return reject("a record of usage must have a day or an hour");
    }
    if (value == nullptr) {
      return {};
    }
    return C::read(*value, name).map([&](Time time) {
      usage.grain = grain;
      usage.hour = time;
    });
  }
};

constexpr auto kUsage = std::make_tuple(
    member<KeyUsage>("key_id", &KeyUsage::key, Presence::required), TimeMember<Grain::day>(),
    TimeMember<Grain::hour>(),
    member<KeyUsage>("endpoint", &KeyUsage::endpoint, Presence::required),
    member_as<PlainStatus>("status", &KeyUsage::status, Presence::required), DenialMember(),
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
  static constexpr const auto& kMembers = kExportedKeyMembers;
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

/// Reads the members of a record from a line, without the checks of all of them together.
template <typename T>
std::optional<T> read_members_of(RecordLine& line) {
  T record{};
  const auto find = [&](std::string_view name) { return line.find(name); };
  const bool is_read =
      read_each(find, "a record", record, RecordShape<T>::kMembers).has_value() && line.is_read();
  return is_read ? std::optional(std::move(record)) : std::nullopt;
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

std::optional<Record> read_record_line(std::string_view text) {
  RecordLine line(text);
  if (line.type() == shape::RecordShape<Key>::kType) {
    // A key that is damaged or has no name is an exception, for `read_key`.
    auto key = shape::read_members_of<Key>(line);
    return key && key->damage.empty() && !key->name.empty() && check_key(*key)
               ? std::optional<Record>(*std::move(key))
               : std::nullopt;
  }
  if (line.type() == shape::RecordShape<KeyUsage>::kType) {
    auto usage = shape::read_members_of<KeyUsage>(line);
    return usage && check_usage(*usage) ? std::optional<Record>(*std::move(usage)) : std::nullopt;
  }
  if (line.type() == shape::RecordShape<AuditEntry>::kType) {
    auto entry = shape::read_members_of<AuditEntry>(line);
    return entry ? std::optional<Record>(*std::move(entry)) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace nexakey::core
